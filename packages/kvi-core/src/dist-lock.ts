import {Mutex, type MutexInterface} from 'async-mutex';
import type {Driver} from './driver/driver.ts';
import {closed, KviError} from './errors.ts';
import type {DistLock} from './kvi.ts';
import {type Hold, lockMutex, unlockMutex, untilLost} from './mutex.ts';
import {orAborted, within} from './within.ts';

/** How to take a lock. */
export interface LockRequest {
  name: string;
  ttlSeconds: number;
  /** Milliseconds to wait at most; 0 tries once. Absent: as long as it takes. */
  waitMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** A lock that is held, without what needs a facade. */
export type HeldLock = Omit<DistLock, 'guard'>;

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
 * store, whatever their number; and only one of them holds, so that `unlock` needs no more than the name.
 *
 * @param closing - aborts when the handle closes, and ends every wait
 */
export function lockTable(driver: Driver, closing: AbortSignal): LockTable {
  const queues = new Map<string, Mutex>();
  const held = new Map<string, HeldLock>();
  const waiting = new Set<Promise<HeldLock>>();

  /** The place of the name's turn in this process; of a name that nobody wants any more nothing is kept. */
  async function takeTurn(name: string, signal: AbortSignal): Promise<MutexInterface.Releaser> {
    const queue = queues.get(name) ?? new Mutex();
    queues.set(name, queue);
    const turn = queue.acquire().then((release) => () => {
      release();
      if (!queue.isLocked()) queues.delete(name);
    });
    try {
      return await orAborted(turn, signal);
    } catch (error) {
      void turn.then((release) => {
        release();
      });
      throw error;
    }
  }

  function lock({name, ttlSeconds, waitMs, signal}: LockRequest): Promise<HeldLock> {
    const wait = waitMs !== 0;
    return within(driver.clock, {timeoutMs: wait ? waitMs : undefined, signal, closing}, async (ended) => {
      if (!wait && queues.get(name)?.isLocked() === true) throw notInTime(name);
      const endTurn = await takeTurn(name, ended);
      try {
        const hold = await lockMutex(driver, name, {ttlSeconds, signal: ended, wait});
        if (hold === undefined) throw notInTime(name);
        const distLock = distLockOf(driver, name, hold, () => {
          held.delete(name);
          endTurn();
        });
        held.set(name, distLock);
        return distLock;
      } catch (error) {
        endTurn();
        throw error;
      }
    });
  }

  return {
    async lock(request) {
      const locked = lock(request);
      waiting.add(locked);
      try {
        return await locked;
      } finally {
        waiting.delete(locked);
      }
    },
    async unlock(name) {
      await held.get(name)?.release();
    },
    async close() {
      // Those who wait give up by `closing`, and clean up before they say so; one may just have got its lock.
      const late = Array.from(waiting, async (locked) => (await locked).release());
      await Promise.allSettled([...late, ...Array.from(held.values(), (distLock) => distLock.release())]);
    },
  };
}

/** @param onRelease - called once, when the lock was released or given up */
function distLockOf(driver: Driver, name: string, hold: Hold, onRelease: () => void): HeldLock {
  const {key, createRevision, session} = hold;
  const lost = new AbortController();
  const watching = new AbortController();

  function lose(cause: unknown) {
    lost.abort(lockLost(name, cause));
    watching.abort(cause);
  }

  session.signal.addEventListener('abort', () => {
    lose(session.signal.reason);
  });
  untilLost(driver, hold, watching.signal).then(
    () => lose(new KviError('KVI_KEY_NOT_FOUND', `the key ${key} was deleted`)),
    // Without the watch, the session still tells when the lock is lost with its lease.
    () => undefined,
  );

  async function release() {
    watching.abort(closed());
    try {
      const wasHeld = await unlockMutex(driver, hold);
      if (lost.signal.aborted || !wasHeld) throw lockLost(name, lost.signal.reason);
    } finally {
      onRelease();
    }
  }

  let released: Promise<void> | undefined;
  const releaseOnce = () => (released ??= release());

  return {
    name,
    key,
    token: createRevision,
    signal: lost.signal,
    isHeld: () => released === undefined && !lost.signal.aborted && session.isAlive(),
    release: releaseOnce,
    [Symbol.asyncDispose]: releaseOnce,
  };
}

function notInTime(name: string): KviError {
  return new KviError('KVI_TIMEOUT', `the lock ${JSON.stringify(name)} is held by another`);
}

/** The error for a lock that is no longer held, though it was not released. */
export function lockLost(name: string, cause: unknown): KviError {
  return new KviError(
    'KVI_LOCK_LOST',
    `the lock ${JSON.stringify(name)} was lost before it was released; what it protected may have been done twice`,
    {cause},
  );
}
