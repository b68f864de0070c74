import {describe, expect, it} from '@jest/globals';
import {compareTargets, type NamedTarget} from 'kvi-contract/fuzz';
import type {Driver} from 'kvi-core/driver';
import {memTarget} from '../src/targets.ts';

/** A twin that gets one thing wrong. */
function withDefect(defect: (driver: Driver) => Partial<Driver>): NamedTarget {
  const target = memTarget();
  return {
    ...target,
    name: 'the wrong one',
    async open() {
      const driver = await target.open();
      return {
        clock: driver.clock,
        range: (...args) => driver.range(...args),
        txn: (...args) => driver.txn(...args),
        compact: (...args) => driver.compact(...args),
        leaseGrant: (...args) => driver.leaseGrant(...args),
        leaseRevoke: (...args) => driver.leaseRevoke(...args),
        leaseKeepAlive: (...args) => driver.leaseKeepAlive(...args),
        leaseTimeToLive: (...args) => driver.leaseTimeToLive(...args),
        leaseLeases: (...args) => driver.leaseLeases(...args),
        status: (...args) => driver.status(...args),
        watch: (...args) => driver.watch(...args),
        close: () => driver.close(),
        ...defect(driver),
      };
    },
  };
}

const defects: Record<string, (driver: Driver) => Partial<Driver>> = {
  'forgets the version in what a put replaced': (driver) => ({
    async txn(...args) {
      const response = await driver.txn(...args);
      for (const op of response.responses) if (op.type === 'put' && op.prevKv) op.prevKv.version = 1;
      return response;
    },
  }),
  'ignores the limit of a descending read': (driver) => ({
    range: ({limit, ...request}, options) =>
      driver.range({...request, limit: request.sortOrder === 'descend' ? 0 : limit}, options),
  }),
  'forgets the keys of a lease that is asked for them': (driver) => ({
    leaseTimeToLive: async (...args) => ({...(await driver.leaseTimeToLive(...args)), keys: []}),
  }),
  'watches deletions although they are filtered out': (driver) => ({
    watch: (request, options) => driver.watch({...request, filters: []}, options),
  }),
};

describe('a planted defect is found, and shown in a handful of lines, by a driver that', () => {
  it.each(Object.entries(defects))('%s', async (_name, defect) => {
    const options = {seed: 1, runs: 1000, patienceMs: 500};
    const {divergence} = await compareTargets(withDefect(defect), memTarget(), options);
    expect(divergence?.program.length).toBeLessThanOrEqual(5);
    expect(divergence?.description).toContain('Where they differ:');

    const again = await compareTargets(withDefect(defect), memTarget(), {
      ...options,
      seed: divergence?.seed ?? 0,
      path: divergence?.path,
    });
    expect(again.divergence?.program).toEqual(divergence?.program);
  });
});
