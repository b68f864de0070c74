import assert from 'node:assert/strict';
import type {Change} from 'kvi-core';
import type {ContractGroup} from '../suite.ts';
import {assertFails, changesFrom, describeChanges, soon, takeChanges, takeSet} from './helpers.ts';

/** The start revision of `changes`. */
export const changesStart: ContractGroup = {
  name: 'the start of changes',
  cases: [
    {
      name: 'created resolves with the first watched revision',
      async run({kv, key, prefix}) {
        await kv.store(key('k'), 'before');
        const {revision} = await kv.range({prefix});
        await using all = kv.changes({prefix});
        assert.equal(
          await soon(all.created, 'a watch is in place soon'),
          revision + 1,
          'the next revision is the first',
        );
        await kv.store(key('k'), 'after');
        const set = await takeSet(all, 'a put is a change');
        assert.deepEqual(
          [set.revision, describeChanges(set.events, prefix)],
          [revision + 1, ['put k=after']],
          'and nothing before',
        );
      },
    },
    {
      name: 'from a past revision, the history is delivered first, then new changes',
      async run({kv, key, prefix}) {
        await kv.store(key('a'), '0');
        const {revision} = await kv.range({prefix});
        await kv.store(key('a'), '1');
        await kv.delete(key('a'));
        await using all = await changesFrom(kv, {prefix}, {startRevision: revision});
        await kv.store(key('b'), '2');
        assert.deepEqual(
          describeChanges(await takeChanges(all, 4, 'history is told'), prefix),
          ['put a=0', 'put a=1', 'delete a', 'put b=2'],
          'the start revision is the first that is told',
        );
      },
    },
    {
      name: 'from a future revision, earlier changes are not delivered',
      async run({kv, key, prefix}) {
        const {revision} = await kv.range({prefix});
        await using all = await changesFrom(kv, {prefix}, {startRevision: revision + 3});
        for (const value of ['1', '2', '3', '4']) await kv.store(key('k'), value);
        assert.deepEqual(
          describeChanges(await takeChanges(all, 2, 'the future is told when it comes'), prefix),
          ['put k=3', 'put k=4'],
          'the start revision is the first that is told',
        );
      },
    },
    {
      name: 'continuing from the revision of a set, or of a read, misses nothing and repeats nothing',
      async run({kv, key, prefix}) {
        let {revision} = await kv.range({prefix});
        for (let i = 0; i < 20; i += 1) await kv.store(key('k'), String(i));
        const seen: Change[] = [];
        while (seen.length < 20) {
          await using part = kv.changes({prefix}, {startRevision: revision + 1});
          for (let i = 0; i < 3 && seen.length < 20; i += 1) {
            const set = await takeSet(part, 'the next change comes');
            seen.push(...set.events);
            ({revision} = set);
          }
        }
        assert.deepEqual(
          seen.map(({value}) => value),
          Array.from({length: 20}, (_, i) => String(i)),
          'a revision is a bookmark',
        );
      },
    },
    {
      name: 'a compacted start revision ends it with KVI_COMPACTED and the compact revision',
      async run({kv, driver, key, prefix}) {
        await kv.store(key('k'), '1');
        const {revision} = await kv.range({prefix});
        await kv.store(key('k'), '2');
        await kv.store(key('k'), '3');
        await driver.compact({revision: revision + 2});
        const gone = kv.changes({prefix}, {startRevision: revision});
        const error = await assertFails('KVI_COMPACTED', () => gone.next(), 'a gap is an error, not silence');
        assert.equal(error.compactRevision, revision + 2, 'the error says from where to go on');
        assert.equal((await gone.next()).done, true, 'after its error an iteration is over');
        await using rest = await changesFrom(kv, {prefix}, {startRevision: revision + 3});
        await kv.store(key('k'), '4');
        assert.equal((await takeChanges(rest, 1, 'it goes on'))[0]?.value, '4', 'the present can be watched');
      },
    },
  ],
};
