/**
 * The queue that etcd's locks and elections are, for clients that have the server wait. The keys are the ones that kvi's own locks and
 * elections put, and Go's, so that all exclude each other. The lease is the client's: the server never keeps it alive, and
 * when it ends, so does the place in the queue.
 *
 * @see `client/v3/concurrency/key.go` and `mutex.go` in etcd
 */
import {
  type Bytes,
  type Driver,
  isKviError,
  type KeyRange,
  type KeyValue,
  type LeaseId,
  noLease,
  prefixEnd,
  type ResponseOp,
  withDeadline,
} from 'kvi-core/driver';
import {grpcCode} from 'kvi-wire';
import type {Call} from '../grpc/call.ts';
import {Refusal, statusOf} from '../grpc/refusal.ts';

/** A place in the queue for a name. */
export interface Place {
  readonly name: Bytes;
  readonly key: Bytes;
  readonly lease: LeaseId;
  /** Whoever has the lowest is first. */
  readonly createRevision: number;
  /** The revision at which the place was taken, or found. */
  readonly revision: number;
  /** Whether it was first then. */
  readonly isFirst: boolean;
  /** What the key holds; undefined if it was put now. */
  readonly earlierValue: Bytes | undefined;
}

/** The lease of a client that names none: nobody keeps it alive, so the place lasts no longer. */
const ownTtlSeconds = 60;

/** How long leaving the queue may take, in milliseconds: afterwards, the end of the lease does it. */
const leaveTimeoutMs = 5_000;

/** The keys of all who queue up for a name. */
export function queueOf(name: Bytes): KeyRange<Bytes> {
  const key = Buffer.concat([name, Buffer.from('/')]);
  return {key, rangeEnd: prefixEnd(key)};
}

/** Reads who is first. */
export function readFirst(name: Bytes) {
  return {type: 'range', ...queueOf(name), sortTarget: 'create', limit: 1} as const;
}

/** Takes a place, or finds the one that the lease has. */
export async function queueUp(
  driver: Driver,
  name: Bytes,
  wanted: LeaseId,
  value: Bytes,
  signal: AbortSignal,
): Promise<Place> {
  const lease =
    wanted === noLease ? (await driver.leaseGrant({ttlSeconds: ownTtlSeconds}, {signal})).id : wanted;
  const key = Buffer.concat([queueOf(name).key, Buffer.from(lease)]);
  const first = readFirst(name);
  const {revision, responses} = await driver.txn(
    {
      compare: [{key, target: 'create', result: '=', createRevision: 0}],
      success: [{type: 'put', key, value, lease}, first],
      failure: [{type: 'range', key}, first],
    },
    {signal},
  );
  const earlier = firstOf(responses[0]);
  const createRevision = earlier?.createRevision ?? revision;
  const isFirst = firstOf(responses[1])?.createRevision === createRevision;
  return {name, key, lease, createRevision, revision, isFirst, earlierValue: earlier?.value};
}

function firstOf(response: ResponseOp<Bytes> | undefined): KeyValue<Bytes> | undefined {
  return response?.type === 'range' ? response.kvs[0] : undefined;
}

/** Waits until everybody who came before is gone. If it fails, the place is given up. */
export async function untilFirst(driver: Driver, place: Place, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      const {kvs, revision} = await driver.range(
        {
          ...queueOf(place.name),
          maxCreateRevision: place.createRevision - 1,
          sortTarget: 'create',
          sortOrder: 'descend',
          limit: 1,
          keysOnly: true,
        },
        {signal},
      );
      const [predecessor] = kvs;
      if (predecessor === undefined) return;
      await untilDeleted(driver, predecessor.key, revision + 1, signal);
    }
  } catch (error) {
    await leave(driver, place);
    throw error;
  }
}

async function untilDeleted(
  driver: Driver,
  key: Bytes,
  startRevision: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const {events} of driver.watch({key, startRevision, filters: ['noput']}, {signal})) {
      if (events.length > 0) return;
    }
  } catch (error) {
    // The deletion may be among what was compacted: the caller looks again.
    if (!isKviError(error, 'KVI_COMPACTED')) throw error;
  }
}

/** Gives up a place that somebody may wait behind. */
async function leave(driver: Driver, {key, createRevision}: Place): Promise<void> {
  const request = {
    compare: [{key, target: 'create', result: '=', createRevision}],
    success: [{type: 'deleteRange', key}],
  } as const;
  await driver.txn(request, {timeoutMs: leaveTimeoutMs}).catch(() => undefined);
}

/**
 * Runs a call of several requests to the store within the time that its client gives it. As from an etcd, whose services for locks
 * and elections stand on a client of their own, errors keep their messages and lose their codes.
 */
export async function withinTime<R>(
  {driver, limits}: Call,
  run: (driver: Driver, signal: AbortSignal) => Promise<R>,
): Promise<R> {
  try {
    return await withDeadline(driver.clock, limits, (signal) => run(driver, signal));
  } catch (error) {
    const {code, details} = statusOf(error);
    const isOfTheCall = code === grpcCode.deadlineExceeded || code === grpcCode.cancelled;
    throw new Refusal({code: isOfTheCall ? code : grpcCode.unknown, details});
  }
}
