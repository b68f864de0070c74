import {lookBeforeTelling} from '../async/abort.ts';
import type {Driver} from '../driver/driver.ts';
import {closed, isKviError, KviError} from '../etcd/errors.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import {giveUpMs} from '../lease/grant.ts';
import {leaveQueue, type Ownership} from './contender.ts';
import {untilGone} from './deletions.ts';

/** The time for which a contender is first: a lock that is held, or a leadership. */
export interface Tenure {
  readonly key: string;
  /** The one that its key is under. */
  readonly lease: LeaseId;
  /** The create revision of the key, the fencing token. */
  readonly token: number;
  /** Aborts when it is over though nobody ended it: with what `lost` makes of the loss, or the reason of `abandon`. */
  readonly signal: AbortSignal;
  /** Whether it is not over. */
  isCurrent(): boolean;
  /**
   * Ends it. Ending it twice is fine.
   *
   * @throws what `lost` makes of a loss before; otherwise what {@link leaveQueue} throws
   */
  end(): Promise<void>;
  /** Ends it because the handle closes, or the lease that it is under, and tells the holder. */
  abandon(reason: KviError): Promise<void>;
}

/** What depends on what the contender is first at. */
interface TenureOptions {
  /** The error for a loss. */
  lost: (cause: unknown) => KviError;
  /** Called once, when it was ended or abandoned. */
  onEnd: () => void;
  /** Called once, when it was lost, and nothing of it is left. Whoever is told of the loss may still end it. */
  onLost?: () => void;
}

/** Watches over the first contender's key and lease until they are given up or lost. */
export function tenure(
  driver: Driver,
  owner: Ownership,
  {lost: toError, onEnd, onLost}: TenureOptions,
): Tenure {
  const {key, createRevision, session} = owner;
  const lost = new AbortController();
  const watching = new AbortController();
  let ended: Promise<void> | undefined;
  /** What is left of it after a loss is being given up. */
  let clearing: Promise<void> | undefined;

  function tell(reason: KviError) {
    lost.abort(reason);
    watching.abort(reason);
  }

  /** Tells of a loss, and keeps nothing alive for a holder who may never end it. */
  function lose(cause: unknown) {
    if (watching.signal.aborted) return;
    tell(toError(cause));
    clearing = clear();
  }

  async function clear() {
    // What the store cannot be told ends with the TTL of the lease.
    await leaveQueue(driver, owner).catch(() => undefined);
    onLost?.();
  }

  /** Tells a loss from the end that the caller gave to the lease it lent. */
  function leaseEnded() {
    const reason: unknown = session.signal.reason;
    if (isKviError(reason, 'KVI_CLOSED')) void abandon(reason).catch(() => undefined);
    else lose(reason);
  }

  // Only until it is ended: the session may serve another contender then.
  session.signal.addEventListener('abort', leaseEnded, {signal: watching.signal});
  // It may have ended since the contender came to be among the first.
  if (session.signal.aborted) leaseEnded();
  lookBeforeTelling(lost.signal, () => {
    if (ended === undefined) session.isAlive();
  });
  untilGone(driver, owner, watching.signal).then(
    () => lose(new KviError('KVI_KEY_NOT_FOUND', `the key ${key} was deleted`)),
    // It was ended, or lost with its lease.
    () => undefined,
  );

  async function end() {
    // Asked first, because the signal may only hear of the loss now.
    const lostBefore = lost.signal.aborted;
    watching.abort(closed());
    try {
      if (lostBefore) await clearing;
      if (lostBefore || !(await leaveQueue(driver, owner))) throw toError(lost.signal.reason);
    } finally {
      onEnd();
    }
  }

  async function giveUp() {
    try {
      await (clearing ?? session.close({timeoutMs: giveUpMs, createRevision}));
    } finally {
      onEnd();
    }
  }

  function abandon(reason: KviError) {
    const ending = (ended ??= giveUp());
    // Given up on purpose: no loss that anybody should be alarmed by.
    tell(reason);
    return ending;
  }

  return {
    key,
    lease: session.lease,
    token: createRevision,
    signal: lost.signal,
    isCurrent: () => ended === undefined && !lost.signal.aborted,
    end: () => (ended ??= end()),
    abandon,
  };
}
