import assert from 'node:assert/strict';
import {createKvi, type Kvi} from 'kvi-core';
import {type Driver, isKviError, KviError} from 'kvi-core/driver';
import type {QueueItem} from 'kvi-core/recipes';
import {abortOf, assertFails, eventually, leaseOf, shortTtlSeconds, soon} from '../kvi/helpers.ts';
import {unreliable} from '../kvi/unknown-outcome.ts';
import type {ContractGroup} from '../suite.ts';
import {abortEverywhere} from './abort-everywhere.ts';
import {endingWatches} from './ending-watches.ts';
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

/** Ends the lease of an item, as the store does when its consumer stalls. */
async function endLease(kv: Kvi, driver: Driver, item: QueueItem<string>): Promise<void> {
  await driver.leaseRevoke((await leaseOf(kv, item.key)) ?? assert.fail('it has a lease'));
}

/** Items whose consumers are lost, and what else comes between a consumer and its item. */
export const queueLosses: ContractGroup = {
  name: 'an item of a queue that is lost',
  cases: [
    {
      name: 'is told so, and can neither be acked nor put back while another has it',
      async run(context) {
        const {kv, driver, openKvi} = context;
        const stalling = jobsOf(await openKvi(), context, {ttlSeconds: shortTtlSeconds});
        for (const end of ['ack', 'nack'] as const) {
          await stalling.add('a');
          const lost = await takeSoon(stalling);
          const next = jobsOf(kv, context).take();
          await endLease(kv, driver, lost);
          const item = await soon(next, 'it comes back');
          assert.deepEqual([item.id, item.attempt], [lost.id, 2]);
          assert.ok(item.token > lost.token);
          await assertFails('KVI_ITEM_LOST', () => lost[end](), 'it is no longer his');
          assert.equal(lost.signal.aborted, true);
          assert.ok(isKviError(lost.signal.reason, 'KVI_ITEM_LOST'));
          await assertFails('KVI_ITEM_LOST', () => lost.ack(), 'nor later');
          await lost[Symbol.asyncDispose]();
          assert.equal(item.signal.aborted, false);
          await item.ack();
          await assertEmpty(kv, context, 'the other has acked it');
        }
      },
    },
    {
      name: 'aborts its signal as soon as its claim is gone, with its lease or by hand, and not at the next renewal',
      async run(context) {
        const {kv, driver} = context;
        const jobs = jobsOf(kv, context, {ttlSeconds: 3_600});
        await jobs.add('a');
        const losses = [
          (item: QueueItem<string>) => endLease(kv, driver, item),
          ({key}: QueueItem<string>) => kv.delete(key),
        ];
        for (const [before, lose] of losses.entries()) {
          const lost = await takeSoon(jobs);
          assert.equal(lost.attempt, before + 1);
          await lose(lost);
          await abortOf(lost.signal, 'it is told');
          assert.ok(isKviError(lost.signal.reason, 'KVI_ITEM_LOST'));
          assert.match(lost.signal.reason.message, /another may have it/);
          await assertFails('KVI_ITEM_LOST', () => lost.ack(), 'it says so');
        }
        await (await takeSoon(jobs)).ack();
        await assertEmpty(kv, context, 'its lease is used for nothing else');
      },
    },
    {
      name: 'comes back from a consumer that crashed, within its TTL, and to a queue where nobody waits too',
      async run(context) {
        const {kv, open} = context;
        const jobs = jobsOf(kv, context);
        const waiting: Promise<QueueItem<string>>[] = [];
        for (const isAwaited of [true, false]) {
          const crashing = await open();
          const client = createKvi(crashing);
          await jobs.add('a');
          const lost = await takeSoon(jobsOf(client, context, {ttlSeconds: 1}));
          if (isAwaited) waiting.push(jobs.take());
          // As after a crash: without telling the backend.
          await crashing.close();
          if (!isAwaited) {
            await eventually(
              async () => !(await foldersOf(kv, context)).includes('q/holds/taken'),
              'its lease ends',
            );
            assert.equal(await jobs.depth(), 1, 'it waits again');
          }
          const item = await soon(waiting.pop() ?? jobs.take(), 'it comes back');
          assert.equal(item.attempt, 2);
          assert.equal(lost.signal.aborted, true, 'and the one who had it knows, should it live');
          await item.ack();
          await client.close();
        }
      },
    },
    {
      name: 'comes back before younger jobs from a queue whose consumers never wait',
      async run(context) {
        const {kv, driver} = context;
        const jobs = jobsOf(kv, context);
        for (const value of ['a', 'b', 'c']) await jobs.add(value);
        const lost = await takeSoon(jobs);
        await endLease(kv, driver, lost);
        assert.deepEqual(await drain(jobs, 3), ['a', 'b', 'c']);
      },
    },
    {
      name: 'for the last time is a dead letter, which says so',
      async run(context) {
        const {kv, driver} = context;
        const jobs = jobsOf(kv, context, {maxAttempts: 1});
        await jobs.add('a', {dedupKey: 'k'});
        await endLease(kv, driver, await takeSoon(jobs));
        await jobs.add('b');
        assert.deepEqual(await drain(jobs, 1), ['b'], 'others go on');
        const [letter] = await lettersOf(jobs);
        assert.deepEqual([letter?.value, letter?.attempts], ['a', 1]);
        assert.deepEqual(letter?.reasons, ['its consumer was lost']);
        assert.equal((await jobs.add('c', {dedupKey: 'k'})).added, true, 'and is not remembered');
      },
    },
    {
      name: 'among many is put back with all the others',
      async run(context) {
        const {kv, open, openKvi} = context;
        const crashing = await open();
        const client = createKvi(crashing);
        const jobs = jobsOf(kv, context);
        await addAll(jobs, numbers(70));
        await soon(jobsOf(client, context, {ttlSeconds: 1}).takeBatch({max: 70}), 'a batch');
        await crashing.close();
        const both = [jobs, jobsOf(await openKvi(), context)];
        const values = await soon(Promise.all(both.map((each) => drain(each, 35))), 'all come back');
        assert.equal(new Set(values.flat()).size, 70, 'each once');
        await client.close();
      },
    },
    {
      name: 'with its claim, by hand, is noticed by an ack that follows at once',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context);
        await jobs.add('a');
        const lost = await takeSoon(jobs);
        await kv.delete(lost.key);
        await assertFails('KVI_ITEM_LOST', () => lost.ack(), 'the claim is gone');
        assert.equal(lost.signal.aborted, true, 'which ends it');
        const again = await takeSoon(jobs);
        assert.equal(again.attempt, 2);
        await again.ack();
      },
    },
    {
      name: 'is told so when it was lost while an ack was refused',
      async run(context) {
        const {kv, open} = context;
        const own = await open();
        let isRefusing = false;
        const driver: Driver = {
          ...own,
          async txn(...args) {
            if (!isRefusing) return own.txn(...args);
            await kv.delete(item.key);
            await sawDeletion;
            throw new KviError('KVI_PERMISSION_DENIED', 'made to fail');
          },
        };
        await using client = createKvi(driver);
        const jobs = jobsOf(client, context);
        await jobs.add('a');
        const item = await takeSoon(jobs);
        const sawDeletion = kv.watch(item.key);
        isRefusing = true;
        await assertFails('KVI_PERMISSION_DENIED', () => item.ack(), 'it may be tried again');
        await abortOf(item.signal, 'but it is lost');
        assert.ok(isKviError(item.signal.reason, 'KVI_ITEM_LOST'));
        isRefusing = false;
        await (await takeSoon(jobs)).ack();
      },
    },
    {
      name: 'to the close of its handle is put back at once, and its signal says that it was closed',
      async run(context) {
        const {kv, openKvi} = context;
        const closing = await openKvi();
        const jobs = jobsOf(closing, context);
        for (const value of ['a', 'b', 'c']) await jobs.add(value);
        const a = await takeSoon(jobs);
        const b = await takeSoon(jobs);
        await (await takeSoon(jobs)).ack();
        const waiting = assertFails('KVI_CLOSED', () => jobs.take(), 'a wait ends');
        await closing.close();
        await waiting;
        assert.ok(isKviError(a.signal.reason, 'KVI_CLOSED'), 'it was given up, and not lost');
        await assertFails('KVI_CLOSED', () => b.ack(), 'nothing can be acked any more');
        await b[Symbol.asyncDispose]();
        assert.deepEqual(await foldersOf(kv, context), ['q/ready', 'q/ready', 'q/values', 'q/values']);
        for (const call of [() => jobs.add('d'), () => jobs.take(), () => jobs.depth(), () => b.nack()])
          await assertFails('KVI_CLOSED', call, 'a closed handle takes no part');
        assert.deepEqual(await drain(jobsOf(kv, context), 2), ['a', 'b']);
      },
    },
    {
      name: 'is never one that nobody got: a take that is aborted takes nothing, wherever it is',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context);
        await abortEverywhere(
          context,
          async (client, signal) => {
            await jobs.add('a');
            const item = await jobsOf(client, context).take({signal});
            assert.equal(item.attempt, 1, 'what nobody got is no attempt');
            await item.ack();
          },
          async (failed) => {
            if (failed) assert.deepEqual(await drain(jobs, 1), ['a'], 'it is still there');
            await assertEmpty(kv, context, 'nothing is left');
          },
        );
      },
    },
    {
      name: 'is never one that nobody got: a consumer that leaves at the last moment leaves it to the next',
      async run(context) {
        const {kv, open} = context;
        const own = await open();
        const leaving = new AbortController();
        await using client = createKvi({
          ...own,
          async txn(request, options) {
            const response = await own.txn(request, options);
            if (request.compare?.[0]?.target === 'lease') leaving.abort();
            return response;
          },
        });
        const jobs = jobsOf(client, context, {maxAttempts: 1});
        await jobs.add('a');
        await assertFails('KVI_ABORTED', () => jobs.take({signal: leaving.signal}), 'it has left');
        const item = await takeSoon(jobs);
        assert.deepEqual([item.value, item.attempt], ['a', 1]);
        await item.ack();
        await assertEmpty(kv, context, 'nothing is left');
      },
    },
    {
      name: 'is never one that nobody got in time',
      async run(context) {
        const jobs = jobsOf(context.kv, context);
        const error = await assertFails('KVI_TIMEOUT', () => jobs.take({timeoutMs: 30}), 'there is none');
        assert.match(error.message, /had no job within 30 ms$/);
        await assertFails('KVI_TIMEOUT', () => jobs.takeBatch({max: 2, timeoutMs: 30}), 'nor any');
        await jobs.add('a');
        assert.deepEqual(await drain(jobs, 1), ['a']);
      },
    },
    {
      name: 'is not one whose answer was lost: each request is sent until the store has told',
      async run(context) {
        const {kv, open} = context;
        for (const fate of ['reply lost', 'request lost', 'delayed'] as const) {
          const connection = unreliable(await open());
          await using client = createKvi(connection.driver);
          const jobs = jobsOf(client, context, {maxAttempts: 2});
          await jobs.add('a');
          // What is ready is read first.
          connection.willBe('answered', fate);
          const item = await takeSoon(jobs, fate);
          await connection.arrive();
          assert.deepEqual([item.value, item.attempt], ['a', 1], fate);
          connection.willBe(fate);
          await item.nack({reason: fate});
          await connection.arrive();
          const again = await takeSoon(jobs, fate);
          assert.equal(again.attempt, 2);
          connection.willBe(fate);
          await again.ack();
          await connection.arrive();
          assert.equal(again.signal.aborted, false, `${fate}: it was not lost`);
          await assertEmpty(kv, context, `${fate}: it was acked`);
        }
      },
    },
    {
      name: 'before the answer to its ack came may have been acked: the consumer is told that nobody knows',
      async run(context) {
        const {kv, open, driver} = context;
        const connection = unreliable(await open());
        await using client = createKvi(connection.driver);
        const jobs = jobsOf(client, context, {ttlSeconds: shortTtlSeconds});
        await jobs.add('a');
        const item = await takeSoon(jobs);
        connection.onLoss(() => endLease(kv, driver, item));
        connection.willBe('delayed', 'request lost', 'request lost', 'request lost', 'request lost');
        connection.onLoss(async () => {
          const id = await leaseOf(kv, item.key);
          if (id !== undefined) await driver.leaseRevoke(id);
          await abortOf(item.signal, 'the lease ends');
        });
        await assertFails('KVI_UNKNOWN_OUTCOME', () => item.ack(), 'nobody knows');
        await item[Symbol.asyncDispose]();
        connection.willBe();
        const again = await takeSoon(jobs);
        assert.equal(again.attempt, 2);
        await again.ack();
      },
    },
    {
      name: 'while the store was away is neither acked nor put back',
      async run(context) {
        const {kv, driver, open} = context;
        const own = await open();
        let isAway = false;
        await using client = createKvi({
          ...own,
          txn: (...args) =>
            isAway ? Promise.reject(new KviError('KVI_UNAVAILABLE', 'made to fail')) : own.txn(...args),
        });
        const jobs = jobsOf(client, context, {ttlSeconds: shortTtlSeconds});
        await jobs.add('a');
        for (const end of ['ack', 'nack'] as const) {
          const item = await takeSoon(jobs);
          isAway = true;
          const ending = assertFails('KVI_ITEM_LOST', () => item[end](), 'it is lost before it can be told');
          await endLease(kv, driver, item);
          await ending;
          assert.ok(isKviError(item.signal.reason, 'KVI_ITEM_LOST'));
          isAway = false;
        }
        await (await takeSoon(jobs)).ack();
        await assertEmpty(kv, context, 'it is done once');
      },
    },
    {
      name: 'while the store is away is told so, and the others wait until it is back',
      async run(context) {
        const {kv, open} = context;
        const own = await open();
        let failing = 0;
        const away = () => {
          failing -= 1;
          if (failing >= 0) throw new KviError('KVI_UNAVAILABLE', 'made to fail');
        };
        await using client = createKvi({
          ...own,
          async txn(...args) {
            away();
            return own.txn(...args);
          },
          async leaseGrant(...args) {
            away();
            return own.leaseGrant(...args);
          },
        });
        const jobs = jobsOf(client, context);
        await jobsOf(kv, context).add('a');
        failing = 5;
        const item = await takeSoon(jobs);
        failing = 5;
        await item.ack();
        await assertEmpty(kv, context, 'it was acked');
      },
    },
    {
      name: 'is not one that a watch does not tell of: consumers look again when it ends, by whatever is survivable',
      async run(context) {
        const {kv, open} = context;
        for (const code of ['KVI_COMPACTED', 'KVI_SLOW_CONSUMER'] as const) {
          const {driver, endWatch} = endingWatches(await open());
          await using client = createKvi(driver);
          const waiting = jobsOf(client, context).take();
          waiting.catch(() => undefined);
          await endWatch(new KviError(code, 'made to fail'));
          await jobsOf(kv, context).add(code);
          const item = await soon(waiting, 'it comes all the same');
          assert.equal(item.value, code);
          await item.ack();
        }
        const {driver, endWatch} = endingWatches(await open());
        await using client = createKvi(driver);
        const waiting = [jobsOf(client, context).take(), jobsOf(client, context).take()].map((call) =>
          assertFails('KVI_PERMISSION_DENIED', () => call, 'each is told'),
        );
        await endWatch(new KviError('KVI_PERMISSION_DENIED', 'made to fail'));
        await Promise.all(waiting);
        await jobsOf(kv, context).add('a');
        assert.deepEqual(await drain(jobsOf(client, context), 1), ['a'], 'and may ask again');
      },
    },
    {
      name: 'is not lost for good when it cannot be put back: it comes back with the end of its lease',
      async run(context) {
        const {kv, open} = context;
        const own = await open();
        let refuses = false;
        await using client = createKvi({
          ...own,
          txn(...args) {
            return refuses
              ? Promise.reject(new KviError('KVI_PERMISSION_DENIED', 'made to fail'))
              : own.txn(...args);
          },
        });
        const jobs = jobsOf(client, context);
        await jobs.add('a');
        const item = await takeSoon(jobs);
        refuses = true;
        await assertFails('KVI_PERMISSION_DENIED', () => item.ack(), 'it is told why');
        await assertFails('KVI_PERMISSION_DENIED', () => item.nack(), 'and has it still');
        assert.equal(item.signal.aborted, false);
        await item[Symbol.asyncDispose]();
        refuses = false;
        const again = await takeSoon(jobsOf(kv, context));
        assert.equal(again.attempt, 2);
        await again.ack();
      },
    },
  ],
};
