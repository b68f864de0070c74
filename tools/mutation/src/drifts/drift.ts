import {createKvi, type Kvi, type KviOptions} from 'kvi-core';
import type {ContractTarget} from 'kvi-contract';
import type {Driver} from 'kvi-core/driver';
import {MemStore} from 'kvi-mem';

/** A difference from etcd that some twin had, built on the twin that has none. */
export interface Drift {
  /** What that twin did. */
  title: string;
  /** What etcd does. */
  etcd: string;
  /** How the names of the contract's cases begin that have to notice. */
  caughtBy: readonly string[];
  /** Makes a handle drift. */
  driver?: (driver: Driver) => Driver | Promise<Driver>;
  /** Makes a facade drift. Its driver may drift, too. */
  kvi?: (kvi: Kvi, driver: Driver) => Kvi;
  /** Options that make the facade drift. */
  options?: KviOptions;
}

/** A new store for the contract, seen through a drift. Without one, it is the proper twin. */
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
