import assert from 'node:assert/strict';
import type {Kvi} from 'kvi-core';
import {atomically, type UnitOfWork} from 'kvi-core/recipes';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {assertFails, contents, soon, storeAll} from '../kvi/helpers.ts';
import {observed} from './atomically-helpers.ts';

/** Runs a unit that reads and then writes `result`; the first time, `change` comes in between. */
async function runsOf(
  kv: Kvi,
  key: CaseContext['key'],
  read: (t: UnitOfWork) => Promise<unknown>,
  change: () => Promise<unknown>,
): Promise<number> {
  return atomically(kv, async (t) => {
    await read(t);
    if (t.attempt === 1) await change();
    t.store(key('result'), 'v');
    return t.attempt;
  });
}

/** What may happen to `a`, `b` and `c` meanwhile; only `a` and `b` exist. */
function changesOf(kv: Kvi, key: CaseContext['key']) {
  return {
    'a change': () => kv.store(key('x/a'), 'other'),
    'the same value again': () => kv.store(key('x/a'), 'X/A'),
    'a deletion': () => kv.delete(key('x/b')),
    'a new key': () => kv.store(key('x/c'), 'new'),
    async 'a key deleted and put back'() {
      await kv.delete(key('x/a'));
      await kv.store(key('x/a'), 'X/A');
    },
    async 'a key created and deleted again'() {
      await kv.store(key('x/c'), 'new');
      await kv.delete(key('x/c'));
    },
    'a change elsewhere': () => kv.store(key('y'), 'other'),
  };
}

/** Those of {@link changesOf} after which nothing is as it was read. */
const conflicts: {
  name: string;
  read: (t: UnitOfWork, key: CaseContext['key']) => Promise<unknown>;
  with: string[];
}[] = [
  {
    name: 'a key that was read',
    read: (t, key) => t.get(key('x/a')),
    with: ['a change', 'the same value again', 'a key deleted and put back'],
  },
  {name: 'another key that was read', read: (t, key) => t.get(key('x/b')), with: ['a deletion']},
  {name: 'a key that did not exist', read: (t, key) => t.get(key('x/c')), with: ['a new key']},
  {
    name: 'a range',
    read: (t, key) => t.getRange({prefix: key('x/')}),
    with: ['a change', 'the same value again', 'a deletion', 'a new key', 'a key deleted and put back'],
  },
  {
    name: 'a range that was empty',
    read: (t, key) => t.getRange({start: key('x/c'), end: key('x/d')}),
    with: ['a new key'],
  },
  {
    name: 'a range that no key can be in',
    read: (t, key) => t.getRange({start: key('x/d'), end: key('x/a')}),
    with: [],
  },
  {name: 'a range of one key', read: (t, key) => t.getRange(key('x/b')), with: ['a deletion']},
];

