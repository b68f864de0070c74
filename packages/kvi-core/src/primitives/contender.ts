/**
 * The queue of etcd's lock and of its leader election, as `etcdctl lock` and `elect`, and Go's `concurrency.Mutex` and
 * `Election` form it, so that all of them exclude each other: each contender puts the key `<name>/<lease>`; the one with
 * the lowest create revision owns the lock, or leads; each other one waits for the deletion of the key just before its own.
 * A semaphore is the same with more than one place: the first `places` contenders own it, and each other one waits until one
 * of the `places` just before it is gone. As long as all of those are there, it cannot be among the first.
 *
 * @see `client/v3/concurrency/mutex.go`, `election.go` and `key.go` in etcd
 */
import {withDeadline} from '../async/deadline.ts';
import {retryUntil} from '../async/retry-until.ts';
import type {PolicyDriver} from '../policy/policy-driver.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {isKviError, KviError, refusalOf} from '../etcd/errors.ts';
import {keyId, prefixRange} from '../etcd/key-range.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import type {Compare, KeyRange, KeyValue, ResponseOp, TxnRequest} from '../etcd/messages.ts';
import {giveUpMs} from '../lease/grant.ts';
import {lentSession} from '../lease/lent-session.ts';
import type {SessionSource} from '../lease/session-pool.ts';
import type {Session} from '../lease/session.ts';
import {type Sighting, untilDeleted} from './deletions.ts';

/** What a contender works with. */
export interface ContenderContext {
  driver: PolicyDriver;
  sessions: SessionSource;
}

/** What keeps a contender from being among the first. */
export interface Obstacle {
  /** Whether it waits, or waited at last, for another contender. */
  isAnother: boolean;
  /** Otherwise what went wrong at last. */
  failure?: KviError;
}

/** A contender's key in the queue, seen at a revision. Its create revision is the fencing token. */
interface Contender extends Sighting {
  /** Whether every request that puts the key has been answered, so that none can arrive late. */
  isSettled: boolean;
  /** Whether the key was there before, perhaps with another value: a caller's lease contends twice, as one contender. */
  wasThere: boolean;
}

/** A contender that is among the first, and the session that it lives under. */
export interface Ownership extends Contender {
  session: Session;
  /** Where the session is from. */
  sessions: SessionSource;
}

/** What contenders agree on. */
export interface Terms {
  /** How many of them own at a time what they contend for. */
  places: number;
  /** Has to hold when a contender queues up. */
  compare: readonly Compare<Bytes>[];
  /** The error if it does not. */
  refused: () => KviError;
}

const oneAtATime: Terms = {
  places: 1,
  compare: [],
  refused: () => new KviError('KVI_INTERNAL', 'a contender without terms queues up'),
};

/** How to contend. */
export interface ContendOptions {
  /** What the contender's key holds. */
  value: Bytes;
  ttlSeconds: number;
  /** The session of a caller's lease. Absent: one of the handle's. */
  session?: Session | undefined;
  /** Ends the wait. */
  signal: AbortSignal;
  /** False: try once. */
  wait: boolean;
  /** Is told what it waits for. */
  onObstacle?: ((obstacle: Obstacle) => void) | undefined;
  /** Default: the first one owns it. */
  terms?: Terms | undefined;
}

/**
 * Becomes one of the first contenders.
 *
 * @returns undefined when it was not to wait and others are first
 * @throws what the terms' `refused` makes
 */
export async function contend(
  {driver, sessions}: ContenderContext,
  name: string,
  options: ContendOptions,
): Promise<Ownership | undefined> {
  const {session} = options;
  const own = session && lentSession(driver, session, Buffer.from(contenderKey(name, session.lease)));
  const context = {driver, sessions: own ?? sessions};
  return retryIfWaiting(driver, options, () => contendOnce(context, name, options));
}

/** Repeats what a contender does, if it waits, as long as what goes wrong may pass. */
export function retryIfWaiting<R>(
  {clock}: PolicyDriver,
  {signal, wait, onObstacle}: Pick<ContendOptions, 'signal' | 'wait' | 'onObstacle'>,
  body: () => Promise<R>,
): Promise<R> {
  return retryUntil(clock, signal, body, (error) => {
    if (!wait || !mayPass(error)) return false;
    onObstacle?.({isAnother: false, failure: error});
    return true;
  });
}

