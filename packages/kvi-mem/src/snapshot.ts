import {type Clock, invalidArgument, type Timer} from 'kvi-core/driver';
import {createStoreState, type StoreState, type StoreStateOptions} from './store-state.ts';

/**
 * The contents of a store at one moment: its keys with their history, its compact revision, and its leases with their
 * remaining time. {@link MemStore.snapshot} takes one. It never changes.
 */
export interface MemSnapshot {
  /** The revision of the store. */
  readonly revision: number;
}

const states = new WeakMap<MemSnapshot, StoreState>();

/** Time stands still in a snapshot, so its leases keep their remaining time. */
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
 * The contents of a snapshot, for a store to start from.
 *
 * @throws `KVI_INVALID_ARGUMENT` if no store's `snapshot` returned it
 */
export function stateOf(snapshot: MemSnapshot): StoreState {
  const state = states.get(snapshot);
  if (!state) throw invalidArgument('snapshot must be the result of snapshot() of a MemStore');
  return state;
}
