import * as fc from 'fast-check';
import {
  type Bytes,
  type Compare,
  type Driver,
  type DriverWatch,
  isKviError,
  type KeyRange,
  type LeaseId,
  type RangeRequest,
  type RequestOp,
  type TxnRequest,
  type WatchRequest,
} from 'kvi-core/driver';

/** A call; revisions in it count back from the last one that its client has seen. */
export type Command =
  | {do: 'range'; request: RangeRequest<Bytes>; ago: number | undefined}
  | {do: 'txn'; request: TxnRequest<Bytes>; abortAfterMs: number | undefined}
  | {do: 'compact'; ago: number}
  | {do: 'watch'; request: WatchRequest<Bytes>; ago: number | undefined}
  | {do: 'leaseGrant' | 'leaseRevoke' | 'leaseKeepAlive' | 'leaseTimeToLive'; id: LeaseId}
  | {do: 'leaseLeases'};

/** What each client does, one call after the other, while the others do theirs. */
export type ConcurrentProgram = Command[][];

const bytes = (text: string): Bytes => Buffer.from(text);

/** The key that is written at the end, which every watch waits for. */
const endKey = bytes('~');

const keys = ['a', 'b', 'c', 'd'].map(bytes);
const leases: LeaseId[] = ['a1', 'a2'];

const key = fc.constantFrom(...keys);
const lease = fc.constantFrom(...leases);
const value = fc.nat({max: 9_999}).map((number) => bytes(String(number)));
/** Most requests name no revision. */
const ago = fc.oneof(
  {weight: 2, arbitrary: fc.constant(undefined)},
  {weight: 1, arbitrary: fc.nat({max: 4})},
);
const keyRange: fc.Arbitrary<KeyRange<Bytes>> = fc.oneof(
  fc.record({key}),
  fc.record({key, rangeEnd: fc.constantFrom(bytes('c'), bytes('z'), bytes('\0'))}),
);

const compare: fc.Arbitrary<Compare<Bytes>> = fc.oneof(
  fc.record({
    key,
    target: fc.constant('create' as const),
    result: fc.constantFrom('=' as const, '!=' as const),
    createRevision: fc.constant(0),
  }),
  fc.record({
    key,
    target: fc.constant('version' as const),
    result: fc.constantFrom('<' as const, '>' as const),
    version: fc.nat({max: 4}),
  }),
  fc.record({key, target: fc.constant('value' as const), result: fc.constant('<' as const), value}),
);

const read: fc.Arbitrary<RequestOp<Bytes>> = keyRange.map((range) => ({type: 'range', ...range}));

/** A change of this key. */
function write(changed: Bytes): fc.Arbitrary<RequestOp<Bytes>> {
  const put = fc
    .record({value, lease: fc.option(lease, {nil: undefined, freq: 3}), prevKv: fc.boolean()})
    .map((fields): RequestOp<Bytes> => ({type: 'put', key: changed, ...fields}));
  const remove = fc
    .boolean()
    .map((prevKv): RequestOp<Bytes> => ({type: 'deleteRange', key: changed, prevKv}));
  const nested = fc.tuple(compare, put, remove).map(([condition, then, otherwise]): RequestOp<Bytes> => {
    return {type: 'txn', compare: [condition], success: [then], failure: [otherwise]};
  });
  return fc.oneof(
    {weight: 4, arbitrary: put},
    {weight: 2, arbitrary: remove},
    {weight: 1, arbitrary: nested},
  );
}

/** Each key changes once at most, as etcd wants it. */
const branch: fc.Arbitrary<RequestOp<Bytes>[]> = fc
  .tuple(fc.shuffledSubarray(keys, {maxLength: 3}), fc.array(read, {maxLength: 2}))
  .chain(([changed, reads]) => fc.tuple(fc.tuple(...changed.map(write)), fc.constant(reads)))
  .map(([writes, reads]) => [...writes, ...reads]);

const txn: fc.Arbitrary<Command> = fc
  .record({
    compare: fc.array(compare, {maxLength: 2}),
    success: branch,
    failure: branch,
    abortAfterMs: fc.oneof(
      {weight: 30, arbitrary: fc.constant(undefined)},
      {weight: 1, arbitrary: fc.nat({max: 3})},
    ),
  })
  .map(({abortAfterMs, ...request}) => ({do: 'txn', request, abortAfterMs}));

const range: fc.Arbitrary<Command> = fc
  .record({
    range: keyRange,
    limit: fc.nat({max: 3}),
    serializable: fc.constantFrom(false, false, false, true),
    ago,
  })
  .map(({range: {key: start, rangeEnd}, limit, serializable, ago: back}) => ({
    do: 'range',
    request: {key: start, rangeEnd, limit, serializable},
    ago: back,
  }));

const watch: fc.Arbitrary<Command> = fc
  .record({
    key,
    prevKv: fc.boolean(),
    filters: fc.constantFrom([], ['noput' as const], ['nodelete' as const]),
    ago,
  })
  .map(({ago: back, ...request}) => ({
    do: 'watch',
    request: {...request, rangeEnd: bytes('\0')},
    ago: back,
  }));

