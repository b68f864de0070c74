/** Twins that get handles, calls and transactions wrong. */
import {setImmediate as othersHaveTheirTurn} from 'node:timers/promises';
import {Mutex} from 'async-mutex';
import type {Bytes, Driver, RequestOp, ResponseOp} from 'kvi-core/driver';
import type {Drift} from './drift.ts';

export const notAtomic: Drift = {
  title: 'each handle has a mutex of its own over one shared map; a range takes none',
  etcd: 'a transaction is one step, whatever handle it comes from',
  caughtBy: [
    'kvi: tas › if many handles create a key at the same time',
    'driver: calls at the same time › lose no compare-and-swap',
    'driver: calls at the same time › see a transaction whole',
  ],
  driver(driver) {
    const mutex = new Mutex();
    return {
      ...driver,
      txn: ({compare, success = [], failure = []}, options) =>
        mutex.runExclusive(async () => {
          const {succeeded} = await driver.txn({compare}, options);
          const responses: ResponseOp<Bytes>[] = [];
          for (const op of succeeded ? success : failure) {
            await othersHaveTheirTurn();
            responses.push(...(await alone(driver, op)));
          }
          const {revision} = await driver.txn({});
          return {revision, succeeded, responses};
        }),
    };
  },
};

async function alone(driver: Driver, op: RequestOp<Bytes>): Promise<ResponseOp<Bytes>[]> {
  const {responses} = await driver.txn({success: [op]});
  return responses;
}

export const usableAfterClose: Drift = {
  title: 'a handle is usable after it was closed',
  etcd: '(its client) every call fails',
  caughtBy: [
    'kvi: close › after close every call fails',
    'driver: a closed handle › refuses every call with KVI_CLOSED: txn',
  ],
  driver: (driver) => ({...driver, close: () => Promise.resolve()}),
  kvi: (kvi) => ({...kvi, close: () => Promise.resolve()}),
};

export const noRevisions: Drift = {
  title: 'no revisions: a read of the past reads the present',
  etcd: 'reads the store as it was',
  caughtBy: [
    'kvi: store and get › get reads the store as it was',
    'driver: a revision › of the past is read',
  ],
  driver: (driver) => ({
    ...driver,
    range: (request, options) => driver.range({...request, revision: 0}, options),
  }),
};

export const noTimeouts: Drift = {
  title: 'no time-outs: signals are ignored',
  etcd: '(its client) ends the call',
  caughtBy: ['driver: a call whose signal has aborted › ends with KVI_ABORTED and the reason: txn'],
  driver: (driver) => ({
    ...driver,
    range: (request) => driver.range(request),
    txn: (request) => driver.txn(request),
    compact: (request) => driver.compact(request),
    leaseGrant: (request) => driver.leaseGrant(request),
    leaseRevoke: (id) => driver.leaseRevoke(id),
    leaseKeepAlive: (id) => driver.leaseKeepAlive(id),
    leaseTimeToLive: (request) => driver.leaseTimeToLive(request),
    leaseLeases: () => driver.leaseLeases(),
    status: () => driver.status(),
    watch: (request) => driver.watch(request),
  }),
};

export const noLimits: Drift = {
  title: 'no limits: a request may have any size, a transaction any number of operations',
  etcd: 'refuses more than 128 operations, and more than 1.5 MiB',
  caughtBy: [
    'kvi: limits › a transaction may have 128 operations',
    'kvi: limits › a value over the request limit',
  ],
  options: {maxTxnOps: Number.MAX_SAFE_INTEGER, maxRequestBytes: Number.MAX_SAFE_INTEGER},
};

export const sentTwice: Drift = {
  title: 'a write is sent again, though the first one arrived',
  etcd: 'one transaction is one revision',
  caughtBy: ['driver: a put › is one revision each'],
  driver: (driver) => ({
    ...driver,
    async txn(request, options) {
      await driver.txn(request, options);
      return driver.txn(request, options);
    },
  }),
};