/** What makes a unit run again, and what does not. */
export const conflictsOfUnits: ContractGroup = {
  name: 'units of work that conflict',
  cases: [
    ...conflicts.map(({name, read, with: expected}) => ({
      name: `a unit is run again if what it read has changed, and only then: ${name}`,
      async run({kv, openKvi, key}: CaseContext) {
        const other = await openKvi();
        for (const [what, change] of Object.entries(changesOf(other, key))) {
          await kv.delete(key('x/c'));
          await storeAll(kv, {key}, ['x/a', 'x/b']);
          assert.equal(
            await runsOf(kv, key, (t) => read(t, key), change),
            expected.includes(what) ? 2 : 1,
            `${name}: the number of runs after ${what}`,
          );
        }
      },
    })),
    {
      name: 'a key that was only written is no conflict, nor is anything for a unit that only reads',
      async run({kv, key}) {
        let runs = 0;
        await atomically(kv, async (t) => {
          runs += 1;
          t.store(key('k'), 'own');
          assert.equal(await t.get(key('k')), 'own');
          await kv.store(key('k'), 'other');
        });
        assert.equal(await kv.get(key('k')), 'own', 'it is overwritten');
        await atomically(kv, async (t) => {
          runs += 1;
          assert.equal(await t.get(key('k')), 'own');
          await kv.store(key('k'), 'other');
        });
        assert.equal(runs, 2, 'each ran once');
      },
    },
    {
      name: 'the second run begins with what the failed commit read, at one revision; a later one reads anew',
      async run(context) {
        const {kv, key} = context;
        const {client, calls, afterCommit} = await observed(context);
        await storeAll(kv, {key}, ['a', 'b', 'c', 'x/1']);
        const seen: unknown[] = [];
        afterCommit.push(
          () => kv.store(key('c'), 'after the first'),
          () => kv.store(key('a'), 'after the second'),
        );
        await atomically(client, async (t) => {
          const own = [await t.get(key('a'))];
          if (t.attempt === 1) {
            await t.get(key('b'));
            await kv.store(key('a'), '2');
            await kv.delete(key('x/1'));
            await kv.store(key('x/2'), '2');
          }
          own.push(...(await t.getRange({prefix: key('x/')})).map(({value}) => value));
          if (t.attempt > 1) own.push(await t.get(key('c')));
          calls.push('end');
          seen.push(own);
          t.store(key('result'), 'v');
        });
        assert.deepEqual(seen, [
          ['A', 'X/1'],
          ['2', '2', 'C'],
          ['after the second', '2', 'after the first'],
        ]);
        assert.equal(
          calls.join(' '),
          'range range range end txn range end txn range range range end txn',
          'the second run reads only what the first one did not',
        );
        await client.close();
      },
    },
    {
      name: 'a unit waits longer before each run from the third on',
      async run(context) {
        const {kv, key} = context;
        const {client, delays} = await observed(context);
        await atomically(
          client,
          async (t) => {
            await t.get(key('k'));
            if (t.attempt < 6) await kv.store(key('k'), String(t.attempt));
            t.store(key('k'), 'mine');
          },
          {timeoutMs: 60_000},
        );
        const waits = delays.filter((delay) => delay < 500);
        assert.equal(waits.length, 4, 'none before the second run');
        for (const [i, wait] of waits.entries()) {
          const longest = 5 * 2 ** i;
          assert.ok(wait >= longest / 2 && wait <= longest, `wait ${String(i + 1)}: ${String(wait)} ms`);
        }
        await client.close();
      },
    },
    {
      name: 'timeoutMs bounds all runs of a unit together',
      async run(context) {
        const {kv, key} = context;
        const {client, delays, skip} = await observed(context);
        await atomically(
          client,
          async (t) => {
            await t.get(key('k'));
            if (t.attempt === 1) {
              await kv.store(key('k'), 'other');
              skip(40_000);
            }
            t.store(key('k'), 'mine');
          },
          {timeoutMs: 60_000},
        );
        const [first = 0, second = 0] = delays;
        assert.ok(first > 20_001 && second < 20_001, `the second run has the rest: ${String(delays)}`);
        await client.close();
      },
    },
    {
      name: 'after maxAttempts conflicts a unit fails with KVI_CONFLICT, and has written nothing',
      async run({kv, key, prefix}) {
        for (const maxAttempts of [1, 3]) {
          let runs = 0;
          await assertFails(
            'KVI_CONFLICT',
            () =>
              atomically(
                kv,
                async (t) => {
                  runs += 1;
                  assert.equal(t.attempt, runs, 'attempt counts the runs');
                  await t.get(key('k'));
                  await kv.store(key('k'), String(runs));
                  t.store(key('k'), 'mine');
                  t.store(key('l'), 'mine');
                },
                {maxAttempts},
              ),
            'it gives up',
          );
          assert.deepEqual([runs, await contents(kv, {prefix})], [maxAttempts, [`k=${String(maxAttempts)}`]]);
        }
      },
    },
    {
      name: 'a function that throws leaves nothing and is not run again, even if it read what has changed',
      async run({kv, key, prefix}) {
        const failure = new Error('made to fail');
        for (const fail of [
          () => {
            throw failure;
          },
          () => Promise.reject(failure),
        ]) {
          let runs = 0;
          const failing = atomically(kv, async (t) => {
            runs += 1;
            await t.get(key('k'));
            t.store(key('l'), 'mine');
            await kv.store(key('k'), 'other');
            return fail();
          });
          await assert.rejects(failing, (error) => error === failure, 'it fails with what was thrown');
          assert.deepEqual([runs, await contents(kv, {prefix})], [1, ['k=other']]);
        }
        const sync = atomically(kv, (t) => {
          t.store(key('l'), 'mine');
          throw failure;
        });
        await assert.rejects(sync, (error) => error === failure, 'also if it throws at once');
        assert.deepEqual(await contents(kv, {prefix}), ['k=other']);
      },
    },
    {
      name: 'a unit whose snapshot is compacted is run again, whatever its function makes of that',
      async run({kv, key}) {
        await storeAll(kv, {key}, ['a', 'b']);
        const functions: Record<string, (read: Promise<unknown>) => Promise<unknown>> = {
          'it throws the error': (read) => read,
          'it throws another': (read) => read.catch(() => assert.fail('cannot read')),
          'it goes on': (read) => read.catch(() => 'default'),
        };
        for (const [name, meet] of Object.entries(functions)) {
          const runs = await atomically(kv, async (t) => {
            await t.get(key('a'));
            if (t.attempt === 1) {
              await kv.store(key('c'), 'v');
              await kv.store(key('c'), 'w');
              await kv.compact((await kv.range(key('c'))).revision);
            }
            assert.equal(await meet(t.get(key('b'))), 'B', name);
            t.store(key('result'), name);
            return t.attempt;
          });
          assert.deepEqual([runs, await kv.get(key('result'))], [2, name]);
        }
      },
    },
    {
      name: 'units that run at the same time all succeed, one after the other',
      async run({kv, openKvi, key}) {
        const handles = await Promise.all(Array.from({length: 4}, () => openKvi()));
        const add = (handle: Kvi) =>
          atomically(
            handle,
            async (t) => {
              const count = Number((await t.get(key('count'))) ?? '0') + 1;
              t.store(key('count'), String(count));
              return count;
            },
            {maxAttempts: 100, timeoutMs: 60_000},
          );
        const counts = await soon(
          Promise.all([...handles, ...handles, ...handles].map(add)),
          'they do not hinder each other for ever',
        );
        assert.deepEqual(
          counts.sort((a, b) => a - b),
          Array.from({length: 12}, (_, i) => i + 1),
        );
        assert.equal(await kv.get(key('count')), '12');
      },
    },
  ],
};