const leaseCall: fc.Arbitrary<Command> = fc.record({
  do: fc.constantFrom('leaseGrant', 'leaseGrant', 'leaseRevoke', 'leaseKeepAlive', 'leaseTimeToLive'),
  id: lease,
});

const command: fc.Arbitrary<Command> = fc.oneof(
  {weight: 10, arbitrary: txn},
  {weight: 6, arbitrary: range},
  {weight: 3, arbitrary: leaseCall},
  {weight: 1, arbitrary: watch},
  {weight: 1, arbitrary: fc.record({do: fc.constant('compact' as const), ago: fc.nat({max: 5})})},
  {weight: 1, arbitrary: fc.constant({do: 'leaseLeases' as const})},
);

/** Programs of so many clients. */
export function concurrentProgram(clients: number): fc.Arbitrary<ConcurrentProgram> {
  const client = fc.array(command, {minLength: 8, maxLength: 20, size: 'max'});
  return fc.array(client, {minLength: clients, maxLength: clients});
}

/**
 * Runs each client's commands on its driver, all clients at the same time, and every watch to the end.
 *
 * @param start the revision that the store has: what led to it is not to be watched
 */
export async function runConcurrently(
  program: ConcurrentProgram,
  drivers: readonly Driver[],
  start: number,
): Promise<void> {
  const watches: {isInPlace: Promise<unknown>; read: Promise<void>}[] = [];
  const onWatch = (watch: DriverWatch) => {
    // One that is refused is read to its error.
    watches.push({isInPlace: watch.created.catch(() => undefined), read: readToEnd(watch)});
  };
  await Promise.all(drivers.map((driver, index) => runClient(program[index] ?? [], driver, start, onWatch)));
  const [driver] = drivers;
  if (!driver) return;
  // One that is to start now may otherwise start after the end.
  await Promise.all(watches.map(({isInPlace}) => isInPlace));
  // One is seen by a watch without puts, and one by a watch without deletions.
  await surely(() => driver.txn({success: [{type: 'put', key: endKey, value: bytes('')}]}));
  await surely(() => driver.txn({success: [{type: 'deleteRange', key: endKey}]}));
  await Promise.all(watches.map(({read}) => read));
}

/** Makes a call again until it succeeds: a cluster without a leader, on a machine under load, refuses some. */
async function surely<R>(call: () => Promise<R>): Promise<R> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isKviError(error, 'KVI_UNAVAILABLE', 'KVI_UNKNOWN_OUTCOME')) throw error;
    }
  }
}

async function runClient(
  commands: readonly Command[],
  driver: Driver,
  start: number,
  onWatch: (watch: DriverWatch) => void,
): Promise<void> {
  let seen = start;
  const before = (back: number | undefined, first: number) =>
    back === undefined ? 0 : Math.max(first, seen - back);
  for (const step of commands) {
    try {
      switch (step.do) {
        case 'range':
          seen = (await driver.range({...step.request, revision: before(step.ago, start)})).revision;
          break;
        case 'txn': {
          const {abortAfterMs} = step;
          const signal = abortAfterMs === undefined ? undefined : AbortSignal.timeout(abortAfterMs);
          seen = (await driver.txn(step.request, {signal})).revision;
          break;
        }
        case 'compact':
          await driver.compact({revision: before(step.ago, start)});
          break;
        case 'watch':
          onWatch(driver.watch({...step.request, startRevision: before(step.ago, start + 1)}));
          break;
        case 'leaseGrant':
          await driver.leaseGrant({id: step.id, ttlSeconds: 600});
          break;
        case 'leaseRevoke':
        case 'leaseKeepAlive':
          await driver[step.do](step.id);
          break;
        case 'leaseTimeToLive':
          await driver.leaseTimeToLive({id: step.id, keys: true});
          break;
        case 'leaseLeases':
          await driver.leaseLeases();
          break;
      }
    } catch (error) {
      // What it should have been is for the checker to say.
      if (!isKviError(error)) throw error;
    }
  }
}

/** Reads a watch until it shows the end key, or what it is to show was compacted. */
async function readToEnd(watch: DriverWatch): Promise<void> {
  try {
    for await (const {events} of watch) {
      if (events.some(({kv}) => Buffer.compare(kv.key, endKey) === 0)) return;
    }
  } catch (error) {
    if (!isKviError(error, 'KVI_COMPACTED')) throw error;
  }
}

/**
 * Empties a store, its history too.
 *
 * @returns the revision that it then has
 */
export async function empty(driver: Driver): Promise<number> {
  const everything = {key: bytes('\0'), rangeEnd: bytes('\0')};
  const {leases} = await surely(() => driver.leaseLeases());
  for (const id of leases) await surely(() => driver.leaseRevoke(id));
  // The put makes sure that there is a revision that was not compacted yet.
  await surely(() => driver.txn({success: [{type: 'put', key: endKey, value: bytes('')}]}));
  const {revision} = await surely(() => driver.txn({success: [{type: 'deleteRange', ...everything}]}));
  await surely(() => driver.compact({revision}));
  return revision;
}
