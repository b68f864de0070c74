import assert from 'node:assert/strict';
import {sleep} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {borrow, get, rejects, write} from './steps.ts';
import {watchReader} from './watch-reader.ts';

/** Leases that nobody keeps alive. These cases take as long as the shortest lease. */
export const leaseExpiry: ContractGroup = {
  name: 'a lease that runs out',
  cases: [
    {
      name: 'deletes its keys in one revision and in key order, not too early, and is then not found',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        await using other = await borrow(driver);
        const watch = driver.watch({...k.all, filters: ['noput'], prevKv: true});
        await watch.created;

        // A handle that is gone, as after a crash: nobody is left to revoke the lease.
        const gone = await open();
        const start = driver.clock.now();
        const {id, ttlSeconds} = await gone.leaseGrant({ttlSeconds: 1});
        for (const name of ['c', 'a', 'detached', 'moved', 'b'])
          await write(gone, k.put(name, '1', {lease: id}));
        await write(gone, k.put('detached', '2'), k.put('moved', '2', {lease: other.id}));
        const before = await write(gone, k.put('free', ''));
        await gone.close();

        assert.deepEqual(
          await watchReader(k, watch).take(3),
          [`@${String(before + 1)} delete a was a=1, delete b was b=1, delete c was c=1`],
          'the keys of a lease go together, in key order, and a watch sees it without anybody asking',
        );
        const lasted = driver.clock.now() - start;
        assert.ok(
          lasted >= ttlSeconds * 1000,
          `a lease of ${String(ttlSeconds)} s was over after ${String(lasted)} ms`,
        );
        const {kvs} = await driver.range(k.all);
        assert.equal(
          k.kvs(kvs),
          'detached=2 free= moved=2',
          'keys that no longer lived under the lease stay',
        );

        const law = 'a lease that ran out is not found';
        await rejects(driver.leaseKeepAlive(id), 'KVI_LEASE_NOT_FOUND', law);
        await rejects(driver.leaseTimeToLive({id}), 'KVI_LEASE_NOT_FOUND', law);
        await rejects(driver.leaseRevoke(id), 'KVI_LEASE_NOT_FOUND', law);
        await rejects(write(driver, k.put('a', '', {lease: id})), 'KVI_LEASE_NOT_FOUND', law);
        assert.ok(!(await driver.leaseLeases()).leases.includes(id), 'a lease that ran out is not listed');
      },
    },
    {
      name: 'does not while it is kept alive, however short its TTL is',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await using kept = await borrow(driver, {ttlSeconds: 1});
        // It lasts longer than the other one would without keepalives.
        const measure = await driver.leaseGrant({ttlSeconds: kept.ttlSeconds + 1});
        await write(driver, k.put('kept', '', {lease: kept.id}), k.put('measure', '', {lease: measure.id}));

        while (await get(driver, k.key('measure'))) {
          const {ttlSeconds} = await driver.leaseKeepAlive(kept.id);
          assert.equal(ttlSeconds, kept.ttlSeconds, 'each keepalive gives the whole time again');
          await sleep(driver.clock, 50);
        }
        const {kvs} = await driver.range(k.all);
        assert.equal(k.kvs(kvs), 'kept=', 'a lease that is kept alive lasts longer than its time');
      },
    },
  ],
};
