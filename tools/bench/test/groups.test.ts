import {describe, expect, it} from '@jest/globals';
import {describeWithEtcd} from 'kvi-testbed';
import {fileURLToPath} from 'node:url';
import {startEtcd, typescriptArgs} from 'kvi-testbed/programs';
import {createBench, type Row} from '../src/bench.ts';
import {etcdCalls} from '../src/etcd/calls.ts';
import {etcdLocks} from '../src/etcd/locks.ts';
import {etcdWatches} from '../src/etcd/watches.ts';
import {inFlight} from '../src/in-flight.ts';
import {memCalls} from '../src/mem/calls.ts';
import {memWatches} from '../src/mem/watches.ts';
import {storeRound} from '../src/mem/works.ts';
import {table} from '../src/report.ts';
import {processStart} from '../src/start.ts';

/** A bench that does next to nothing, but each thing once. The rounds themselves check that it was done. */
const smallBench = () => createBench({rounds: 1, scale: 0.001});

/** What the rows compare: `name, unit: peer`. */
function subjects(rows: readonly Row[]): string[] {
  return rows.map(({measurement, unit, peer}) => `${measurement}, ${unit}: ${peer}`);
}

describe('The bench in memory', () => {
  it('compares the facade with each store and with its own driver', async () => {
    const bench = smallBench();
    await memCalls(bench, typescriptArgs);
    await memWatches(bench);

    const levels = ['memory-level', 'memory-level (utf8)'];
    const peers = ['keyv', 'unstorage', ...levels, 'an async Map', 'kvi-mem driver'];
    expect(subjects(bench.rows)).toEqual([
      ...peers.map((peer) => `mem: store, calls/s: ${peer}`),
      ...peers.map((peer) => `mem: get, calls/s: ${peer}`),
      ...[...levels, 'kvi-mem driver'].map((peer) => `mem: scan of 100 keys, keys/s: ${peer}`),
      'mem: store, with 1,000 watches of other prefixes, µs of CPU a call: kvi without watches',
    ]);
    expect(bench.rows.filter(({isBest}) => isBest)).toHaveLength(2);
    expectNumbers(bench.rows);
  });

  it('refuses a store that loses a write', async () => {
    const map = new Map<string, string>();
    const store = {
      get: (key: string) => Promise.resolve(map.get(key)),
      set: (key: string, value: string) => Promise.resolve(key === 'lost' || map.set(key, value)),
      clear: () => map.clear(),
    };
    const round = storeRound(store, [
      {key: 'kept', value: 'a'},
      {key: 'lost', value: 'b'},
    ]);
    await expect(round()).rejects.toThrow('lost holds undefined');
  });
});

describeWithEtcd('The bench on etcd', () => {
  it('measures what the start of a process takes, and of the command', async () => {
    await using etcd = await startEtcd();
    const bench = smallBench();
    const command = fileURLToPath(new URL('../../../packages/kvi-cli/src/bin.ts', import.meta.url));
    await processStart(bench, {url: etcd.url, command, nodeArgs: typescriptArgs});
    expect(subjects(bench.rows)).toEqual([
      `start: import('kvi'), open('mem:'), ms of CPU: node -e 0`,
      'start: kvi get KEY, the whole process, ms of CPU: node -e 0',
    ]);
    expectNumbers(bench.rows);
  }, 120_000);

  it('compares each call with etcd3 and plain gRPC, and the lock with that of etcd3', async () => {
    await using etcd = await startEtcd();
    const bench = smallBench();
    await etcdCalls(bench, etcd.url, [1, 4]);
    await etcdLocks(bench, etcd.url);
    await etcdWatches(bench, etcd.url);

    const plain = ['get', 'store', 'tas', 'transaction', 'getRange of 100 keys', 'delete'];
    const operations = [...plain, 'mixed (7 get, 2 store, 1 tas)'];
    const names = ['1 caller', '4 callers'].flatMap((callers) =>
      operations.map((operation) => `etcd: ${operation}, ${callers}`),
    );
    const lock = 'etcd: lock and unlock, uncontended';
    expect(subjects(bench.rows)).toEqual([
      ...names.flatMap((name) =>
        ['calls/s', 'µs of CPU a call'].flatMap((unit) => [
          `${name}, ${unit}: etcd3`,
          `${name}, ${unit}: raw grpc-js`,
        ]),
      ),
      ...['ms', 'µs of CPU', 'requests'].map((unit) => `${lock}, ${unit} a cycle: etcd3`),
      'etcd: lock and unlock, 64 waiters, cycles/s: etcd3',
      ...['ms to start', 'ms from a write to the last event', 'ms of CPU for both'].map(
        (unit) => `etcd: 10 watches of a key, ${unit}: etcd3`,
      ),
    ]);
    expectNumbers(bench.rows);
  }, 120_000);

  it('refuses a wrong answer', async () => {
    await expect(inFlight(2, 5, (n) => Promise.resolve(n !== 3))).rejects.toThrow(
      'call 3 got a wrong answer',
    );
  });
});

describe('The table of the bench', () => {
  it('has a line for each row, aligned', () => {
    const row: Row = {
      measurement: 'mem: get',
      unit: 'calls/s',
      kvi: 150_000,
      peer: 'keyv',
      isBest: true,
      theirs: 300_000,
      relation: 'ratio',
      comparison: {middle: 0.5, low: 0.4375, high: 0.6},
    };
    const start: Row = {
      ...row,
      isBest: false,
      relation: 'difference',
      comparison: {middle: 38.25, low: 35, high: 41},
    };
    expect(table([row, start]).split('\n')).toEqual([
      '| measurement | unit    |     kvi | peer               | its value | ratio |       spread |',
      '| ----------- | ------- | ------: | ------------------ | --------: | ----: | -----------: |',
      '| mem: get    | calls/s | 150,000 | keyv (the fastest) |   300,000 | 0.50x | 0.438 to 0.6 |',
      '| mem: get    | calls/s | 150,000 | keyv               |   300,000 | +38.3 |     35 to 41 |',
    ]);
  });
});

function expectNumbers(rows: readonly Row[]): void {
  for (const {kvi, theirs, comparison} of rows) {
    const {middle, low, high} = comparison;
    for (const number of [kvi, theirs, middle, low, high]) expect(number).not.toBeNaN();
  }
}
