import type {DistLock} from '../api/dist-lock.ts';
import type {Signals} from '../async/abort.ts';
import {withDeadline} from '../async/deadline.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {closed, isKviError, KviError} from '../etcd/errors.ts';
import {joinKey, keyId} from '../etcd/key-range.ts';
import type {Session} from '../lease/session.ts';
import {contend, type ContenderContext, type Obstacle} from './contender.ts';
import type {Holdings} from './holdings.ts';
import {tenure, type Tenure} from './tenure.ts';
import {localTurns, type Turns} from './turns.ts';

/** How to take a lock. */
export interface LockRequest {
  name: string;
  /** What its key holds. */
  value: Bytes;
  ttlSeconds: number;
  /** Milliseconds to wait at most; 0 tries once. Absent: as long as it takes. */
  waitMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** The session of a caller's lease. Absent: one of the handle's. */
  session?: Session | undefined;
}

/** A lock that is held, without what needs a facade. */
export type HeldLock = Omit<DistLock, 'guard'>;

type OwnLock = HeldLock & Pick<Tenure, 'abandon'>;

/** What the locks of a handle and of its namespaces know of each other, by the ids of their names' keys. */
export interface LocalLocks {
  /** Taken by the names that are wanted or held. */
  turns: Turns;
  held: Map<string, OwnLock>;
}

export function localLocks(): LocalLocks {
  return {turns: localTurns(), held: new Map()};
}

/** The locks of a handle. */
export interface LockTable {
  lock(request: LockRequest): Promise<HeldLock>;
  /** Releases the lock of that name, if one is held. */
  unlock(name: string): Promise<void>;
}

/**
 * Keeps the locks of a handle. Calls for one name queue up here first, so that only one of them at a time contends in the
 * store; and only one of them holds the lock, so the name is enough for `unlock`.
 *
 * @param closing - aborts when the handle closes, and ends every wait
 * @param holdings - of the handle: its locks are given up with it
 * @param local - shared by a handle and its namespaces
 * @param prefix - what the driver puts before the names
 */
export function lockTable(
  {driver, sessions}: ContenderContext,
  closing: Signals,
  holdings: Holdings,
  {turns, held}: LocalLocks = localLocks(),
  prefix: Bytes = Buffer.alloc(0),
): LockTable {
  const idOf = (name: string) => keyId(joinKey(prefix, Buffer.from(name)));

  function lock({name, value, ttlSeconds, waitMs, signal, session}: LockRequest): Promise<OwnLock> {
    const wait = waitMs !== 0;
    const id = idOf(name);
    let obstacle: Obstacle | undefined;
    async function take(ended: AbortSignal): Promise<OwnLock> {
      if (!wait && turns.isTaken(id)) throw notFree(name);
      const endTurn = await turns.take(id, ended);
      try {
        const owner = await contend({driver, sessions}, name, {
          value,
          ttlSeconds,
          session,
          signal: ended,
          wait,
          onObstacle: (met) => (obstacle = met),
        });
        if (owner === undefined) throw notFree(name);
        const taken = ownLock(
          name,
          tenure(driver, owner, {
            lost: (cause) => lockLost(name, cause),
            onEnd() {
              held.delete(id);
              release();
              endTurn();
            },
          }),
        );
        held.set(id, taken);
        return taken;
      } catch (error) {
        endTurn();
        throw error;
      }
    }

    const timeoutMs = wait ? waitMs : undefined;
    const taking = withDeadline(driver.clock, {timeoutMs, signal, closing}, take);
    // A wait ends by `closing`, and cleans up first; it may just have got its lock.
    const release = holdings.add(async () => (await taking).abandon(closed()));
    return taking.catch((error: unknown) => {
      release();
      throw timeoutMs !== undefined && isKviError(error, 'KVI_TIMEOUT')
        ? notInTime(name, timeoutMs, obstacle)
        : error;
    });
  }

  /** @param when - ` within 100 ms`. Absent: it was tried once. */
  function notFree(name: string, when = ''): KviError {
    const holder = held.has(idOf(name))
      ? 'this handle holds it, and has to release it first'
      : 'another holds it';
    return new KviError('KVI_TIMEOUT', `the lock ${JSON.stringify(name)} was not free${when}: ${holder}`);
  }

  /** @param obstacle - absent: it did not get as far as the store */
  function notInTime(name: string, waitedMs: number, obstacle: Obstacle | undefined): KviError {
    const when = ` within ${waitedMs} ms`;
    if (held.has(idOf(name)) || obstacle?.isAnother === true) return notFree(name, when);
    const message = `the lock ${JSON.stringify(name)} was not acquired${when}`;
    return new KviError('KVI_TIMEOUT', message, {cause: obstacle?.failure});
  }

  return {
    lock,
    async unlock(name) {
      await held.get(idOf(name))?.release();
    },
  };
}

function ownLock(name: string, own: Tenure): OwnLock {
  const {key, token, signal} = own;
  const release = () => own.end();
  return {
    name,
    key,
    token,
    signal,
    isHeld: () => own.isCurrent(),
    release,
    [Symbol.asyncDispose]: release,
    abandon: (reason) => own.abandon(reason),
  };
}

/** The error for a lock that is no longer held, though it was not released. */
export function lockLost(name: string, cause: unknown): KviError {
  return new KviError(
    'KVI_LOCK_LOST',
    `the lock ${JSON.stringify(name)} was lost before it was released; what it protected may have been done twice`,
    {cause},
  );
}
