/**
 * etcd's lock, as `etcdctl lock` and Go's `concurrency.Mutex` take it, so that all of them exclude each other: each
 * contender puts the key `<name>/<lease>`; the one with the lowest create revision holds the lock; each other one
 * waits for the deletion of the key just before its own.
 *
 * @see `client/v3/concurrency/mutex.go` and `key.go` in etcd
 */
import {type Bytes, prefixEnd} from '../etcd/bytes.ts';
import type {Driver} from '../driver/driver.ts';
import {isKviError, KviError} from '../etcd/errors.ts';
import type {KeyValue, RangeRequest, ResponseOp} from '../etcd/messages.ts';
import {retryUntil} from '../async/retry-until.ts';
import {giveUpMs, openSession, type Session} from '../lease/session.ts';
import {withDeadline} from '../async/deadline.ts';

/** A contender's key in the queue, seen at a revision. */
interface Place {
  key: string;
  /** The create revision of the key: the fencing token. */
  createRevision: number;
  /** The last revision at which the key was known to be there. */
  revision: number;
}

/** A hold of the lock: the first place. */
export interface Hold extends Place {
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
  return retryUntil(
    driver.clock,
    signal,
    () => contend(driver, name, {ttlSeconds, signal, wait}),
    (error) => wait && mayPass(error),
  );
}

/** Queues up, and waits for its turn. What goes wrong in between takes the place in the queue with it. */
async function contend(
  driver: Driver,
  name: string,
  {ttlSeconds, signal, wait}: {ttlSeconds: number; signal: AbortSignal; wait: boolean},
): Promise<Hold | undefined> {
  const session = await openSession(driver, ttlSeconds, signal);
  try {
    const {place, isFirst} = await enqueue(driver, name, session, signal);
    if (isFirst) return hold(place, session);
    if (wait) return hold(await untilFirst(driver, name, place, session, signal), session);
  } catch (error) {
    await giveUp(session);
    throw isKviError(error, 'KVI_LEASE_NOT_FOUND') ? placeLost(name, error) : error;
  }
  await giveUp(session);
  return undefined;
}

/** @throws `KVI_LEASE_NOT_FOUND` when the answer came so late that the lease may have ended */
function hold(place: Place, session: Session): Hold {
  // Asked first, because the signal alone is late where the event loop stalled.
  session.isAlive();
  session.signal.throwIfAborted();
  return {...place, session};
}

/** Nothing is left of a place whose lease has ended, or whose key was deleted: the lock may be asked for again. */
function placeLost(name: string, cause: KviError): KviError {
  return new KviError(
    'KVI_UNAVAILABLE',
    `the place in the queue for the lock ${JSON.stringify(name)} was lost before its turn: ${cause.message}`,
    {cause},
  );
}

/** Whether a contender that waits as long as it takes queues up again after this. */
function mayPass(error: unknown): boolean {
  return isKviError(error, 'KVI_UNAVAILABLE', 'KVI_TIMEOUT', 'KVI_UNKNOWN_OUTCOME');
}

/** Leaves the queue; where the server cannot be told, the end of the lease does it. */
async function giveUp(session: Session): Promise<void> {
  await session.close({timeoutMs: giveUpMs}).catch(() => undefined);
}

/** Puts the contender's key, and looks in the same revision whether it is the first. */
async function enqueue(
  driver: Driver,
  name: string,
  session: Session,
  signal: AbortSignal,
): Promise<{place: Place; isFirst: boolean}> {
  const key = `${name}/${session.lease}`;
  const contender = Buffer.from(key);
  const first = {...contenders(name), sortTarget: 'create', limit: 1, keysOnly: true} as const;
  for (;;) {
    try {
      const {revision, responses} = await driver.txn(
        {
          compare: [{key: contender, target: 'create', result: '=', createRevision: 0}],
          success: [
            {type: 'put', key: contender, value: Buffer.alloc(0), lease: session.lease},
            {type: 'range', ...first},
          ],
          failure: [
            {type: 'range', key: contender, keysOnly: true},
            {type: 'range', ...first},
          ],
        },
        {signal},
      );
      const createRevision = found(responses[0])?.createRevision ?? revision;
      // Stryker disable next-line OptionalChaining: the range finds at least the contender's own key
      const isFirst = found(responses[1])?.createRevision === createRevision;
      return {place: {key, createRevision, revision}, isFirst};
    } catch (error) {
      // No one else puts this key, so that the transaction may be sent again.
      if (!isKviError(error, 'KVI_UNKNOWN_OUTCOME') || signal.aborted || !session.isAlive()) throw error;
    }
  }
}

function found(response: ResponseOp<Bytes> | undefined): KeyValue<Bytes> | undefined {
  // Stryker disable next-line OptionalChaining: a transaction answers each of its operations
  return response?.type === 'range' ? response.kvs[0] : undefined;
}

/**
 * Waits until no contender is before this one.
 *
 * @throws `KVI_LEASE_NOT_FOUND` when the place was lost during the wait: the lease may have ended, or the key was deleted
 */
async function untilFirst(
  driver: Driver,
  name: string,
  place: Place,
  session: Session,
  signal: AbortSignal,
): Promise<Place> {
  for (;;) {
    const predecessor = await findPredecessor(driver, name, place.createRevision, signal);
    if (predecessor === undefined) {
      const held = await stillThere(driver, place, signal);
      if (held !== undefined) return held;
      throw new KviError(
        'KVI_LEASE_NOT_FOUND',
        // Stryker disable next-line StringLiteral: the caller catches this error and queues up again
        `the place in the queue for ${JSON.stringify(name)} was lost`,
      );
    }
    await withDeadline(driver.clock, {signal, closing: session.signal}, (ended) =>
      deleted(driver, predecessor, ended),
    );
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

/** The place as of now, or undefined if its key is gone, or is not the one that was put. */
async function stillThere(driver: Driver, place: Place, signal: AbortSignal): Promise<Place | undefined> {
  const {kvs, revision} = await driver.range({key: Buffer.from(place.key), keysOnly: true}, {signal});
  return kvs[0]?.createRevision === place.createRevision ? {...place, revision} : undefined;
}

/** Resolves when the key of the hold is gone. */
export async function untilLost(driver: Driver, held: Hold, signal: AbortSignal): Promise<void> {
  const key = Buffer.from(held.key);
  let seen: Place | undefined = held;
  while (seen !== undefined) {
    await deleted(driver, {key, revision: seen.revision}, signal);
    seen = await stillThere(driver, seen, signal);
  }
}

/**
 * Gives the lock up, within two seconds whatever the backend does.
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
    await session.close({timeoutMs: giveUpMs});
  }
}
