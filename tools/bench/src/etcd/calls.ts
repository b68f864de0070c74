/** The group `etcd`: calls through kvi, npm `etcd3` and plain gRPC, by how many callers wait at the same time. */
import type {Bench} from '../bench.ts';
import {inFlight} from '../in-flight.ts';
import {type Sample, timed} from '../rounds.ts';
import {type EtcdClient, openEtcd3Client, openKviClient, openRawClient} from './clients.ts';
import {openRawEtcd, type RawEtcd, withPrefix} from './raw.ts';

const all = 'bench/';
const before = 'the value before';
const after = 'the value after it';
const keysOfRange = 100;

/** Calls of a round in a full run: the more callers, the faster they are made. */
const callsFor = (callers: number) => Math.min(6_000, 500 + 32 * callers);

interface Operation {
  name: string;
  /** The nth call of a round, each on a key that holds `before`. */
  call(client: EtcdClient, n: number): Promise<boolean>;
  /** Whether the nth call changes its key. */
  writes: (n: number) => boolean;
  /** Calls in a round, beside the others. Default 1. */
  share?: number;
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
    share: 0.2,
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
  for (const callers of callerCounts) {
    for (const operation of operations) {
      const calls = Math.max(callers, bench.times(callsFor(callers) * (operation.share ?? 1)));
      const round = (client: EtcdClient) => oneRound(raw, client, operation, callers, calls);
      await bench.measure({
        name: `etcd: ${operation.name}, ${callers.toLocaleString('en')} ${callers === 1 ? 'caller' : 'callers'}`,
        kvi: () => round(kvi),
        peers: {
          etcd3: () => round(etcd3),
          'raw grpc-js': () => round(rawClient),
        },
      });
      await forgetHistory(raw);
    }
  }
}

async function oneRound(
  raw: RawEtcd,
  client: EtcdClient,
  operation: Operation,
  callers: number,
  calls: number,
): Promise<Sample> {
  const keys = await seed(raw, calls);
  const {seconds, cpuSeconds} = await timed(() => inFlight(callers, calls, (n) => operation.call(client, n)));
  const changed = keys - (await countUnchanged(raw));
  if (changed !== Array.from({length: calls}, (_, n) => n).filter(operation.writes).length)
    throw new Error(`${calls} times ${operation.name} changed ${changed} keys`);
  return {'calls/s': calls / seconds, 'µs of CPU a call': (cpuSeconds / calls) * 1_000_000};
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
  await raw.compact({revision: header.revision});
}
