/** The group `mem`: kvi's store in this process beside stores that only hold text, and beside its own driver. */
import {open} from 'kvi';
import {MemStore} from 'kvi-mem';
import {MemoryLevel} from 'memory-level';
import type {Bench} from '../bench.ts';
import type {Round} from '../rounds.ts';
import {driverGetRound, driverScan, driverStoreRound} from './driver.ts';
import {type Entry, entriesOf, prefix, rate} from './entries.ts';
import {levelScan, openTextLevel, peerStores, type TextStore} from './peers.ts';

/** How often a round goes through all keys. */
const passes = 5;
const scans = 3;
const rivals = ['keyv', 'unstorage', 'memory-level'];

export async function memCalls(bench: Bench): Promise<void> {
  const kv = await open('mem:bench');
  const kvi: TextStore = {
    get: (key) => kv.get(key),
    set: (key, value) => kv.store(key, value),
    clear: () => MemStore.named('bench').reset(),
  };
  const peers = peerStores();
  const entries = entriesOf(bench.times(10_000));
  const each = (round: (store: TextStore) => Round) =>
    Object.fromEntries(Object.entries(peers).map(([name, store]) => [name, round(store)]));

  await bench.measure({
    name: 'mem: store',
    kvi: storeRound(kvi, entries),
    peers: {
      ...each((store) => storeRound(store, entries)),
      'kvi-mem driver': driverStoreRound(entries, passes),
    },
    rivals,
  });
  await bench.measure({
    name: 'mem: get',
    kvi: getRound(kvi, entries),
    peers: {...each((store) => getRound(store, entries)), 'kvi-mem driver': driverGetRound(entries, passes)},
    rivals,
  });
  await kv[Symbol.asyncDispose]();
  await measureScan(bench);
}

/** Sets each key some times, one call after the other. */
export function storeRound(store: TextStore, entries: readonly Entry[]): Round {
  const writes = Array.from({length: passes}, (_, pass) => shifted(entries, pass)).flat();
  const last = shifted(entries, passes - 1);
  return async () => {
    await store.clear();
    const sample = await rate('calls', writes.length, async () => {
      for (const {key, value} of writes) await store.set(key, value);
    });
    await readAll(store, last);
    return sample;
  };
}

/** Reads each key some times, one call after the other. */
function getRound(store: TextStore, entries: readonly Entry[]): Round {
  return async () => {
    await store.clear();
    for (const {key, value} of entries) await store.set(key, value);
    return rate('calls', passes * entries.length, async () => {
      for (let pass = 0; pass < passes; pass++) await readAll(store, entries);
    });
  };
}

async function readAll(store: TextStore, entries: readonly Entry[]): Promise<void> {
  for (const {key, value} of entries) {
    const found = await store.get(key);
    if (found !== value) throw new Error(`${key} holds ${String(found)} where ${value} was stored`);
  }
}

/** The same keys with each other's values, so that every pass changes every key. */
function shifted(entries: readonly Entry[], by: number): Entry[] {
  const values = [...entries.slice(by), ...entries.slice(0, by)];
  return entries.map(({key}, n) => ({key, value: values[n]?.value ?? ''}));
}

async function measureScan(bench: Bench): Promise<void> {
  const entries = entriesOf(bench.times(100_000));
  await using kv = await open('mem:bench-scan');
  for (const {key, value} of entries) await kv.store(key, value);
  const round = (scan: () => Promise<readonly unknown[]>): Round => {
    return () =>
      rate('keys', scans * entries.length, async () => {
        for (let n = 0; n < scans; n++) {
          const {length} = await scan();
          if (length !== entries.length) throw new Error(`a scan of ${entries.length} keys found ${length}`);
        }
      });
  };
  await bench.measure({
    name: `mem: scan of ${entries.length.toLocaleString('en')} keys`,
    kvi: round(() => kv.getRange({prefix})),
    peers: {
      'memory-level': round(await levelScan(new MemoryLevel(), entries)),
      'memory-level (utf8)': round(await levelScan(openTextLevel(), entries)),
      'kvi-mem driver': round(await driverScan(entries)),
    },
  });
  MemStore.named('bench-scan').reset();
}
