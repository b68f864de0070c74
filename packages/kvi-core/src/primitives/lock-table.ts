import {Mutex, type MutexInterface} from 'async-mutex';
import type {DistLock} from '../api/dist-lock.ts';
import {lookBeforeTelling} from '../async/abort.ts';
import {abortable, withDeadline} from '../async/deadline.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {closed, isKviError, KviError} from '../etcd/errors.ts';
import {joinKey, keyId} from '../etcd/key-range.ts';
import {giveUpMs} from '../lease/grant.ts';
import {lentSession} from '../lease/lent-session.ts';
import type {Session} from '../lease/session.ts';
import {contenderKey, lockMutex, type MutexContext, type Ownership, unlockMutex, untilLost} from './mutex.ts';

/** How to take a lock. */
export interface LockRequest {
  name: string;
  ttlSeconds: number;
  /** Milliseconds to wait at most; 0 tries once. Absent: as long as it takes. */
  waitMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** The session of a caller's lease. Absent: one of the handle's. */
  session?: Session | undefined;
}

/** A lock that is held, without what needs a facade. */
export type HeldLock = Omit<DistLock, 'guard'>;

interface OwnLock {
  distLock: HeldLock;
  /** Gives the lock up because the handle closes, or the lease that it is under, and tells the holder. */
  abandon(reason: KviError): Promise<void>;
}

/** What the locks of a handle and of its namespaces know of each other, by the ids of their names' keys. */
export interface LocalLocks {
  /** The queues of the names that are wanted or held. */
  queues: Map<string, Mutex>;
  held: Map<string, OwnLock>;
}

export function localLocks(): LocalLocks {
  return {queues: new Map(), held: new Map()};
}

/** The locks of a handle. */
export interface LockTable {
  lock(request: LockRequest): Promise<HeldLock>;
  /** Releases the lock of that name, if one is held. */
  unlock(name: string): Promise<void>;
  /** Gives up all locks. Never throws. */
  close(): Promise<void>;
}

/**
 * Keeps the locks of a handle. Calls for one name queue up here first, so that only one of them at a time contends in the
 * store; and only one of them holds the lock, so the name is enough for `unlock`.
 *
 * @param closing - aborts when the handle closes, and ends every wait
 * @param local - shared by a handle and its namespaces
 * @param prefix - what the driver puts before the names
 */
