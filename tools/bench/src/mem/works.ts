/** What is measured of the stores in memory: each work, done on one of them. */
import {open} from 'kvi';
import {MemStore} from 'kvi-mem';
import {MemoryLevel} from 'memory-level';
import type {Round} from '../rounds.ts';
import {driverGetRound, driverScan, driverStoreRound} from './driver.ts';
import {type Entry, entriesOf, prefix, rate} from './entries.ts';
import {levelScan, openTextLevel, type TextStore} from './peers.ts';
import {openStore} from './stores.ts';

/** How often a round goes through all keys. */
const passes = 5;
const scans = 3;
const driverName = 'kvi-mem driver';

export type Work = 'store' | 'get' | 'scan';

const roundsOf: Record<Work, (store: string, entries: readonly Entry[]) => Promise<Round>> = {
  store: async (store, entries) =>
    store === driverName ? driverStoreRound(entries, passes) : storeRound(await openStore(store), entries),
  get: async (store, entries) =>
    store === driverName ? driverGetRound(entries, passes) : getRound(await openStore(store), entries),
  scan: async (store, entries) => scanRound(await openScan(store, entries), entries),
};

/** @param keys how many there are in the store */
export function roundOf(work: Work, store: string, keys: number): Promise<Round> {
  return roundsOf[work](store, entriesOf(keys));
}

/** @returns reads all the entries, from a store that has them */
async function openScan(name: string, entries: readonly Entry[]): Promise<() => Promise<readonly unknown[]>> {
  if (name === 'memory-level') return levelScan(new MemoryLevel(), entries);
  if (name === 'memory-level (utf8)') return levelScan(openTextLevel(), entries);
  if (name === driverName) return driverScan(entries);
  const kv = await open('mem:', {mem: {store: new MemStore()}});
  for (const {key, value} of entries) await kv.store(key, value);
  return () => kv.getRange({prefix});
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

/** Reads all keys some times. */
function scanRound(scan: () => Promise<readonly unknown[]>, entries: readonly Entry[]): Round {
  return () =>
    rate('keys', scans * entries.length, async () => {
      for (let n = 0; n < scans; n++) {
        const {length} = await scan();
        if (length !== entries.length) throw new Error(`a scan of ${entries.length} keys found ${length}`);
      }
    });
}
