import assert from 'node:assert/strict';
import {assertFails, eventually, soon} from '../kvi/helpers.ts';
import type {ContractGroup} from '../suite.ts';
import {
  addAll,
  assertEmpty,
  drain,
  foldersOf,
  jobsOf,
  lettersOf,
  numbers,
  takeSoon,
} from './queue-helpers.ts';

/** Jobs that are not to be taken yet. These cases take as long as the shortest leases. */
export const queueDelays: ContractGroup = {
  name: 'a delay of a job of a queue',
  cases: [
    {
      name: 'lasts at least as long as was asked for, by the clock of the store, while others are taken',
      async run(context) {
        const {kv, driver} = context;
        const jobs = jobsOf(kv, context);
        const start = driver.clock.now();
        await jobs.add('later', {delaySeconds: 1.5});
        await jobs.add('sooner', {delaySeconds: 1});
        await jobs.add('now', {priority: 1});
        assert.equal(await jobs.depth(), 3, 'what is delayed waits too');
        assert.deepEqual(await drain(jobs, 1), ['now']);
        await drain(jobs, 1);
        assert.ok(driver.clock.now() - start >= 1_000, 'a second has passed');
        await drain(jobs, 1);
        assert.ok(driver.clock.now() - start >= 2_000, 'half seconds are rounded up');
        await assertEmpty(kv, context, 'nothing is left');
      },
    },
    {
      name: 'is over for consumers who came later too, and the job has its place before younger ones',
      async run(context) {
        const {kv, driver} = context;
        const jobs = jobsOf(kv, context);
        await jobs.add('a', {delaySeconds: 1});
        await jobs.add('b');
        await eventually(async () => {
          const {leases} = await driver.leaseLeases();
          return leases.length === 0 || !(await foldersOf(kv, context)).includes('q/holds/delayed');
        }, 'the delay ends though nobody waits');
        assert.deepEqual(await drain(jobs, 2), ['a', 'b']);
      },
    },
    {
      name: 'after a nack holds the next attempt back',
      async run(context) {
        const {kv, driver} = context;
        const jobs = jobsOf(kv, context, {maxAttempts: 2});
        await jobs.add('a');
        const item = await takeSoon(jobs);
        const start = driver.clock.now();
        await item.nack({reason: 'not now', delaySeconds: 1});
        assert.deepEqual(await foldersOf(kv, context), ['q/hidden/delayed', 'q/holds/delayed', 'q/values']);
        assert.equal(await jobs.depth(), 1);
        const again = await takeSoon(jobs);
        assert.ok(driver.clock.now() - start >= 1_000);
        assert.equal(again.attempt, 2);
        await again.nack({reason: 'never'});
        const [letter] = await lettersOf(jobs);
        assert.deepEqual(letter?.reasons, ['not now', 'never'], 'a delay is no lost consumer');
      },
    },
    {
      name: 'of a prepared job counts from its preparation, and the transaction must come before its end',
      async run(context) {
        const {kv, driver} = context;
        const jobs = jobsOf(kv, context);
        const start = driver.clock.now();
        const {compare, success} = await jobs.prepareAdd('a', {delaySeconds: 1});
        const tooLate = await jobs.prepareAdd('b', {delaySeconds: 1});
        await kv.txn({compare, success});
        assert.deepEqual(await drain(jobs, 1), ['a']);
        assert.ok(driver.clock.now() - start >= 1_000);
        await eventually(async () => {
          const {leases} = await driver.leaseLeases();
          const lease = tooLate.success.flatMap((op) => (op.type === 'put' ? (op.lease ?? []) : []));
          return !leases.some((id) => lease.includes(id));
        }, 'its lease ends');
        await assertFails('KVI_LEASE_NOT_FOUND', () => kv.txn(tooLate), 'it is too late');
        await assertEmpty(kv, context, 'nothing was added');
      },
    },
    {
      name: 'leaves no lease behind when the job is a duplicate or was lost',
      async run(context) {
        const {kv, driver} = context;
        const jobs = jobsOf(kv, context);
        await jobs.add('a', {dedupKey: 'k'});
        const before = (await driver.leaseLeases()).leases.length;
        await jobs.add('a', {dedupKey: 'k', delaySeconds: 1_000});
        assert.equal((await driver.leaseLeases()).leases.length, before);
        const item = await takeSoon(jobs);
        await kv.delete(item.key);
        await assertFails('KVI_ITEM_LOST', () => item.nack({delaySeconds: 1_000}), 'it was lost');
        await (await takeSoon(jobs)).ack();
        // The case fails if a lease of a thousand seconds is left.
      },
    },
    {
      name: 'wakes those who wait, however many jobs there are',
      async run(context) {
        const {kv, openKvi} = context;
        const jobs = jobsOf(kv, context);
        await addAll(jobs, numbers(40), {delaySeconds: 1});
        const handles = [jobs, jobsOf(await openKvi(), context)];
        const values = await soon(Promise.all(handles.map((each) => drain(each, 20))), 'all come');
        assert.equal(new Set(values.flat()).size, 40, 'each once');
      },
    },
  ],
};
