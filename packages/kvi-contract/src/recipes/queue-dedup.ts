import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {queue, utf8} from 'kvi-core/recipes';
import {abortOf, assertFails, eventually, leaseOf, shortTtlSeconds} from '../kvi/helpers.ts';
import {unreliable} from '../kvi/unknown-outcome.ts';
import type {ContractGroup} from '../suite.ts';
import {lostAnswers} from './lost-answers.ts';
import {assertEmpty, foldersOf, jobsOf, lettersOf, takeSoon} from './queue-helpers.ts';

/** Jobs that are not to be added twice. */
export const queueDuplicates: ContractGroup = {
  name: 'a duplicate of a job of a queue',
  cases: [
    {
      name: 'is told with the id of the job that is there, until that is acked',
      async run(context) {
        const {kv, openKvi} = context;
        const jobs = jobsOf(kv, context);
        const other = jobsOf(await openKvi(), context);
        const first = await jobs.add('a', {dedupKey: 'é/1'});
        const duplicate = {added: false, id: first.id};
        assert.deepEqual(await other.add('b', {dedupKey: 'é/1', delaySeconds: 1}), duplicate);
        assert.equal((await other.add('c', {dedupKey: 'é/'})).added, true, 'another key is another');
        const item = await takeSoon(jobs);
        assert.equal(item.value, 'a');
        assert.deepEqual(await other.add('b', {dedupKey: 'é/1'}), duplicate, 'while a consumer has it');
        await item.nack();
        assert.deepEqual(await other.add('b', {dedupKey: 'é/1'}), duplicate, 'and when it is put back');
        await (await takeSoon(jobs)).ack();
        const second = await other.add('b', {dedupKey: 'é/1'});
        assert.equal(second.added, true, 'an acked one is forgotten');
        assert.notEqual(second.id, first.id);
        for (let left = 2; left > 0; left -= 1) await (await takeSoon(jobs)).ack();
        await assertEmpty(kv, context, 'nothing is left');
      },
    },
    {
      name: 'is added when the other is dead, and is not put back with its dead letter',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context, {maxAttempts: 1});
        await jobs.add('a', {dedupKey: 'k'});
        await (await takeSoon(jobs)).nack();
        const second = await jobs.add('b', {dedupKey: 'k'});
        assert.equal(second.added, true);
        const [letter = assert.fail()] = await lettersOf(jobs);
        await letter.putBack();
        await (await takeSoon(jobs)).ack();
        assert.equal((await jobs.add('c', {dedupKey: 'k'})).id, second.id, 'the second one is remembered');
        await (await takeSoon(jobs)).ack();
        await assertEmpty(kv, context, 'nothing is left');
      },
    },
    {
      name: 'is told for some seconds after an ack or a last attempt, if the job was added so',
      async run(context) {
        const {kv, driver, key} = context;
        const jobsFor = (how: string) => queue(kv, key(how), {codec: utf8, maxAttempts: 1});
        const endBy = async (how: 'ack' | 'nack') => {
          const jobs = jobsFor(how);
          const {id} = await jobs.add('a', {dedupKey: how, dedupSeconds: 0.5});
          const item = await takeSoon(jobs);
          const start = driver.clock.now();
          await item[how]();
          assert.deepEqual(await jobs.add('b', {dedupKey: how}), {added: false, id}, how);
          await eventually(
            async () => !(await foldersOf(kv, context)).includes(`${how}/dedup`),
            `${how}: it is forgotten by itself`,
          );
          assert.ok(driver.clock.now() - start >= 1_000, 'half seconds are rounded up');
          assert.equal((await jobs.add('c', {dedupKey: how})).added, true);
          await (await takeSoon(jobs)).ack();
        };
        await Promise.all((['ack', 'nack'] as const).map(endBy));
      },
    },
    {
      name: 'is told under one lease, whichever request to ack was applied',
      async run(context) {
        const {kv, open, driver, key} = context;
        const leases = async () => (await driver.leaseLeases()).leases;
        const connection = unreliable(await open());
        await using client = createKvi(connection.driver);
        const jobs = jobsOf(client, context);
        for (const fate of ['answered', 'reply lost', 'request lost', 'delayed'] as const) {
          const {id} = await jobs.add('a', {dedupKey: fate, dedupSeconds: 60});
          const item = await takeSoon(jobs);
          const before = new Set(await leases());
          connection.willBe(fate, fate);
          await item.ack();
          await connection.arrive();
          assert.deepEqual(await jobs.add('b', {dedupKey: fate}), {added: false, id}, fate);
          const memory = (await leaseOf(kv, key(`q/dedup/${fate}`))) ?? assert.fail('it has a lease');
          const granted = (await leases()).filter((lease) => !before.has(lease));
          assert.deepEqual(granted, [memory], `${fate}: no other lease is left`);
          await driver.leaseRevoke(memory);
        }
      },
    },
    {
      name: 'is told after an ack that may have been applied before its item was lost',
      async run(context) {
        const {kv, open, driver, key} = context;
        const connection = unreliable(await open());
        await using client = createKvi(connection.driver);
        const jobs = jobsOf(client, context, {ttlSeconds: shortTtlSeconds});
        const {id} = await jobs.add('a', {dedupKey: 'k', dedupSeconds: 60});
        const item = await takeSoon(jobs);
        const lease = (await leaseOf(kv, item.key)) ?? assert.fail('it has a lease');
        connection.willBe('reply lost', 'request lost');
        connection.onLoss(async () => {
          await driver.leaseRevoke(lease).catch(() => undefined);
          await abortOf(item.signal, 'the lease ends');
        });
        await assertFails('KVI_UNKNOWN_OUTCOME', () => item.ack(), 'nobody knows');
        connection.willBe();
        assert.deepEqual(await jobs.add('b', {dedupKey: 'k'}), {added: false, id}, 'it was acked');
        assert.equal(await jobs.depth(), 0);
        await driver.leaseRevoke((await leaseOf(kv, key('q/dedup/k'))) ?? assert.fail('it has a lease'));
      },
    },
    {
      name: 'is refused to the transaction of a caller',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context);
        const prepared = await jobs.prepareAdd('a', {dedupKey: 'k'});
        const {added, id} = await jobs.add('b', {dedupKey: 'k'});
        assert.equal(added, true, 'what was only prepared is not remembered');
        assert.equal((await kv.txn(prepared)).succeeded, false);
        const item = await takeSoon(jobs);
        assert.equal(item.id, id);
        await item.ack();
        assert.equal((await kv.txn(prepared)).succeeded, true);
        const next = await takeSoon(jobs);
        assert.deepEqual(await jobs.add('c', {dedupKey: 'k'}), {added: false, id: next.id});
        await next.ack();
      },
    },
    {
      name: 'is one of a hundred that are added at once',
      async run(context) {
        const {kv, openKvi} = context;
        const producers = [jobsOf(kv, context), jobsOf(await openKvi(), context)];
        const results = await Promise.all(
          Array.from({length: 100}, (_, n) =>
            (producers[n % 2] ?? assert.fail()).add(String(n), {dedupKey: 'k', timeoutMs: 60_000}),
          ),
        );
        assert.equal(results.filter(({added}) => added).length, 1);
        assert.equal(new Set(results.map(({id}) => id)).size, 1, 'all are told of the same');
      },
    },
    {
      name: 'is not added by a second call after the first got no answer',
      async run(context) {
        const {open, kv} = context;
        const {driver, loseAnswer} = lostAnswers(await open());
        await using client = createKvi(driver);
        const jobs = jobsOf(client, context);
        const add = () => jobs.add('a', {dedupKey: 'k'});
        loseAnswer(1);
        await assertFails('KVI_UNKNOWN_OUTCOME', add, 'nobody knows');
        const {added, id} = await add();
        assert.equal(added, false);
        const item = await takeSoon(jobsOf(kv, context));
        assert.equal(item.id, id);
        await item.ack();
        loseAnswer(1);
        const resolved = await jobs.add('b', {onUnknownOutcome: 'resolve'});
        assert.equal(resolved.added, true, 'the handle finds out');
        assert.equal(await jobs.depth(), 1);
      },
    },
  ],
};
