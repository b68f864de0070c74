import type {Bytes, Driver, DriverCallOptions, LeaseId} from 'kvi-core/driver';

/** A call of the port, for cases about all calls. */
export interface PortCall {
  name: string;
  /** Whether it may change the store. */
  isWrite: boolean;
  start: (driver: Driver, key: Bytes, options?: DriverCallOptions) => Promise<unknown>;
}

/** The lease of the calls below. No backend chooses such a small id. */
export const someLease: LeaseId = '7';

/** Every call of the port. Watches have their own groups. */
export const calls: readonly PortCall[] = [
  {
    name: 'range',
    isWrite: false,
    start: (driver, key, options) => driver.range({key}, options),
  },
  {
    name: 'txn',
    isWrite: true,
    start: (driver, key, options) => driver.txn({success: [{type: 'put', key, value: key}]}, options),
  },
  {
    name: 'a txn that only reads',
    isWrite: false,
    start: (driver, key, options) => driver.txn({success: [{type: 'range', key}]}, options),
  },
  {
    name: 'compact',
    isWrite: true,
    start: (driver, _key, options) => driver.compact({revision: 1}, options),
  },
  {
    name: 'leaseGrant',
    isWrite: true,
    start: (driver, _key, options) => driver.leaseGrant({ttlSeconds: 1, id: someLease}, options),
  },
  {
    name: 'leaseRevoke',
    isWrite: true,
    start: (driver, _key, options) => driver.leaseRevoke(someLease, options),
  },
  {
    name: 'leaseKeepAlive',
    isWrite: false,
    start: (driver, _key, options) => driver.leaseKeepAlive(someLease, options),
  },
  {
    name: 'leaseTimeToLive',
    isWrite: false,
    start: (driver, _key, options) => driver.leaseTimeToLive({id: someLease}, options),
  },
  {
    name: 'leaseLeases',
    isWrite: false,
    start: (driver, _key, options) => driver.leaseLeases(options),
  },
  {
    name: 'status',
    isWrite: false,
    start: (driver, _key, options) => driver.status(options),
  },
];
