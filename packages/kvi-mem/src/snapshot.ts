import {type Clock, invalidArgument, type Timer} from 'kvi-core/driver';
import {createStoreState, type StoreState, type StoreStateOptions} from './store-state.ts';

/**
 * What a store held at one moment: its keys with their history, its compact revision, and its leases with the time that
 * each had left. {@link MemStore.snapshot} takes one. Nothing that happens to any store changes it.
 */
export interface MemSnapshot {
  /** The revision that the store had. */
  readonly revision: number;
}

const states = new WeakMap<MemSnapshot, StoreState>();

/** Time does not pass in a snapshot, so its leases keep the time they have left. */
const stoppedClock: Clock = {
  now: () => 0,
  setTimer() {
    const timer: Timer = {cancel: () => undefined, unref: () => timer};
    return timer;
  },
};

/** A snapshot is a store that shares the contents of `state` and is never written to. */
export function takeSnapshot(options: StoreStateOptions, state: StoreState): MemSnapshot {
  const snapshot: MemSnapshot = Object.freeze({revision: state.kv.revision});
  states.set(snapshot, createStoreState({...options, clock: stoppedClock}, state));
  return snapshot;
}

/**
 * What a snapshot holds, for a store to begin with.
 *
 * @throws `KVI_INVALID_ARGUMENT` for what no store's `snapshot` returned
 */
export function stateOf(snapshot: MemSnapshot): StoreState {
  const state = states.get(snapshot);
  if (!state) throw invalidArgument('snapshot must be the result of snapshot() of a MemStore');
  return state;
}
