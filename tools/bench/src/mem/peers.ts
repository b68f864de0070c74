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
}

/** Each as its README opens it, by name. */
export function peerStores(): Record<string, TextStore> {
  const keyv = new Keyv<string>();
  const unstorage = createStorage<string>();
  const level = openLevel();
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
    'memory-level': {
      get: (key) => level.get(key),
      set: (key, value) => level.put(key, value),
      clear: () => level.clear(),
    },
    'an async Map': {
      get: (key) => Promise.resolve(map.get(key)),
      set: (key, value) => Promise.resolve(map.set(key, value)),
      clear: () => map.clear(),
    },
  };
}

/** @returns reads all the entries from a memory-level */
export async function levelScan(entries: readonly Entry[]): Promise<() => Promise<readonly unknown[]>> {
  const level = openLevel();
  await level.batch(entries.map((entry) => ({type: 'put', ...entry})));
  return () => level.iterator().all();
}

/** It keeps text as text, which is the fastest for a user of text; by default it keeps bytes. */
function openLevel(): MemoryLevel {
  return new MemoryLevel({storeEncoding: 'utf8'});
}
