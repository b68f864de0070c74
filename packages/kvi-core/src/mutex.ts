/**
 * etcd's lock, as `etcdctl lock` and Go's `concurrency.Mutex` take it, so that all of them exclude each other: each
 * contender puts the key `<name>/<lease>`; the one with the lowest create revision holds the lock; each other one
 * waits for the deletion of the key just before its own.
 *
 * @see `client/v3/concurrency/mutex.go` and `key.go` in etcd
 */
import {type Bytes, prefixEnd} from './bytes.ts';
import type {Driver} from './driver/driver.ts';
import {isKviError} from './errors.ts';
import type {RangeRequest} from './messages.ts';
import {giveUpMs, openSession, type Session} from './session.ts';
import {within} from './within.ts';

/** A hold of the lock. */
export interface Hold {
  key: string;
  /** The create revision of the key: the fencing token. */
  createRevision: number;
  /** The revision at which it was known to hold. */
  revision: number;
  session: Session;
}

/**
 * Takes the lock.
 *
 * @param signal - ends the wait
 * @param wait - false: try once
 * @returns undefined when it was not to wait and another holds the lock
 */
export async function lockMutex(
  driver: Driver,
  name: string,
  {ttlSeconds, signal, wait}: {ttlSeconds: number; signal: AbortSignal; wait: boolean},
): Promise<Hold | undefined> {
  for (;;) {
    const session = await openSession(driver, ttlSeconds, signal);
    try {
      const key = `${name}/${session.lease}`;
      const createRevision = await enqueue(driver, key, session, signal);
      for (;;) {
        const predecessor = await findPredecessor(driver, name, createRevision, signal);
        if (predecessor === undefined) break;
        if (!wait) {
          await session.close();
          return undefined;
        }
        await within(driver.clock, {signal, closing: session.signal}, (ended) =>
          deleted(driver, predecessor, ended),
        );
      }
      // During the wait the lease may have ended, and with it this place in the queue.
      const revision = await heldAt(driver, key, createRevision, signal);
      if (revision !== undefined && session.isAlive()) return {key, createRevision, revision, session};
    } catch (error) {
      await session.close({timeoutMs: giveUpMs}).catch(() => undefined);
      if (signal.aborted || !session.signal.aborted) throw error;
    }
    await session.close().catch(() => undefined);
  }
}

/** Puts the contender's key, and returns its create revision. */
async function enqueue(driver: Driver, key: string, session: Session, signal: AbortSignal): Promise<number> {
  const contender = Buffer.from(key);
  for (;;) {
    try {
      const {revision, responses} = await driver.txn(
        {
          compare: [{key: contender, target: 'create', result: '=', createRevision: 0}],
          success: [{type: 'put', key: contender, value: Buffer.alloc(0), lease: session.lease}],
          failure: [{type: 'range', key: contender}],
        },
        {signal},
      );
      const [response] = responses;
      return (response?.type === 'range' ? response.kvs[0]?.createRevision : undefined) ?? revision;
    } catch (error) {
      // No one else puts this key, so that the transaction may be sent again.
      if (!isKviError(error, 'KVI_UNKNOWN_OUTCOME') || signal.aborted || !session.isAlive()) throw error;
    }
  }
}

interface Predecessor {
  key: Bytes;
  /** A revision at which it held or waited. */
  revision: number;
}

/** The contender just before the one with this create revision. */
async function findPredecessor(
  driver: Driver,
  name: string,
  createRevision: number,
  signal: AbortSignal,
): Promise<Predecessor | undefined> {
  const {kvs, revision} = await driver.range(
    {
      ...contenders(name),
      maxCreateRevision: createRevision - 1,
      sortTarget: 'create',
      sortOrder: 'descend',
      limit: 1,
      keysOnly: true,
    },
    {signal},
  );
  const [last] = kvs;
  return last === undefined ? undefined : {key: last.key, revision};
}

function contenders(name: string): RangeRequest<Bytes> {
  const prefix = Buffer.from(`${name}/`);
  return {key: prefix, rangeEnd: prefixEnd(prefix)};
}

/** Waits until the key, which existed at `revision`, is deleted. */
async function deleted(driver: Driver, {key, revision}: Predecessor, signal: AbortSignal): Promise<void> {
  const watch = driver.watch({key, startRevision: revision + 1, filters: ['noput']}, {signal});
  try {
    for await (const {events} of watch) if (events.length > 0) return;
  } catch (error) {
    // The deletion may be among what was compacted: the caller looks again.
    if (!isKviError(error, 'KVI_COMPACTED')) throw error;
  }
}

/** A revision at which the contender's key is the one that was put, or undefined if it is gone. */
async function heldAt(
  driver: Driver,
  key: string,
  createRevision: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const {kvs, revision} = await driver.range({key: Buffer.from(key), keysOnly: true}, {signal});
  return kvs[0]?.createRevision === createRevision ? revision : undefined;
}

/** Resolves when the key of the hold is gone. */
export async function untilLost(
  driver: Driver,
  {key, createRevision, revision}: Hold,
  signal: AbortSignal,
): Promise<void> {
  let seen: number | undefined = revision;
  while (seen !== undefined) {
    await deleted(driver, {key: Buffer.from(key), revision: seen}, signal);
    seen = await heldAt(driver, key, createRevision, signal);
  }
}

/**
 * Gives the lock up.
 *
 * @returns whether it was held until then
 * @throws what {@link Session.close} throws; the lock is free when its TTL is over
 */
export async function unlockMutex(driver: Driver, {key, createRevision, session}: Hold): Promise<boolean> {
  const wasAlive = session.isAlive();
  const contender = Buffer.from(key);
  try {
    const {succeeded} = await driver.txn(
      {
        compare: [{key: contender, target: 'create', result: '=', createRevision}],
        success: [{type: 'deleteRange', key: contender}],
      },
      {timeoutMs: giveUpMs},
    );
    return wasAlive && succeeded;
  } catch {
    // The end of the lease, which counts, deletes the key as well.
    return wasAlive;
  } finally {
    await session.close();
  }
}
