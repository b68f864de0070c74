import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import type {ContractGroup} from '../suite.ts';
import {breakableClient, missed} from './connection.ts';
import {
  assertFails,
  changesFrom,
  describeChanges,
  eventually,
  soon,
  takeChanges,
  takeSet,
} from './helpers.ts';

/** Watches whose history was compacted. */
export const resync: ContractGroup = {
  name: 'changes that were compacted away',
  cases: [
    {
      name: 'by default they end the watch with KVI_COMPACTED',
      async run({kv, driver, open, key, prefix}) {
        const {client: cut, connection} = await breakableClient({open});
        const all = await changesFrom(cut, {prefix});
        const revision = await missed({kv, driver, key}, connection, () => kv.store(key('a'), '1'));
        const error = await assertFails('KVI_COMPACTED', () => all.next(), 'a gap is an error, not silence');
        assert.equal(error.compactRevision, revision, 'the error says from where to go on');
      },
    },
    {
      name: 'a resync reports changed keys as puts and missing keys as deletions, and the watch continues',
      async run({kv, driver, open, key, prefix}) {
        const {client: cut, connection} = await breakableClient({open});
        for (const name of ['gone', 'kept', 'changed', 'back']) await kv.store(key(name), 'before');
        await using all = await changesFrom(cut, {prefix}, {onCompacted: 'resync'});
        await kv.store(key('new'), 'seen');
        await kv.store(key('new and gone'), 'seen');
        await kv.store(key('told as gone'), 'seen');
        await kv.delete(key('told as gone'));
        await takeChanges(all, 4, 'changes come as ever');
        const revision = await missed({kv, driver, key}, connection, async () => {
          await kv.delete(key('gone'));
          await kv.delete(key('new and gone'));
          await kv.store(key('changed'), 'after');
          await kv.delete(key('back'));
          await kv.store(key('back'), 'after');
          await kv.store(key('came'), 'after');
          await kv.store(key('came and went'), 'after');
          await kv.delete(key('came and went'));
        });
        const set = await takeSet(all, 'a resync tells the difference');
        assert.equal(set.resync, true, 'a resync says that it is one');
        assert.equal(set.revision, revision, 'it says as of which revision');
        assert.deepEqual(
          describeChanges(set.events, prefix).toSorted(),
          [
            'delete gone',
            'delete new and gone',
            'put back=after',
            'put came=after',
            'put changed=after',
            'put ~=the last one',
          ],
          'each key that changed is told as it is now, each that is gone as deleted, and no other',
        );
        await kv.store(key('kept'), 'later');
        const next = await takeSet(all, 'the watch goes on');
        assert.deepEqual(
          [next.resync, describeChanges(next.events, prefix)],
          [undefined, ['put kept=later']],
          'as before',
        );
      },
    },
    {
      name: 'a resync before anything was delivered reports only changes since the watch was created',
      async run({kv, driver, open, key, prefix}) {
        const {client: cut, connection} = await breakableClient({open});
        await kv.store(key('kept'), 'before');
        await using all = await changesFrom(cut, {prefix}, {onCompacted: 'resync'});
        await missed({kv, driver, key}, connection, () => Promise.resolve());
        const set = await takeSet(all, 'a resync tells the difference');
        assert.deepEqual(
          [set.resync, describeChanges(set.events, prefix)],
          [true, ['put ~=the last one']],
          'what did not change is not told',
        );
      },
    },
    {
      name: 'a watch that is ended during a resync ends, and starts no other watch',
      async run({open, kv, driver, key, prefix}) {
        await kv.store(key('k'), '1');
        const {revision} = await kv.range({prefix});
        await kv.store(key('k'), '2');
        await driver.compact({revision: revision + 1});
        const own = await open();
        let watches = 0;
        let reads = 0;
        let answer: () => void = () => undefined;
        const answered = new Promise<void>((resolve) => (answer = resolve));
        const client = createKvi({
          ...own,
          watch: (...args) => {
            watches += 1;
            return own.watch(...args);
          },
          range: async (...args) => {
            reads += 1;
            // The first read learns the keys, the second is the resync.
            if (reads === 2) await answered;
            return own.range(...args);
          },
        });
        const all = client.changes({prefix}, {startRevision: revision, onCompacted: 'resync'});
        const pending = all.next();
        await eventually(() => Promise.resolve(reads === 2), 'a resync reads the present state');
        await all[Symbol.asyncDispose]();
        answer();
        assert.equal((await soon(pending, 'what is awaited ends')).done, true, 'ending is no error');
        assert.equal(watches, 1, 'what has ended does not watch on');
      },
    },
    {
      name: 'a second resync takes into account what the first one reported',
      async run({kv, driver, open, key, prefix}) {
        const {client: cut, connection} = await breakableClient({open});
        await using all = await changesFrom(cut, {prefix}, {onCompacted: 'resync'});
        await kv.store(key('a'), '1');
        await takeChanges(all, 1, 'changes come as ever');
        await missed({kv, driver, key}, connection, () => kv.store(key('b'), '1'));
        await takeSet(all, 'a resync tells the difference');
        await missed({kv, driver, key}, connection, () => kv.delete({start: key('a'), end: key('c')}));
        const {events} = await takeSet(all, 'the next resync tells the next difference');
        assert.deepEqual(
          describeChanges(events, prefix),
          ['delete a', 'delete b', 'put ~=the last one'],
          'keys that were told by a change or by a resync are known',
        );
      },
    },
    {
      name: 'a compacted start revision causes a resync at once, which reports every key changed since',
      async run({kv, driver, key, prefix}) {
        await kv.store(key('old'), '1');
        const {revision} = await kv.range({prefix});
        await kv.store(key('a'), '1');
        await kv.store(key('a'), '2');
        await driver.compact({revision: revision + 2});
        await using all = kv.changes({prefix}, {startRevision: revision + 1, onCompacted: 'resync'});
        const set = await takeSet(all, 'a resync tells the difference');
        assert.deepEqual(
          [set.resync, describeChanges(set.events, prefix)],
          [true, ['put a=2']],
          'since the start revision',
        );
        await kv.delete(key('old'));
        const next = await takeSet(all, 'the watch goes on');
        assert.deepEqual(describeChanges(next.events, prefix), ['delete old'], 'from there on');
      },
    },
    {
      name: 'filters apply to a resync too',
      async run({kv, driver, open, key, prefix}) {
        const {client: cut, connection} = await breakableClient({open});
        await kv.store(key('gone'), 'before');
        await using puts = await changesFrom(cut, {prefix}, {onCompacted: 'resync', filters: ['nodelete']});
        await using deletions = await changesFrom(cut, {prefix}, {onCompacted: 'resync', filters: ['noput']});
        await kv.store(key('a'), '1');
        await takeChanges(puts, 1, 'changes come as ever');
        await kv.delete(key('a'));
        await takeChanges(deletions, 1, 'changes come as ever');
        await missed({kv, driver, key}, connection, () => kv.delete(key('gone')));
        const put = await takeSet(puts, 'a resync tells the difference');
        assert.deepEqual(describeChanges(put.events, prefix), ['put ~=the last one'], 'puts alone');
        const deleted = await takeSet(deletions, 'a resync tells the difference');
        assert.deepEqual(describeChanges(deleted.events, prefix), ['delete gone'], 'deletions alone');
      },
    },
  ],
};