/** Queues up, and waits for its turn. Whatever goes wrong in between gives up the place in the queue. */
async function contendOnce(
  context: ContenderContext,
  name: string,
  options: ContendOptions,
): Promise<Ownership | undefined> {
  const {driver, sessions} = context;
  const {session, contender, isAmongFirst} = await queueUp(context, name, options);
  try {
    if (isAmongFirst) return own({...contender, session, sessions});
    if (options.wait) {
      return own({...(await untilAmongFirst(driver, name, contender, session, options)), session, sessions});
    }
  } catch (error) {
    await giveUp(session, contender);
    throw isKviError(error, 'KVI_LEASE_NOT_FOUND') ? placeLost(name, error) : error;
  }
  await giveUp(session, contender);
  return undefined;
}

interface Place {
  session: Session;
  contender: Contender;
  isAmongFirst: boolean;
}

/** Puts the contender's key under a session that is free, or if its lease has ended meanwhile, under a new one. */
async function queueUp(
  context: ContenderContext,
  name: string,
  options: ContendOptions,
  fresh = false,
): Promise<Place> {
  const {driver, sessions} = context;
  const {ttlSeconds, signal} = options;
  const session = await sessions.take(ttlSeconds, signal, {fresh});
  try {
    return {session, ...(await enqueue(driver, name, session, options))};
  } catch (error) {
    await giveUp(session);
    if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
    if (fresh) throw placeLost(name, error);
  }
  return queueUp(context, name, options, true);
}

/** @throws `KVI_LEASE_NOT_FOUND` when the answer came so late that the lease may have ended */
function own(ownership: Ownership): Ownership {
  const {session} = ownership;
  // Asked first, because the signal alone is late when the event loop stalled.
  session.isAlive();
  session.signal.throwIfAborted();
  return ownership;
}

/** The lease has ended or the key was deleted, so nothing is left in the queue: the lock may be asked for again. */
function placeLost(name: string, cause: KviError): KviError {
  return new KviError(
    'KVI_UNAVAILABLE',
    `lost our place in the queue for ${JSON.stringify(name)}: ${cause.message}`,
    {cause},
  );
}

/** Whether a contender that waits tries again after this error. */
export function mayPass(error: unknown): error is KviError {
  return (
    isKviError(error, 'KVI_UNAVAILABLE', 'KVI_TIMEOUT', 'KVI_UNKNOWN_OUTCOME') &&
    refusalOf(error) === undefined
  );
}

/**
 * Leaves the queue; if the server cannot be told, the end of the lease does it.
 *
 * @param contender - absent: whether its key was put is unknown
 */
async function giveUp(session: Session, contender?: Contender): Promise<void> {
  const createRevision = contender?.createRevision;
  await session.close({timeoutMs: giveUpMs, createRevision}).catch(() => undefined);
}

/** Puts the contender's key, and looks in the same revision whether it is among the first. */
async function enqueue(
  driver: PolicyDriver,
  name: string,
  session: Session,
  {value, signal, terms = oneAtATime}: ContendOptions,
): Promise<Omit<Place, 'session'>> {
  const key = contenderKey(name, session.lease);
  const request = enqueueRequest(name, session.lease, value, terms);
  let isSettled = true;

  async function put(): Promise<Omit<Place, 'session'>> {
    const {succeeded, revision, responses} = await driver.txn(request, {signal});
    const [present] = found(responses[0]);
    if (!succeeded && present === undefined) throw terms.refused();
    const createRevision = present?.createRevision ?? revision;
    const isAmongFirst = found(responses[1]).some((first) => first.createRevision === createRevision);
    return {
      contender: {key, createRevision, revision, isSettled, wasThere: present !== undefined},
      isAmongFirst,
    };
  }

  // Nobody else puts this key, so the transaction may be sent again.
  return retryUntil(driver.clock, signal, put, (error) => {
    isSettled = false;
    return isKviError(error, 'KVI_UNKNOWN_OUTCOME') && refusalOf(error) === undefined && session.isAlive();
  });
}

/** Puts a contender's key, unless it is there, and reads it and the first contenders. */
export function enqueueRequest(
  name: string,
  lease: LeaseId,
  value: Bytes,
  {places, compare}: Pick<Terms, 'places' | 'compare'> = oneAtATime,
): TxnRequest<Bytes> {
  const key = Buffer.from(contenderKey(name, lease));
  const first = {
    type: 'range',
    ...contenders(name),
    sortTarget: 'create',
    limit: places,
    keysOnly: true,
  } as const;
  return {
    compare: [{key, target: 'create', result: '=', createRevision: 0}, ...compare],
    success: [{type: 'put', key, value, lease}, first],
    failure: [{type: 'range', key, keysOnly: true}, first],
  };
}

/** The key of the contender that has this lease. */
export function contenderKey(name: string, lease: LeaseId): string {
  return `${name}/${lease}`;
}

