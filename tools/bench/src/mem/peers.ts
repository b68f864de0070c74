/** The stores that kvi's is compared with, under one interface. */
import Keyv from 'keyv';
import {MemoryLevel} from 'memory-level';
import {createStorage} from 'unstorage';
import type {Entry} from './entries.ts';

/** What is measured of a store of text. */
export interface TextStore {
  get(key: string): Promise<unknown>;
  set(key: string, value: string): Promise<unknown>;
  /** Empties it. */
  clear(): Promise<void> | void;
  /** Reads the first so many entries from a key on. Absent: it cannot. */
  scan?(start: string, limit: number): Promise<readonly unknown[]>;
}

/** Each as its README opens it, by name; memory-level also as it is fastest on text, which it keeps as bytes otherwise. */
export function peerStores(): Record<string, TextStore> {
  const keyv = new Keyv<string>();
  const unstorage = createStorage<string>();
  const map = new Map<string, string>();
  return {
    keyv: {
      get: (key) => keyv.get(key),
      set: (key, value) => keyv.set(key, value),
      clear: () => keyv.clear(),
    },
    unstorage: {
      get: (key) => unstorage.getItem(key),
      set: (key, value) => unstorage.setItem(key, value),
      clear: () => unstorage.clear(),
    },
    'memory-level': levelStore(new MemoryLevel()),
    'memory-level (utf8)': levelStore(openTextLevel()),
    'an async Map': {
      get: (key) => Promise.resolve(map.get(key)),
      set: (key, value) => Promise.resolve(map.set(key, value)),
      clear: () => map.clear(),
    },
  };
}

function levelStore(level: MemoryLevel): TextStore {
  return {
    get: (key) => level.get(key),
    set: (key, value) => level.put(key, value),
    clear: () => level.clear(),
    scan: (gte, limit) => level.iterator({gte, limit}).all(),
  };
}

/** @returns reads all the entries from a memory-level */
export async function levelScan(
  level: MemoryLevel,
  entries: readonly Entry[],
): Promise<() => Promise<readonly unknown[]>> {
  await level.batch(entries.map((entry) => ({type: 'put', ...entry})));
  return () => level.iterator().all();
}

/** One that keeps text as text. */
export function openTextLevel(): MemoryLevel {
  return new MemoryLevel({storeEncoding: 'utf8'});
}
