import {type Clock, noLease} from 'kvi-core/driver';
import {Lessor} from './lessor.ts';
import {MvccStore} from './mvcc/store.ts';
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

/** Puts an empty store together. */
export function createStoreState({
  clock,
  historyLimit,
  minTtlSeconds,
  progressIntervalMs,
}: StoreStateOptions): StoreState {
  const lessor = new Lessor({
    clock,
    minTtlSeconds,
    deleteKeys(keys) {
      kv.transact(() => {
        for (const key of keys) kv.delete(key);
      });
    },
  });
  const kv: MvccStore = new MvccStore({
    historyLimit,
    onChange(current, previous) {
      lessor.move(current.key, previous?.lease ?? noLease, current.lease);
    },
    onCommit(revision, changes) {
      hub.notify(revision, changes);
    },
  });
  const hub = new WatchHub({clock, store: kv, progressIntervalMs});
  return {kv, lessor, hub};
}
