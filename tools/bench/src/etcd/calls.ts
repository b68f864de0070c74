/** The group `etcd`: calls through kvi, npm `etcd3` and plain gRPC, by how many callers wait at the same time. */
import type {Bench} from '../bench.ts';
import {inFlight} from '../in-flight.ts';
import {type Cost, type Round, type Sample, timed} from '../rounds.ts';
import {type EtcdClient, openEtcd3Client, openKviClient, openRawClient} from './clients.ts';
import {openRawEtcd, type RawEtcd, withPrefix} from './raw.ts';

const all = 'bench/';
const before = 'the value before';
const after = 'the value after it';
const keysOfRange = 100;

/** Milliseconds that a round of a full run takes, about: a client that is faster makes more calls, so that all are as warm. */
const roundMs = 300;

interface Operation {
  name: string;
  /** The nth call of a round, each on a key that holds `before`. */
  call(client: EtcdClient, n: number): Promise<boolean>;
  /** Whether the nth call changes its key. */
  writes: (n: number) => boolean;
}

const always = () => true;
const never = () => false;

const operations: readonly Operation[] = [
  {name: 'get', call: (client, n) => client.get(keyOf(n), before), writes: never},
  {name: 'store', call: (client, n) => client.store(keyOf(n), after), writes: always},
  {name: 'tas', call: (client, n) => client.tas(keyOf(n), before, after), writes: always},
  {
    name: 'transaction',
    call: (client, n) => client.transaction(keyOf(n), before, after, `${keyOf(n)}/else`),
    writes: always,
  },
  {
    name: `getRange of ${String(keysOfRange)} keys`,
    call: (client, n) => client.getRange(rangeOf(n % 5), keysOfRange),
    writes: never,
  },
  {name: 'delete', call: (client, n) => client.delete(keyOf(n)), writes: always},
  {
    name: 'mixed (7 get, 2 store, 1 tas)',
    call(client, n) {
      if (n % 10 < 7) return client.get(keyOf(n), before);
      return n % 10 < 9 ? client.store(keyOf(n), after) : client.tas(keyOf(n), before, after);
    },
    writes: (n) => n % 10 >= 7,
  },
];

/** Each range has {@link keysOfRange} keys, however many calls there are. */
function rangeOf(range: number): string {
  return `${all}${String(range).padStart(3, '0')}/`;
}

function keyOf(n: number): string {
  return `${rangeOf(Math.floor(n / keysOfRange))}${String(n % keysOfRange).padStart(3, '0')}`;
}

/**
 * @param url of an etcd that nobody else uses
 * @param callerCounts how many callers there are, one number after the other
 */
export async function etcdCalls(
  bench: Bench,
  url: string,
  callerCounts = [1, 16, 64, 256, 1_024],
): Promise<void> {
  using raw = openRawEtcd(url);
  await using kvi = await openKviClient(url);
  using etcd3 = openEtcd3Client(url);
  using rawClient = openRawClient(url);
  const seconds = bench.times(roundMs) / 1_000;
  for (const callers of callerCounts) {
    for (const operation of operations) {
      const rounds = async (client: EtcdClient): Promise<Round> => {
        const calls = await callsIn(seconds, (n) => oneRound(raw, client, operation, callers, n), callers);
        return async () => sampleOf(calls, await oneRound(raw, client, operation, callers, calls));
      };
      await bench.measure({
        name: `etcd: ${operation.name}, ${callers.toLocaleString('en')} ${callers === 1 ? 'caller' : 'callers'}`,
        kvi: await rounds(kvi),
        peers: {
          etcd3: await rounds(etcd3),
          'raw grpc-js': await rounds(rawClient),
        },
      });
      await forgetHistory(raw);
    }
  }
}

/** Makes more and more calls, to find out how many take so many seconds; at least the first number. */
async function callsIn(
  seconds: number,
  round: (calls: number) => Promise<Cost>,
  first: number,
): Promise<number> {
  for (let calls = first; ; calls *= 2) {
    const cost = await round(calls);
    if (cost.seconds > seconds / 2) return Math.max(first, Math.round((calls * seconds) / cost.seconds));
  }
}

function sampleOf(calls: number, {seconds, cpuSeconds}: Cost): Sample {
  return {'calls/s': calls / seconds, 'µs of CPU a call': (cpuSeconds / calls) * 1_000_000};
}

async function oneRound(
  raw: RawEtcd,
  client: EtcdClient,
  operation: Operation,
  callers: number,
  calls: number,
): Promise<Cost> {
  const keys = await seed(raw, calls);
  const cost = await timed(() => inFlight(callers, calls, (n) => operation.call(client, n)));
  const changed = keys - (await countUnchanged(raw));
  if (changed !== Array.from({length: calls}, (_, n) => n).filter(operation.writes).length)
    throw new Error(`${calls} times ${operation.name} changed ${changed} keys`);
  return cost;
}

/** Makes keys for `calls` calls and for the ranges, each at its first version. */
async function seed(raw: RawEtcd, calls: number): Promise<number> {
  await raw.deleteRange(withPrefix(all));
  const ranges = Math.max(5, Math.ceil(calls / keysOfRange));
  const value = Buffer.from(before);
  const fillRange = (range: number) => {
    const keys = Array.from({length: keysOfRange}, (_, n) => keyOf(range * keysOfRange + n));
    return raw.txn({success: keys.map((key) => ({request_put: {key: Buffer.from(key), value}}))});
  };
  await Promise.all(Array.from({length: ranges}, (_, range) => fillRange(range)));
  return ranges * keysOfRange;
}

/** How many keys are there still, as they were made. */
async function countUnchanged(raw: RawEtcd): Promise<number> {
  const {kvs} = await raw.range({...withPrefix(all), keys_only: true});
  return kvs.filter(({version}) => version === '1').length;
}

/** Keeps the last measurement from being slower than the first because the store has grown. */
async function forgetHistory(raw: RawEtcd): Promise<void> {
  const {header} = await raw.range(withPrefix(all));
  await raw.compact({revision: header.revision, physical: true});
}