function found(response: ResponseOp<Bytes> | undefined): readonly KeyValue<Bytes>[] {
  // Stryker disable next-line OptionalChaining: a transaction answers each of its operations
  return response?.type === 'range' ? response.kvs : [];
}

/**
 * Waits until a contender is among the first.
 *
 * @throws `KVI_LEASE_NOT_FOUND` when the place was lost during the wait: the lease may have ended, or the key was deleted
 */
async function untilAmongFirst(
  driver: PolicyDriver,
  name: string,
  contender: Contender,
  session: Session,
  {signal, onObstacle, terms: {places} = oneAtATime}: ContendOptions,
): Promise<Contender> {
  for (;;) {
    const {isThere, predecessors, revision} = await look(driver, name, contender, places, signal);
    if (!isThere) {
      throw new KviError(
        'KVI_LEASE_NOT_FOUND',
        // Stryker disable next-line StringLiteral: the caller catches this error and queues up again
        `the key ${contender.key} was deleted`,
      );
    }
    if (predecessors.length < places) return {...contender, revision};
    onObstacle?.({isAnother: true});
    await withDeadline(driver.clock, {signal, closing: session.signal}, (ended) =>
      untilOneGone(driver, name, predecessors, ended),
    );
  }
}

/** Where in the queue a contender is, at one revision. */
interface Position {
  /** Whether its key is as it was put. */
  isThere: boolean;
  /** The contenders just before it, the nearest first, as many as there are places at most. */
  predecessors: readonly KeyValue<Bytes>[];
  revision: number;
}

async function look(
  driver: PolicyDriver,
  name: string,
  contender: Contender,
  places: number,
  signal: AbortSignal,
): Promise<Position> {
  const {createRevision} = contender;
  const {revision, responses} = await driver.txn(
    {
      success: [
        {type: 'range', key: Buffer.from(contender.key), keysOnly: true},
        {
          type: 'range',
          ...contenders(name),
          maxCreateRevision: createRevision - 1,
          sortTarget: 'create',
          sortOrder: 'descend',
          limit: places,
          keysOnly: true,
        },
      ],
    },
    {signal},
  );
  const [own] = found(responses[0]);
  return {isThere: own?.createRevision === createRevision, predecessors: found(responses[1]), revision};
}

function contenders(name: string): KeyRange<Bytes> {
  return prefixRange(Buffer.from(`${name}/`));
}

/**
 * Waits until one of some contenders is gone. The watch starts now: etcd may take a tenth of a second to tell one that starts
 * in the past what it has missed, and a look at the keys tells at once.
 *
 * @param those - neighbours in the queue, the last first
 */
async function untilOneGone(
  driver: PolicyDriver,
  name: string,
  those: readonly KeyValue<Bytes>[],
  signal: AbortSignal,
): Promise<void> {
  const [last] = those;
  const keys = those.length === 1 && last !== undefined ? {key: last.key} : contenders(name);
  const watch = driver.watch({...keys, filters: ['noput']}, {signal, holdsWrites: false});
  try {
    await watch.created;
    // A session may have put its key again, behind this contender.
    const {kvs} = await driver.range(
      {
        ...keys,
        minCreateRevision: those.at(-1)?.createRevision,
        maxCreateRevision: last?.createRevision,
        keysOnly: true,
      },
      {signal},
    );
    if (kvs.length === those.length) await untilDeleted(watch, new Set(those.map(({key}) => keyId(key))));
  } finally {
    await watch.return();
  }
}

/**
 * Leaves the queue as one of its first, within two seconds whatever the backend does. The session then serves the next contender,
 * if this deleted its key for good; otherwise the lease is revoked.
 *
 * @returns whether it was among the first until then
 * @throws what {@link Session.close} throws; the next contender's turn comes when its TTL is over
 */
export async function leaveQueue(driver: PolicyDriver, owner: Ownership): Promise<boolean> {
  const {key, createRevision, isSettled, session, sessions} = owner;
  const wasAlive = session.isAlive();
  const keyBytes = Buffer.from(key);
  let isDeleted = false;
  let wasThere = true;
  try {
    const {succeeded} = await driver.txn(
      {
        compare: [{key: keyBytes, target: 'create', result: '=', createRevision}],
        success: [{type: 'deleteRange', key: keyBytes}],
      },
      {timeoutMs: giveUpMs},
    );
    isDeleted = succeeded;
    wasThere = succeeded;
  } catch {
    // Revoking the lease, which counts, deletes the key as well.
  }
  if (isDeleted && isSettled) sessions.giveBack(session);
  else await session.close({timeoutMs: giveUpMs, createRevision});
  return wasAlive && wasThere;
}
