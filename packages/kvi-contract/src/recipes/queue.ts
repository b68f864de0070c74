import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {bytes, json, queue, utf8} from 'kvi-core/recipes';
import {assertFails, eventually, keysOf, soon} from '../kvi/helpers.ts';
import type {ContractGroup} from '../suite.ts';
import {addAll, assertEmpty, drain, foldersOf, jobsOf, numbers, takeSoon} from './queue-helpers.ts';

/** What is added is taken, in order. */
export const queues: ContractGroup = {
  name: 'a queue',
  cases: [
    {
      name: 'delivers what several producers add, in the order in which they did',
      async run(context) {
        const {kv, openKvi} = context;
        const producers = [jobsOf(kv, context), jobsOf(await openKvi(), context), jobsOf(kv, context)];
        const added: string[] = [];
        for (let n = 0; n < 12; n += 1) {
          const {added: isAdded} = await (producers[n % 3] ?? assert.fail()).add(String(n));
          assert.equal(isAdded, true);
          added.push(String(n));
        }
        assert.deepEqual(await drain(jobsOf(await openKvi(), context), 12), added);
        await assertEmpty(kv, context, 'nothing is left of what was acked');
      },
    },
    {
      name: 'delivers what one producer adds at once in the order of its calls',
      async run(context) {
        const jobs = jobsOf(context.kv, context);
        const values = numbers(30);
        const added = await addAll(jobs, values);
        assert.deepEqual(
          [...added].map(({id}) => id).sort(),
          added.map(({id}) => id),
        );
        assert.deepEqual(await drain(jobs, 30), values);
      },
    },
    {
      name: 'delivers jobs of a lower priority first, and jobs of equal priority in order',
      async run(context) {
        const jobs = jobsOf(context.kv, context);
        await jobs.add('c1', {priority: 10});
        await jobs.add('d', {priority: 9_999_999});
        await jobs.add('b1', {priority: 9});
        await jobs.add('a');
        await jobs.add('c2', {priority: 10});
        await jobs.add('b2', {priority: 9});
        assert.deepEqual(await drain(jobs, 6), ['a', 'b1', 'b2', 'c1', 'c2', 'd']);
      },
    },
    {
      name: 'gives an item its value, its id, its attempt, and a token that grows',
      async run({kv, key}) {
        const jobs = queue(kv, key('q'), {codec: json<{n: number}>()});
        const {id} = await jobs.add({n: 1});
        await jobs.add({n: 2});
        const first = await takeSoon(jobs);
        const second = await takeSoon(jobs);
        assert.deepEqual(first.value, {n: 1});
        assert.equal(first.id, id);
        assert.equal(first.attempt, 1);
        assert.equal(first.signal.aborted, false);
        assert.ok(second.token > first.token, 'each take has a higher token');
        const claim = await kv.getKeyValue(first.key);
        assert.equal(claim?.createRevision, first.token, 'the token fences writes in the store');
        await first.ack();
        await first.ack();
        assert.equal(await kv.get(first.key), undefined, 'the claim ends with the ack');
        assert.equal(first.signal.aborted, false, 'which is no loss');
        await second.ack();
      },
    },
    {
      name: 'keeps bytes as they are, on either view',
      async run({kv, key}) {
        const value = Uint8Array.of(0, 0xff, 10);
        await queue(kv.bytes, key('q'), {codec: bytes}).add(value);
        const item = await takeSoon(queue(kv, key('q'), {codec: bytes}));
        assert.deepEqual([...item.value], [...value]);
        await item.ack();
      },
    },
    {
      name: 'hands each of a hundred jobs, added at once, to one of a hundred consumers who wait at once',
      async run(context) {
        const {kv, key} = context;
        const same = [jobsOf(kv, context), jobsOf(kv, context), queue(kv.bytes, key('q'), {codec: utf8})];
        const one = (n: number) => same[n % 3] ?? assert.fail();
        const taking = Array.from({length: 100}, async (_, n) => {
          const item = await one(n).take();
          await item.ack();
          return item;
        });
        const added = await Promise.all(
          Array.from({length: 100}, (_, n) => one(n).add(String(n), {timeoutMs: 60_000})),
        );
        const items = await soon(Promise.all(taking), 'each consumer gets one');
        assert.deepEqual(items.map(({id}) => id).sort(), added.map(({id}) => id).sort());
        assert.equal(new Set(items.map(({token}) => token)).size, 100, 'no two takes share a revision');
        await assertEmpty(kv, context, 'all are done');
      },
    },
    {
      name: 'hands the jobs of one queue to several handles, each once, and those who get none wait on',
      async run(context) {
        const {kv, openKvi} = context;
        const seen: string[] = [];
        const enough = new AbortController();
        const consumers = [kv, await openKvi(), await openKvi()].flatMap((handle) =>
          [1, 2].map(async () => {
            for (;;) {
              const item = await jobsOf(handle, context).take({signal: enough.signal});
              seen.push(item.value);
              assert.equal(item.attempt, 1);
              await item.ack();
            }
          }),
        );
        const ends = consumers.map((consumer) => assertFails('KVI_ABORTED', () => consumer, 'it waits on'));
        const values = numbers(60);
        const jobs = jobsOf(await openKvi(), context);
        for (const value of values) await jobs.add(value);
        await eventually(() => Promise.resolve(seen.length >= 60), 'all are taken');
        await eventually(async () => (await keysOf(kv, context)).length === 0, 'and acked');
        enough.abort();
        await Promise.all(ends);
        assert.deepEqual([...seen].sort(), [...values].sort(), 'each once');
      },
    },
    {
      name: 'wakes one consumer of a handle for each item, by one watch of the queue, and reads no more for many than for one',
      async run(context) {
        const {kv, open} = context;
        const own = await open();
        const calls = {watches: 0, claims: 0};
        await using client = createKvi({
          ...own,
          watch(request, options) {
            // Not those of items, each of which watches its hold.
            if (request.rangeEnd !== undefined) calls.watches += 1;
            return own.watch(request, options);
          },
          txn(request, options) {
            if (request.compare?.[0]?.target === 'lease') calls.claims += 1;
            return own.txn(request, options);
          },
        });
        const waiting = Array.from({length: 20}, () => jobsOf(client, context).take());
        await eventually(() => Promise.resolve(calls.watches === 1), 'they watch');
        await jobsOf(kv, context).add('one');
        const first = await soon(Promise.race(waiting), 'one of them gets it');
        assert.equal(first.value, 'one');
        assert.deepEqual(calls, {watches: 1, claims: 1}, 'nobody competed for it');
        await first.ack();
        for (let n = 1; n < 20; n += 1) await jobsOf(kv, context).add(String(n));
        for (const item of await soon(Promise.all(waiting), 'the others get theirs')) await item.ack();
        assert.equal(calls.watches, 1);
      },
    },
    {
      name: 'has consumers of one handle served first come, first served',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context);
        const served: number[] = [];
        const waiting = [0, 1, 2, 3].map(async (n) => {
          const item = await jobs.take();
          served.push(n);
          return item;
        });
        for (const value of ['a', 'b', 'c', 'd']) await jobs.add(value);
        const items = await soon(Promise.all(waiting), 'all are served');
        assert.deepEqual(served, [0, 1, 2, 3]);
        for (const item of items) await item.ack();
      },
    },
    {
      name: 'gives a batch what there is, up to its size, and at least one',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context);
        const waiting = jobs.takeBatch({max: 3});
        await jobs.add('late');
        const one = await soon(waiting, 'a batch waits for one');
        assert.deepEqual(
          one.map(({value}) => value),
          ['late'],
        );
        await one[0]?.ack();
        for (const value of ['a', 'b', 'c', 'd', 'e']) await jobs.add(value);
        const batch = await soon(jobs.takeBatch({max: 3}), 'it is full');
        assert.deepEqual(
          batch.map(({value}) => value),
          ['a', 'b', 'c'],
        );
        const rest = await soon(jobs.takeBatch({max: 1_000}), 'the rest');
        assert.deepEqual(
          rest.map(({value}) => value),
          ['d', 'e'],
        );
        for (const item of [...batch, ...rest]) await item.ack();
      },
    },
    {
      name: 'shares what is ready between batches and single takes that wait',
      async run(context) {
        const jobs = jobsOf(context.kv, context);
        for (let n = 0; n < 6; n += 1) await jobs.add(String(n));
        const [first, batch, last] = await soon(
          Promise.all([jobs.take(), jobs.takeBatch({max: 3}), jobs.take()]),
          'all are served',
        );
        assert.deepEqual(
          [first, ...batch, last].map(({value}) => value),
          ['0', '1', '2', '3', '4'],
        );
        for (const item of [first, ...batch, last]) await item.ack();
        assert.equal(await jobs.depth(), 1);
      },
    },
    {
      name: 'tells its depth: what waits, not what consumers have',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context, {maxAttempts: 1});
        assert.equal(await jobs.depth(), 0);
        for (const value of ['a', 'b', 'c']) await jobs.add(value);
        assert.equal(await jobs.depth(), 3);
        const a = await takeSoon(jobs);
        const b = await takeSoon(jobs);
        assert.equal(await jobs.depth(), 1);
        await a.ack();
        await b.nack();
        assert.equal(await jobs.depth(), 1, 'dead letters do not wait');
        assert.equal(await jobsOf(kv, context).depth(), 1);
      },
    },
    {
      name: 'is full at its depth, which producers at the same time may exceed',
      async run(context) {
        const {kv, openKvi} = context;
        const jobs = jobsOf(kv, context, {maxDepth: 2});
        await jobs.add('a');
        await jobs.add('b');
        const error = await assertFails('KVI_QUEUE_FULL', () => jobs.add('c'), 'it is full');
        assert.match(error.message, /2 jobs/);
        await assertFails('KVI_QUEUE_FULL', () => jobs.prepareAdd('c'), 'nor for a transaction');
        assert.equal(await jobs.depth(), 2, 'nothing was added');
        await (await takeSoon(jobs)).ack();
        await jobs.add('c');
        assert.deepEqual(await drain(jobs, 2), ['b', 'c']);
        const producers = [jobs, jobsOf(await openKvi(), context, {maxDepth: 2})];
        const results = await Promise.allSettled(
          Array.from({length: 20}, (_, n) => (producers[n % 2] ?? jobs).add(String(n))),
        );
        const depth = await jobs.depth();
        assert.ok(depth >= 2 && depth <= 4, `two handles added ${depth}`);
        assert.equal(results.filter(({status}) => status === 'fulfilled').length, depth);
        await drain(jobs, depth);
      },
    },
    {
      name: 'adds a job in a transaction of the caller, or not at all',
      async run(context) {
        const {kv, key} = context;
        const jobs = jobsOf(kv, context);
        const before = await keysOf(kv, context);
        const {compare, success} = await jobs.prepareAdd('mail', {priority: 3});
        assert.deepEqual(await keysOf(kv, context), before, 'preparing writes nothing');
        const order = {type: 'put', key: key('order'), value: 'paid'} as const;
        const unpaid = {key: key('order'), target: 'create', result: '=', createRevision: 0} as const;
        const request = {compare: [...compare, unpaid], success: [...success, order]};
        assert.equal((await kv.txn(request)).succeeded, true);
        const again = await jobs.prepareAdd('mail');
        const refused = {compare: [...again.compare, unpaid], success: [...again.success, order]};
        assert.equal((await kv.txn(refused)).succeeded, false);
        assert.equal(await jobs.depth(), 1);
        assert.deepEqual(await drain(jobs, 1), ['mail']);
        assert.deepEqual(await keysOf(kv, context), ['order']);
      },
    },
    {
      name: 'adds several jobs in one transaction, in the order in which they were prepared',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context);
        const prepared = await Promise.all(['a', 'b', 'c'].map((value) => jobs.prepareAdd(value)));
        await kv.txn({
          compare: prepared.flatMap(({compare}) => compare),
          success: prepared.flatMap(({success}) => success).reverse(),
        });
        assert.deepEqual(await drain(jobs, 3), ['a', 'b', 'c']);
      },
    },
    {
      name: 'keeps its jobs apart from those of another whose name begins alike',
      async run(context) {
        const {kv, key} = context;
        const names = ['q', 'q2', 'q/2'];
        for (const name of names) await queue(kv, key(name), {codec: utf8}).add(name);
        for (const name of names) {
          const jobs = queue(kv, key(name), {codec: utf8});
          assert.equal(await jobs.depth(), 1, name);
          assert.deepEqual(await drain(jobs, 1), [name]);
        }
      },
    },
    {
      name: 'delivers in order from a queue of many jobs, a batch at a time, and what is more urgent at once',
      async run(context) {
        const {kv, openKvi} = context;
        const jobs = jobsOf(kv, context);
        for (let n = 0; n < 3; n += 1) {
          await addAll(jobs, numbers(100, n * 100), {priority: 2});
        }
        assert.equal((await foldersOf(kv, context)).filter((folder) => folder === 'q/ready').length, 300);
        assert.deepEqual(await drain(jobs, 3), ['0', '1', '2']);
        // The store decides the order, not what a consumer has seen of it.
        await jobsOf(await openKvi(), context).add('urgent', {priority: 1});
        assert.deepEqual(await drain(jobs, 2), ['urgent', '3']);
        const batch = await soon(jobs.takeBatch({max: 200}), 'a batch');
        assert.equal(batch.length, 128, 'a batch has its bound');
        assert.deepEqual(
          batch.map(({value}) => value),
          numbers(128, 4),
        );
        await Promise.all(batch.map((item) => item.ack()));
        assert.equal(await jobs.depth(), 300 - 132);
      },
    },
    {
      name: 'is counted by the store once in a page of takes, as that takes as long as the queue',
      async run(context) {
        const {kv, open} = context;
        const own = await open();
        const pages: string[] = [];
        await using client = createKvi({
          ...own,
          txn(request, options) {
            const [first] = request.success ?? [];
            if (first?.type === 'range' && first.countOnly !== true) {
              pages.push(
                Buffer.from(first.rangeEnd ?? [])
                  .toString()
                  .endsWith('ready0')
                  ? 'all'
                  : 'page',
              );
            }
            return own.txn(request, options);
          },
        });
        const values = numbers(200);
        const producer = jobsOf(kv, context);
        await addAll(producer, values);
        assert.deepEqual(await drain(jobsOf(client, context), 130), values.slice(0, 130));
        assert.equal(pages.filter((page) => page === 'all').length, 3, 'a page has 64 jobs');
        assert.equal(pages.length, 132, 'and each take looks once, and once more at the end of a page');
        assert.deepEqual(await drain(jobsOf(client, context), 70), values.slice(130));
        await producer.add('last');
        assert.deepEqual(await drain(jobsOf(client, context), 1), ['last']);
      },
    },
    {
      name: 'lets many handles that take at the same moment take one job each, and none in vain',
      async run(context) {
        const {kv, open} = context;
        const jobs = jobsOf(kv, context);
        for (let n = 0; n < 8; n += 1) await jobs.add(String(n));
        let claims = 0;
        let allHaveLooked: () => void = () => undefined;
        const looked = new Promise<void>((resolve) => (allHaveLooked = resolve));
        const handles = await Promise.all(
          Array.from({length: 8}, async () => {
            const own = await open();
            return createKvi({
              ...own,
              async txn(request, options) {
                if (request.compare?.[0]?.target !== 'lease') return own.txn(request, options);
                claims += 1;
                if (claims === 8) allHaveLooked();
                await looked;
                return own.txn(request, options);
              },
            });
          }),
        );
        const items = await soon(
          Promise.all(handles.map((handle) => jobsOf(handle, context).take())),
          'each gets one',
        );
        assert.deepEqual(items.map(({value}) => value).sort(), numbers(8));
        assert.equal(claims, 8, 'nobody tried in vain');
        for (const item of items) await item.ack();
        for (const handle of handles) await handle.close();
      },
    },
  ],
};
