import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {counter} from 'kvi-core/recipes';
import {assertFails, leaseOf, soon} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import {unreliable} from '../kvi/unknown-outcome.ts';
import type {ContractGroup} from '../suite.ts';
import {abortEverywhere} from './abort-everywhere.ts';
import {countedRequests} from './counted-requests.ts';

const most = Number.MAX_SAFE_INTEGER;

/** What is added by many, and counted once. */
export const counters: ContractGroup = {
  name: 'a counter',
  cases: [
    {
      name: 'begins at 0, goes up and down, and is stored as text under its name',
      async run({kv, key}) {
        const hits = counter(kv, key('c'));
        assert.equal(hits.name, key('c'));
        assert.equal(await hits.get(), 0);
        assert.equal(await hits.add(), 1);
        assert.equal(await hits.add(41), 42);
        assert.equal(await kv.get(key('c')), '42');
        assert.equal(await hits.add(-50), -8);
        assert.equal(await hits.add(0), -8);
        assert.equal(await counter(kv.bytes, key('c')).get(), -8);
        await kv.store(key('c'), '7');
        assert.equal(await hits.add(1), 8, 'it is set by storing a number');
        await kv.delete(key('c'));
        assert.equal(await hits.add(1), 1, 'and begins again when it is deleted');
      },
    },
    {
      name: 'counts each of a hundred calls at once, in their order, with few requests',
      async run({open, key}) {
        const {driver, requests} = countedRequests(await open());
        await using client = createKvi(driver);
        const before = requests();
        // As it may be written where it is used.
        const adds = Array.from({length: 100}, (_, i) => counter(client, key('c')).add(i + 1));
        const sums = await soon(Promise.all(adds), 'all are added');
        assert.deepEqual(
          sums,
          Array.from({length: 100}, (_, i) => ((i + 1) * (i + 2)) / 2),
        );
        assert.ok(requests() - before <= 3, `${String(requests() - before)} requests`);
      },
    },
    {
      name: 'counts what several handles add at once',
      async run({openKvi, kv, key}) {
        const handles = [kv, await openKvi(), await openKvi(), await openKvi()];
        const sums: number[] = [];
        await Promise.all(
          handles.map(async (handle) => {
            for (let n = 0; n < 25; n += 1) sums.push(await counter(handle, key('c')).add());
          }),
        );
        assert.deepEqual(
          sums.sort((one, other) => one - other),
          Array.from({length: 100}, (_, i) => i + 1),
        );
      },
    },
    {
      name: 'keeps the lease of its key',
      async run({kv, key}) {
        const lease = await kv.lease({ttlSeconds: 60});
        await kv.store(key('c'), '1', {lease: lease.id});
        assert.equal(await counter(kv, key('c')).add(), 2);
        assert.equal(await leaseOf(kv, key('c')), lease.id);
        await lease.revoke();
        assert.equal(await kv.get(key('c')), undefined);
      },
    },
    {
      name: 'never goes beyond 2^53-1: that call is refused, and those beside it are not',
      async run({kv, key}) {
        const hits = counter(kv, key('c'));
        await kv.store(key('c'), String(most - 5));
        const results = await Promise.allSettled([hits.add(2), hits.add(4), hits.add(3), hits.add(1)]);
        assert.deepEqual(
          results.map((result) => (result.status === 'fulfilled' ? result.value : 'refused')),
          [most - 3, 'refused', most, 'refused'],
        );
        const full = await kv.getKeyValue(key('c'));
        const error = await assertFails('KVI_OUT_OF_RANGE', () => hits.add(1), 'it is full');
        assert.match(error.message, /9007199254740991/);
        assert.deepEqual(await kv.getKeyValue(key('c')), full, 'and nothing is written');
        await kv.store(key('c'), String(-most));
        await assertFails('KVI_OUT_OF_RANGE', () => hits.add(-1), 'nor below');
        assert.equal(await hits.add(most), 0);
      },
    },
    {
      name: 'refuses by what is stored, not by what the handle saw of it some time ago',
      async run({kv, openKvi, key}) {
        const other = counter(await openKvi(), key('c'));
        const hits = counter(kv, key('c'));
        assert.equal(await hits.add(most), most);
        for (let n = 1; n <= 2; n += 1) {
          await assertFails('KVI_OUT_OF_RANGE', () => hits.add(1), 'it is full');
          await other.add(-5);
          assert.equal(await hits.add(5), most, 'and then it is not');
        }
      },
    },
    {
      name: 'is no counter if something else is stored there, which is left alone',
      async run({kv, key}) {
        const hits = counter(kv, key('c'));
        for (const text of ['', 'x', '1.5', ' 1', '01', '1e3', '-0', '9007199254740992', 'Infinity']) {
          await kv.store(key('c'), text);
          const error = await assertFails('KVI_INVALID_VALUE', () => hits.add(), `add to ${text}`);
          assert.ok(error.message.includes(JSON.stringify(key('c'))), 'it is named');
          await assertFails('KVI_INVALID_VALUE', () => hits.get(), `read ${text}`);
          assert.equal(await kv.get(key('c')), text);
        }
        await kv.store(key('c'), '1');
        assert.equal(await hits.add(), 2, 'and works on once it is mended');
      },
    },
    {
      name: 'refuses bad input before anything is sent',
      async run(context) {
        const {kv, key} = context;
        const hits = counter(kv, key('c'));
        await assertRefused(
          context,
          {
            'no name': () => counter(kv, ''),
            'a name that is no text': () => counter(kv, wrong(1)),
            'a name that is too large': () => counter(kv, 'x'.repeat(2_000_000)),
            'no handle': () => counter(wrong({}), 'c'),
            'half a hit': () => hits.add(0.5),
            'no number': () => hits.add(Number.NaN),
            text: () => hits.add(wrong('1')),
            'an unsafe number': () => hits.add(2 ** 53),
            'an unknown option': () => hits.add(1, wrong({by: 1})),
            'a timeout of 0': () => hits.add(1, {timeoutMs: 0}),
            'an option of a write': () => hits.get(wrong({onUnknownOutcome: 'throw'})),
          },
          'it is refused',
          {'no name': /counter/, 'half a hit': /^amount must be a whole number, not 0.5/},
        );
      },
    },
    {
      name: 'tells that nobody knows when no answer came, and goes on from what is stored',
      async run({open, kv, key}) {
        const connection = unreliable(await open());
        await using client = createKvi(connection.driver);
        const hits = counter(client, key('c'));
        await hits.add();
        for (const fate of ['reply lost', 'request lost', 'delayed'] as const) {
          const before = await hits.get();
          connection.willBe(fate);
          const adds = [hits.add(), hits.add()].map((call) =>
            assertFails('KVI_UNKNOWN_OUTCOME', () => call, fate),
          );
          // The first is on its way alone, so the answer to both may be the second's.
          connection.willBe(fate, fate);
          await Promise.all(adds);
          connection.willBe();
          await connection.arrive();
          const stored = await counter(kv, key('c')).get();
          assert.ok(fate === 'request lost' ? stored === before : stored > before, fate);
          assert.equal(await hits.add(), stored + 1);
        }
      },
    },
    {
      name: 'counts once whatever became of the answers, if asked to find out',
      async run({open, key}) {
        const connection = unreliable(await open());
        await using client = createKvi(connection.driver);
        const hits = counter(client, key('c'));
        let expected = 0;
        for (const fate of ['reply lost', 'request lost', 'delayed'] as const) {
          connection.willBe(fate);
          expected += 1;
          assert.equal(await hits.add(1, {onUnknownOutcome: 'resolve'}), expected, fate);
          await connection.arrive();
          assert.equal(await hits.get(), expected, fate);
        }
      },
    },
    {
      name: 'is left alone by a call that is aborted, or the call says that nobody knows',
      async run(context) {
        const {kv, key} = context;
        const present = counter(kv, key('c'));
        let before = 0;
        await abortEverywhere(
          context,
          (client, signal) => counter(client, key('c')).add(1, {signal}),
          async (failed) => {
            const after = await present.get();
            if (failed) assert.ok(after - before <= 1);
            else assert.equal(after, before + 1);
            before = after;
          },
        );
      },
    },
  ],
};
