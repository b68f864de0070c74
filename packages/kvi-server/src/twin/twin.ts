import type {Driver} from 'kvi-core/driver';
import {Faults, MemStore, type MemStoreOptions} from 'kvi-mem';
import {type AdvancingClock, advancingClock} from './advancing-clock.ts';

/** A store in this process that other processes can control: for `control` of `serve`. */
export interface Twin {
  readonly store: MemStore;
  readonly clock: AdvancingClock;
  /** What goes wrong with calls on {@link Twin.driver}. */
  readonly faults: Faults;
  /** What to serve. */
  readonly driver: Driver;
}

/**
 * Creates a store whose clock runs as the machine's, and can be advanced.
 *
 * ```ts
 * const twin = createTwin();
 * const server = await serve(twin.driver, {control: twin});
 * ```
 */
export function createTwin(options: Omit<MemStoreOptions, 'clock'> = {}): Twin {
  const clock = advancingClock();
  const store = new MemStore({...options, clock});
  const faults = new Faults();
  return {store, clock, faults, driver: store.driver({faults})};
}
