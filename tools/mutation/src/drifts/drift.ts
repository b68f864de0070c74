import {createKvi, type Kvi, type KviOptions} from 'kvi-core';
import type {ContractTarget} from 'kvi-contract';
import type {Driver} from 'kvi-core/driver';
import {MemStore} from 'kvi-mem';

/** A way in which a twin differed from etcd, made of the twin that does not. */
export interface Drift {
  /** What the twin did. */
  title: string;
  /** What etcd does. */
  etcd: string;
  /** The beginning of the name of each case of the contract that has to notice. */
  caughtBy: readonly string[];
  /** A handle that drifts. */
  driver?: (driver: Driver) => Driver | Promise<Driver>;
  /** A facade that drifts, on a driver that may. */
  kvi?: (kvi: Kvi, driver: Driver) => Kvi;
  /** Options with which the facade drifts. */
  options?: KviOptions;
}

/** A new store, as the contract sees it through a drift; without one, the twin as it is. */
export function twin({driver, kvi, options}: Partial<Drift> = {}): ContractTarget {
  const store = new MemStore();
  return {
    async open() {
      const opened = store.driver();
      return driver === undefined ? opened : driver(opened);
    },
    createKvi(opened, kviOptions) {
      const made = createKvi(opened, {...kviOptions, ...options});
      return kvi === undefined ? made : kvi(made, opened);
    },
    leftovers: () => Promise.resolve(store.watchCount === 0 ? [] : [`${store.watchCount} watches`]),
  };
}
