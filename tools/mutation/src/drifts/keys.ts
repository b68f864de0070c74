/** Twins that store what etcd refuses, or what nobody asked for. */
import type {Input} from 'kvi-core';
import {type Bytes, type Driver, noLease, type RequestOp} from 'kvi-core/driver';
import type {Drift} from './drift.ts';

function putOf(key: Input, value: Input): RequestOp<Bytes> {
  return {type: 'put', key: Buffer.from(key), value: Buffer.from(value)};
}

export const emptyKey: Drift = {
  title: 'an empty key is stored',
  etcd: 'refuses it, in a branch that is not taken too',
  caughtBy: [
    'kvi: bad input › an empty key is refused by every call',
    'kvi: transaction › an empty key is refused even in the branch',
  ],
  kvi: (kvi, driver) => ({
    ...kvi,
    async store(key, value, options) {
      if (key.length > 0) await kvi.store(key, value, options);
      else await driver.txn({success: [putOf(key, value)]});
    },
    async transaction(key, op, value, thenKey, thenValue, elseKey, elseValue, options) {
      if (thenKey.length > 0 && elseKey.length > 0)
        return kvi.transaction(key, op, value, thenKey, thenValue, elseKey, elseValue, options);
      const {succeeded} = await driver.txn({
        compare: [{key: Buffer.from(key), target: 'value', result: op, value: Buffer.from(value)}],
        success: [putOf(thenKey, thenValue)],
        failure: [putOf(elseKey, elseValue)],
      });
      return succeeded;
    },
  }),
};

export const openWrites: Drift = {
  title: 'opening a handle stores a key that is named after the program',
  etcd: 'does not',
  caughtBy: ['kvi: store and get › opening a handle writes no key'],
  async driver(driver) {
    await driver.txn({success: [putOf('program', '')]});
    return driver;
  },
};

function rewritingPuts(driver: Driver, rewrite: (op: RequestOp<Bytes>) => RequestOp<Bytes>): Driver {
  return {
    ...driver,
    txn: ({compare, success, failure}, options) =>
      driver.txn({compare, success: success?.map(rewrite), failure: failure?.map(rewrite)}, options),
  };
}

export const noLeases: Drift = {
  title: 'no leases',
  etcd: 'a key goes with its lease, and no key can be put under a lease that is not there',
  caughtBy: [
    'kvi: store and get › a key stored with a lease is deleted',
    'driver: a lease › that is revoked deletes its keys',
  ],
  driver: (driver) => rewritingPuts(driver, (op) => (op.type === 'put' ? {...op, lease: noLease} : op)),
};

export const stickyLease: Drift = {
  title: 'storing a key again keeps the lease that it had',
  etcd: 'a put without a lease detaches it',
  caughtBy: ['kvi: store and get › storing a key again detaches the lease'],
  driver: (driver) => {
    const kept = new Map<string, string>();
    return rewritingPuts(driver, (op) => {
      if (op.type !== 'put') return op;
      const id = Buffer.from(op.key).toString('latin1');
      const lease = op.lease ?? kept.get(id);
      if (lease !== undefined) kept.set(id, lease);
      return {...op, lease};
    });
  },
};
