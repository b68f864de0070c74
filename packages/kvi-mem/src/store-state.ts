import type {Clock} from 'kvi-core/driver';
import {Lessor, type LessorOptions} from './lessor.ts';
import {MvccStore, type MvccStoreOptions} from './mvcc/store.ts';
import {WatchHub} from './mvcc/watch-hub.ts';

/** The options of a {@link StoreState}. */
export interface StoreStateOptions {
  clock: Clock;
  historyLimit: number;
  minTtlSeconds: number;
  progressIntervalMs: number;
}

/** How many states there have been. */
let states = 0;

/** The parts of a store. */
export interface StoreState {
  /** No two of a process have the same: a store that was reset or restored has another history, as a cluster would. */
  readonly clusterId: string;
  readonly kv: MvccStore;
  readonly lessor: Lessor;
  readonly hub: WatchHub;
}

/**
 * Creates the parts of a store.
 *
 * @param origin - the state whose keys, history and leases to start from; default: none. This takes constant time, and
 *   neither sees later changes of the other. Watches are not taken over.
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
  states += 1;
  return {clusterId: states.toString(16), kv, lessor, hub};
}
