import {setImmediate} from 'node:timers/promises';
import {describe, expect, it} from '@jest/globals';
import {modelDriver} from 'kvi-contract';
import {createKvi, type Lease} from 'kvi-core';
import type {Driver} from 'kvi-core/driver';
import {semaphore} from 'kvi-core/recipes';

describe('A tenure under a lease of the caller', () => {
  it('is over when the lease is closed, however close to its beginning', async () => {
    for (let steps = 0; steps < 40; steps += 1) {
      const own = modelDriver();
      // Closing an attached lease leaves it, and what is under it, in the store.
      await using owner = createKvi(own);
      const granted = await owner.lease({ttlSeconds: 60});
      const leases: Lease[] = [];
      /** Closes the lease this many steps after the contender's key was put. */
      async function closeSoon() {
        for (let step = 0; step < steps; step += 1) await Promise.resolve();
        await leases[0]?.close();
      }
      const driver: Driver = {
        ...own,
        async txn(...args) {
          const response = await own.txn(...args);
          if (args[0].success?.some((op) => op.type === 'put' && op.lease === granted.id)) void closeSoon();
          return response;
        },
      };
      await using kv = createKvi(driver);
      const lease = await kv.attachLease(granted.id);
      leases.push(lease);
      const acquired = await semaphore(kv, 's', 1)
        .acquire({lease})
        .catch(() => undefined);
      await setImmediate();
      expect(acquired?.isHeld() ?? false).toBe(false);
      expect(acquired?.signal.reason ?? {code: 'KVI_CLOSED'}).toMatchObject({code: 'KVI_CLOSED'});
    }
  });
});
