import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {assertFails, contents, grantLease, leaseOf} from './helpers.ts';

/** `store` and `get`. */
export const storeAndGet: ContractGroup = {
  name: 'store and get',
  cases: [
    {
      name: 'timers fire between consecutive calls',
      async run({kv, key}) {
        let isOver = false;
        setTimeout(() => {
          isOver = true;
        }, 20);
        let calls = 0;
        for (; !isOver && calls < 1_000_000; calls += 1) await kv.get(key('k'));
        assert.ok(isOver, `a timer of 20 ms had not fired after ${calls} calls`);
      },
    },
    {
      name: 'get returns the last stored value, on every handle, as soon as store has resolved',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        for (let i = 0; i < 20; i += 1) {
          await kv.store(key('k'), String(i));
          assert.equal(
            await other.get(key('k')),
            String(i),
            'a read sees every write that was answered before it',
          );
        }
      },
    },
    {
      name: 'an absent key is undefined, an empty value is ""',
      async run({kv, key}) {
        assert.equal(await kv.get(key('k')), undefined, 'an absent key has no value');
        await kv.store(key('k'), '');
        assert.equal(await kv.get(key('k')), '', 'an empty value is a value');
        await kv.delete(key('k'));
        assert.equal(await kv.get(key('k')), undefined, 'a deleted key has no value');
      },
    },
    {
      name: 'keys with a common prefix are different keys',
      async run({kv, key}) {
        await kv.store(key('a'), '1');
        await kv.store(key('ab'), '2');
        await kv.store(key('a\0'), '3');
        assert.equal(await kv.get(key('a')), '1', 'get reads one key alone');
        assert.equal(await kv.delete(key('a')), true, 'the key was there');
        assert.equal(await kv.get(key('a\0')), '3', 'delete deletes one key alone');
      },
    },
    {
      name: 'a key stored with a lease is deleted with it',
      async run({kv, driver, key}) {
        const lease = await grantLease(driver);
        await kv.store(key('k'), 'v', {lease});
        assert.equal(await leaseOf(kv, key('k')), lease, 'the key lives under the lease');
        await driver.leaseRevoke(lease);
        assert.equal(await kv.get(key('k')), undefined, 'the key ends with its lease');
      },
    },
    {
      name: 'storing a key again detaches the lease that it had',
      async run({kv, driver, key}) {
        const lease = await grantLease(driver);
        await kv.store(key('k'), 'v', {lease});
        await kv.store(key('k'), 'v');
        assert.equal(await leaseOf(kv, key('k')), '0', 'store without a lease detaches the one there was');
        await driver.leaseRevoke(lease);
        assert.equal(await kv.get(key('k')), 'v', 'a detached key outlives the lease');
      },
    },
    {
      name: 'storing with a lease that does not exist fails with KVI_LEASE_NOT_FOUND and writes nothing',
      async run({kv, driver, key}) {
        const lease = await grantLease(driver);
        await driver.leaseRevoke(lease);
        await assertFails(
          'KVI_LEASE_NOT_FOUND',
          () => kv.store(key('k'), 'v', {lease}),
          'a dead lease takes no key',
        );
        assert.equal(await kv.get(key('k')), undefined, 'a store that failed wrote nothing');
      },
    },
    {
      name: 'get reads the store as it was at a revision',
      async run({kv, key}) {
        await kv.store(key('k'), 'one');
        const {revision} = await kv.range(key('k'));
        await kv.store(key('k'), 'two');
        await kv.delete(key('k'));
        assert.equal(await kv.get(key('k'), {revision}), 'one', 'a revision is read as it was');
        assert.equal(
          await kv.get(key('k'), {revision: revision + 1}),
          'two',
          'and the next one as it became',
        );
        assert.equal(await kv.get(key('k'), {revision: revision + 2}), undefined, 'a deletion is a revision');
        assert.equal(await kv.get(key('k'), {revision: 0}), undefined, 'revision 0 is the present');
      },
    },
    {
      name: 'a compacted or future revision is an error',
      async run({kv, driver, key}) {
        await kv.store(key('k'), 'one');
        const {revision} = await kv.range(key('k'));
        await kv.store(key('k'), 'two');
        await assertFails(
          'KVI_FUTURE_REVISION',
          () => kv.get(key('k'), {revision: revision + 1_000_000}),
          'the future cannot be read',
        );
        await driver.compact({revision: revision + 1});
        await assertFails(
          'KVI_COMPACTED',
          () => kv.get(key('k'), {revision}),
          'a compacted revision cannot be read',
        );
        assert.equal(
          await kv.get(key('k'), {revision: revision + 1}),
          'two',
          'the compact revision itself can',
        );
        assert.equal(await kv.get(key('k')), 'two', 'the present can be read after a compaction');
      },
    },
    {
      name: 'a serializable read returns a value that was stored',
      async run({kv, key}) {
        await kv.store(key('k'), 'v');
        const value = await kv.get(key('k'), {serializable: true});
        assert.ok(value === 'v' || value === undefined, 'what is read was stored, perhaps not the latest');
      },
    },
    {
      name: 'opening a handle writes no key',
      async run({kv, openKvi, prefix}) {
        const before = await kv.range({prefix});
        const other = await openKvi();
        await other.get(prefix);
        assert.equal((await kv.range({prefix})).revision, before.revision, 'open stores nothing');
      },
    },
    {
      name: 'stored values outlive the handle',
      async run({openKvi, kv, prefix, key}) {
        const first = await openKvi();
        await first.store(key('k'), 'v');
        await first.close();
        assert.deepEqual(await contents(kv, {prefix}), ['k=v'], 'data outlives the handle that stored it');
      },
    },
  ],
};
