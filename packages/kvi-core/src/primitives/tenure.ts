import {lookBeforeTelling} from '../async/abort.ts';
import {closed, isKviError, KviError} from '../etcd/errors.ts';
import {giveUpMs} from '../lease/grant.ts';
import {type ContenderContext, leaveQueue, type Ownership, untilLost} from './contender.ts';

/** The time for which a contender is first: a lock that is held, or a leadership. */
export interface Tenure {
  readonly key: string;
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
}

/** Watches over the first contender's key and lease until they are given up or lost. */
export function tenure(
  context: ContenderContext,
  owner: Ownership,
  {lost: toError, onEnd}: TenureOptions,
): Tenure {
  const {key, createRevision, session} = owner;
  const lost = new AbortController();
  const watching = new AbortController();
  let ended: Promise<void> | undefined;

  function tell(reason: KviError) {
    lost.abort(reason);
    watching.abort(reason);
  }

  /** Tells a loss from the end that the caller gave to the lease it lent. */
  function leaseEnded() {
    const reason: unknown = session.signal.reason;
    if (isKviError(reason, 'KVI_CLOSED')) void abandon(reason).catch(() => undefined);
    else tell(toError(reason));
  }

  // Only until it is ended: the session may serve another contender then.
  session.signal.addEventListener('abort', leaseEnded, {signal: watching.signal});
  lookBeforeTelling(lost.signal, () => {
    if (ended === undefined) session.isAlive();
  });
  untilLost(context.driver, owner, watching.signal).then(
    () => tell(toError(new KviError('KVI_KEY_NOT_FOUND', `the key ${key} was deleted`))),
    // It was ended, or lost with its lease.
    () => undefined,
  );

  async function end() {
    const lostBefore = lost.signal.aborted;
    watching.abort(closed());
    try {
      const wasFirst = await leaveQueue(context, owner).catch((error: unknown) => {
        if (!lostBefore) throw error;
        // Stryker disable next-line BooleanLiteral: the loss is reported whatever ending it found
        return false;
      });
      if (lostBefore || !wasFirst) throw toError(lost.signal.reason);
    } finally {
      onEnd();
    }
  }

  function abandon(reason: KviError) {
    const ending = (ended ??= session.close({timeoutMs: giveUpMs}).finally(onEnd));
    // Given up on purpose: no loss that anybody should be alarmed by.
    tell(reason);
    return ending;
  }

  return {
    key,
    token: createRevision,
    signal: lost.signal,
    isCurrent: () => ended === undefined && !lost.signal.aborted,
    end: () => (ended ??= end()),
    abandon,
  };
}