export function lockTable(
  {driver, sessions}: MutexContext,
  closing: AbortSignal,
  {queues, held}: LocalLocks = localLocks(),
  prefix: Bytes = Buffer.alloc(0),
): LockTable {
  const own = new Set<OwnLock>();
  const waiting = new Set<Promise<OwnLock>>();
  const idOf = (name: string) => keyId(joinKey(prefix, Buffer.from(name)));

  /** Waits for the name's turn in this process. Entries for unused names are removed. */
  async function takeTurn(id: string, signal: AbortSignal): Promise<MutexInterface.Releaser> {
    const queue = queues.get(id) ?? new Mutex();
    queues.set(id, queue);
    const turn = queue.acquire().then((release) => () => {
      release();
      // Stryker disable next-line ConditionalExpression: this only frees memory
      if (!queue.isLocked()) queues.delete(id);
    });
    try {
      return await abortable(turn, signal);
    } catch (error) {
      void turn.then((release) => {
        release();
      });
      throw error;
    }
  }

  function lock({name, ttlSeconds, waitMs, signal, session}: LockRequest): Promise<OwnLock> {
    const wait = waitMs !== 0;
    const lent = session && lentSession(driver, session, Buffer.from(contenderKey(name, session.lease)));
    const context = {driver, sessions: lent ?? sessions};
    const id = idOf(name);
    async function take(ended: AbortSignal): Promise<OwnLock> {
      if (!wait && queues.get(id)?.isLocked() === true) throw notFree(name);
      const endTurn = await takeTurn(id, ended);
      try {
        const owner = await lockMutex(context, name, {ttlSeconds, signal: ended, wait});
        if (owner === undefined) throw notFree(name);
        const taken = ownLock(context, name, owner, () => {
          held.delete(id);
          own.delete(taken);
          endTurn();
        });
        held.set(id, taken);
        own.add(taken);
        return taken;
      } catch (error) {
        endTurn();
        throw error;
      }
    }

    if (waitMs === undefined || !wait) return withDeadline(driver.clock, {signal, closing}, take);
    return withDeadline(driver.clock, {timeoutMs: waitMs, signal, closing}, take).catch((error: unknown) => {
      throw isKviError(error, 'KVI_TIMEOUT') ? notFree(name, waitMs) : error;
    });
  }

  /** @param waitedMs - how long it was waited for. Absent: it was tried once. */
  function notFree(name: string, waitedMs?: number): KviError {
    const when = waitedMs === undefined ? '' : ` within ${waitedMs} ms`;
    const holder = held.has(idOf(name))
      ? 'this handle holds it, and has to release it first'
      : 'another holds it';
    return new KviError('KVI_TIMEOUT', `the lock ${JSON.stringify(name)} was not free${when}: ${holder}`);
  }

  return {
    async lock(request) {
      const locked = lock(request);
      waiting.add(locked);
      try {
        return (await locked).distLock;
      } finally {
        waiting.delete(locked);
      }
    },
    async unlock(name) {
      await held.get(idOf(name))?.distLock.release();
    },
    async close() {
      // Waiting calls end by `closing`, and clean up first; one of them may just have got its lock.
      const late = Array.from(waiting, async (locked) => (await locked).abandon(closed()));
      await Promise.allSettled([...late, ...Array.from(own, (each) => each.abandon(closed()))]);
    },
  };
}

/** @param onRelease - called once, when the lock was released or given up */
function ownLock(context: MutexContext, name: string, owner: Ownership, onRelease: () => void): OwnLock {
  const {key, createRevision, session} = owner;
  const lost = new AbortController();
  const watching = new AbortController();
  let released: Promise<void> | undefined;

  function end(reason: KviError) {
    lost.abort(reason);
    watching.abort(reason);
  }

  function lose(cause: unknown) {
    end(lockLost(name, cause));
  }

  /** Tells a loss from the end that the caller gave to the lease it lent. */
  function leaseEnded() {
    const reason: unknown = session.signal.reason;
    if (isKviError(reason, 'KVI_CLOSED')) void abandon(reason).catch(() => undefined);
    else lose(reason);
  }

  // Only until the lock is released: the session may serve another lock then.
  session.signal.addEventListener('abort', leaseEnded, {signal: watching.signal});
  lookBeforeTelling(lost.signal, () => {
    if (released === undefined) session.isAlive();
  });
  untilLost(context.driver, owner, watching.signal).then(
    () => lose(new KviError('KVI_KEY_NOT_FOUND', `the key ${key} was deleted`)),
    // It was released, or lost with its lease.
    () => undefined,
  );

  async function release() {
    const lostBefore = lost.signal.aborted;
    watching.abort(closed());
    try {
      const wasHeld = await unlockMutex(context, owner).catch((error: unknown) => {
        if (!lostBefore) throw error;
        // Stryker disable next-line BooleanLiteral: the loss is reported whatever releasing it found
        return false;
      });
      if (lostBefore || !wasHeld) throw lockLost(name, lost.signal.reason);
    } finally {
      onRelease();
    }
  }

  const releaseOnce = () => (released ??= release());

  function abandon(reason: KviError) {
    const releasing = (released ??= session.close({timeoutMs: giveUpMs}).finally(onRelease));
    // Given up on purpose: no loss that anybody should be alarmed by.
    end(reason);
    return releasing;
  }

  return {
    distLock: {
      name,
      key,
      token: createRevision,
      signal: lost.signal,
      isHeld: () => released === undefined && !lost.signal.aborted,
      release: releaseOnce,
      [Symbol.asyncDispose]: releaseOnce,
    },
    abandon,
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
