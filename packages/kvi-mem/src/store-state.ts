import type {Clock} from 'kvi-core/driver';
import {Lessor, type LessorOptions} from './lessor.ts';
import {MvccStore, type MvccStoreOptions} from './mvcc/store.ts';
import {WatchHub} from './mvcc/watch-hub.ts';

/** What a {@link StoreState} needs to know. */
export interface StoreStateOptions {
  clock: Clock;
  historyLimit: number;
  minTtlSeconds: number;
  progressIntervalMs: number;
}

/** The parts of a store. */
export interface StoreState {
  readonly kv: MvccStore;
  readonly lessor: Lessor;
  readonly hub: WatchHub;
}

/**
 * Puts a store together.
 *
 * @param origin - what its keys, history and leases begin with; default: nothing. Taking it over costs the same whatever its
 *   size, and neither sees what the other does later. Watches stay where they are.
 */
export function createStoreState(
  {clock, historyLimit, minTtlSeconds, progressIntervalMs}: StoreStateOptions,
  origin?: StoreState,
): StoreState {
  const lessorOptions: LessorOptions = {
    clock,
    minTtlSeconds,
    deleteKeys(keys) {
      kv.transact(() => {
        for (const key of keys) kv.delete(key);
      });
    },
  };
  const storeOptions: MvccStoreOptions = {
    historyLimit,
    onLeaseChange(key, from, to) {
      lessor.move(key, from, to);
    },
    onCommit(revision, changes) {
      hub.notify(revision, changes);
    },
  };
  const lessor = new Lessor(lessorOptions, origin?.lessor);
  const kv = new MvccStore(storeOptions, origin?.kv);
  const hub = new WatchHub({clock, store: kv, progressIntervalMs});
  return {kv, lessor, hub};
}
