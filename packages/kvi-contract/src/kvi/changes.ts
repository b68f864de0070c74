import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {changesFrom, describeChanges, grantLease, soon, takeChanges, takeSet} from './helpers.ts';

/** `changes`. */
export const changes: ContractGroup = {
  name: 'changes',
  cases: [
    {
      name: 'every put and deletion is a change, in order: the same value again, there and back, delete and re-create',
      async run({kv, openKvi, key, prefix}) {
        const other = await openKvi();
        await using all = await changesFrom(kv, {prefix});
        await other.store(key('a'), '1');
        await other.store(key('a'), '1');
        await other.store(key('a'), '2');
        await other.store(key('a'), '1');
        await other.delete(key('a'));
        await other.store(key('a'), '1');
        await other.store(key('b'), '');
        assert.deepEqual(
          describeChanges(await takeChanges(all, 7, 'every event counts'), prefix),
          ['put a=1', 'put a=1', 'put a=2', 'put a=1', 'delete a', 'put a=1', 'put b='],
          'nothing is left out, nothing is merged',
        );
      },
    },
    {
      name: 'several pending calls of next are served in turn; throw ends the iteration',
      async run({kv, key, prefix}) {
        const all = kv.changes({prefix});
        await all.created;
        const waiting = [all.next(), all.next(), all.next()];
        for (const value of ['1', '2', '3']) await kv.store(key('a'), value);
        const results = await soon(Promise.all(waiting), 'each call gets a change set');
        assert.deepEqual(
          results.map(({value}) => value?.events[0]?.value),
          ['1', '2', '3'],
          'in the order of the calls',
        );
        const last = all.next();
        const reason = new Error('enough');
        await assert.rejects(async () => all.throw?.(reason), {message: 'enough'});
        assert.equal((await soon(last, 'a call that waits ends')).done, true, 'without a change set');
        assert.equal((await all.next()).done, true, 'and so do later ones');
      },
    },
    {
      name: 'a burst from many handles is delivered completely, each change once, in order of revision',
      async run({kv, openKvi, key, prefix}) {
        const writers = [kv, await openKvi(), await openKvi()];
        await using all = await changesFrom(kv, {prefix});
        await Promise.all(
          Array.from({length: 600}, async (_, i) => writers[i % 3]?.store(key(String(i % 7)), String(i))),
        );
        const taken = await takeChanges(all, 600, 'every event counts');
        let last = 0;
        const lastOfKey = new Map<string, number>();
        for (const {key: changed, modRevision} of taken) {
          // Writes of one handle may share a revision, but two writes of one key never do.
          assert.ok(modRevision >= last, 'changes come in the order of their revisions');
          assert.ok(modRevision > (lastOfKey.get(changed) ?? 0), 'a key changes once in a revision');
          last = modRevision;
          lastOfKey.set(changed, modRevision);
        }
        assert.equal(new Set(taken.map(({value}) => value)).size, 600, 'each put is told once');
      },
    },
    {
      name: 'a set is one revision, with all of its changes in order',
      async run({kv, openKvi, key, prefix}) {
        const writer = await openKvi();
        const {revision: start} = await kv.range({prefix});
        async function write() {
          for (let i = 0; i < 20; i += 1) {
            await writer.txn({
              success: ['c', 'a', 'b'].map((name) => ({type: 'put', key: key(name), value: String(i)})),
            });
          }
        }
        await using live = await changesFrom(kv, {prefix});
        await write();
        // Events from the history often arrive many revisions at a time.
        await using past = await changesFrom(kv, {prefix}, {startRevision: start + 1});
        for (const stream of [live, past]) {
          for (let i = 0; i < 20; i += 1) {
            const {events, revision} = await takeSet(stream, 'a transaction is a change');
            assert.deepEqual(
              describeChanges(events, prefix),
              [`put c=${String(i)}`, `put a=${String(i)}`, `put b=${String(i)}`],
              'a transaction comes whole, and alone',
            );
            assert.ok(
              events.every(({modRevision}) => modRevision === revision),
              'the set says its revision',
            );
          }
        }
      },
    },
    {
      name: 'the keys of a lease that ends are deleted in one set, in order',
      async run({kv, driver, key, prefix}) {
        const lease = await grantLease(driver);
        for (const name of ['c', 'a', 'b']) await kv.store(key(name), 'v', {lease});
        await using all = await changesFrom(kv, {prefix});
        await driver.leaseRevoke(lease);
        const {events} = await takeSet(all, 'the end of a lease is a change');
        assert.deepEqual(
          describeChanges(events, prefix),
          ['delete a', 'delete b', 'delete c'],
          'in one revision',
        );
      },
    },
    {
      name: 'what the handle writes after the call is never missed, even if nobody awaited the watch',
      async run({kv, key}) {
        for (let i = 0; i < 50; i += 1) {
          const all = kv.changes(key('k'));
          await kv.store(key('k'), String(i));
          const [change] = await takeChanges(all, 1, 'a write after changes() is never missed');
          assert.equal(change?.value, String(i), 'the first change after the call is told');
          await all.return?.();
        }
      },
    },
    {
      name: 'prevKv returns what the key held before each change',
      async run({kv, key, prefix}) {
        await using all = await changesFrom(kv, {prefix}, {prevKv: true});
        await using plain = await changesFrom(kv, {prefix});
        await kv.store(key('k'), '1');
        await kv.store(key('k'), '2');
        await kv.delete(key('k'));
        const before = (await takeChanges(all, 3, 'changes come')).map(({prevKv}) => prevKv?.value);
        assert.deepEqual(before, [undefined, '1', '2'], 'a new key held nothing');
        const without = (await takeChanges(plain, 3, 'changes come')).map((change) => 'prevKv' in change);
        assert.deepEqual(without, [false, false, false], 'it is not told unless asked for');
      },
    },
    {
      name: 'filters omit puts or deletions',
      async run({kv, key, prefix}) {
        await using puts = await changesFrom(kv, {prefix}, {filters: ['nodelete']});
        await using deletions = await changesFrom(kv, {prefix}, {filters: ['noput']});
        for (const value of ['1', '2']) {
          await kv.store(key('k'), value);
          await kv.delete(key('k'));
        }
        assert.deepEqual(
          describeChanges(await takeChanges(puts, 2, 'puts come'), prefix),
          ['put k=1', 'put k=2'],
          'puts alone',
        );
        assert.deepEqual(
          describeChanges(await takeChanges(deletions, 2, 'deletions come'), prefix),
          ['delete k', 'delete k'],
          'deletions alone',
        );
      },
    },
    {
      name: 'exactly the key, range or prefix is watched',
      async run({kv, key, prefix}) {
        const streams = {
          'a key': [await changesFrom(kv, key('b')), ['b']],
          'a range': [await changesFrom(kv, {start: key('b'), end: key('c')}), ['b', 'b/1', 'b/2']],
          'a prefix': [await changesFrom(kv, {prefix: key('b/')}), ['b/1', 'b/2']],
          'from a key on': [await changesFrom(kv, {start: key('b/2'), end: '\0'}), ['b/2', 'c']],
        } as const;
        for (const name of ['a', 'b', 'b/1', 'b/2', 'c']) await kv.store(key(name), 'v');
        for (const [what, [stream, names]] of Object.entries(streams)) {
          const taken = await takeChanges(stream, names.length, `${what} is watched`);
          assert.deepEqual(
            taken.map((change) => change.key.slice(prefix.length)),
            [...names],
            `${what} is watched`,
          );
          await stream.return?.();
        }
      },
    },
    {
      name: 'leaving the loop ends it, as do return and the end of its block, even while a change is awaited',
      async run({kv, key}) {
        const looped = kv.changes(key('k'));
        await kv.store(key('k'), '1');
        for await (const {events} of looped) {
          assert.equal(events[0]?.value, '1', 'the loop has the change');
          break;
        }
        assert.equal((await looped.next()).done, true, 'a loop that was left has ended');
        for (const onCompacted of ['error', 'resync'] as const) {
          const waited = kv.changes(key('k'), {onCompacted});
          const pending = waited.next();
          await waited[Symbol.asyncDispose]();
          assert.equal((await soon(pending, 'what is awaited ends')).done, true, 'ending is no error');
          assert.equal((await waited.next()).done, true, 'what has ended stays so');
          await waited.return?.();
        }
        await soon(kv.store(key('k'), '2'), 'what has ended holds nothing up');
      },
    },
    {
      name: 'many watches of one handle are independent',
      async run({kv, key}) {
        const names = Array.from({length: 100}, (_, i) => String(i));
        const streams = await Promise.all(names.map((name) => changesFrom(kv, key(name))));
        await Promise.all(names.map((name) => kv.store(key(name), name)));
        for (const [i, stream] of streams.entries()) {
          const [change] = await takeChanges(stream, 1, 'each watch gets its change');
          assert.equal(change?.value, String(i), 'and no other');
          await stream.return?.();
        }
      },
    },
  ],
};
