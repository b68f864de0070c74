import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {rejects, write} from './steps.ts';
import {watchReader} from './watch-reader.ts';

/** What a compaction discards and keeps. */
export const compaction: ContractGroup = {
  name: 'a compaction',
  cases: [
    {
      name: 'discards what was before its revision, and keeps everything from there on',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const r1 = await write(driver, k.put('a', '1'), k.put('b', '1'));
        const r2 = await write(driver, k.put('a', '2'), k.put('c', '2'));
        const r3 = await write(driver, k.deleteRange('b'));
        const r4 = await write(driver, k.put('a', '4'));
        await driver.compact({revision: r3});

        const other = await open();
        for (const handle of [driver, other]) {
          for (const revision of [r1, r2]) {
            const error = await rejects(
              handle.range({...k.all, revision}),
              'KVI_COMPACTED',
              `revision ${String(revision)} was compacted at ${String(r3)}`,
            );
            assert.equal(error.compactRevision, undefined, 'etcd tells the compact revision to watches only');
          }
          for (const [revision, kvs] of [
            [r3, 'a=2 c=2'],
            [r4, 'a=4 c=2'],
            [0, 'a=4 c=2'],
          ] as const) {
            const response = await handle.range({...k.all, revision});
            assert.equal(
              k.kvs(response.kvs),
              kvs,
              `revision ${String(revision)} can be read after compacting at ${String(r3)}`,
            );
          }
        }
        const {kvs} = await driver.range(k.all);
        assert.deepEqual(
          kvs.map(k.whole),
          [
            `a=4 create ${String(r1)} mod ${String(r4)} version 3 lease 0`,
            `c=2 create ${String(r2)} mod ${String(r2)} version 1 lease 0`,
          ],
          'keys keep their create revision and version, although the history behind them is gone',
        );
      },
    },
    {
      name: 'is refused at an already compacted and at a future revision',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const r1 = await write(driver, k.put('a', '1'));
        const r2 = await write(driver, k.put('a', '2'));
        await rejects(
          driver.compact({revision: r2 + 1}),
          'KVI_FUTURE_REVISION',
          'what has not happened cannot be forgotten',
        );
        await driver.compact({revision: r2});
        await rejects(driver.compact({revision: r2}), 'KVI_COMPACTED', 'a revision can be compacted once');
        await rejects(driver.compact({revision: r1}), 'KVI_COMPACTED', 'what is before it is compacted too');
        const {kvs, revision} = await driver.range({...k.all, revision: r2});
        assert.equal(k.kvs(kvs), 'a=2', 'the present revision can be compacted, and read');
        assert.equal(revision, r2, 'a compaction makes no revision');
        const r3 = await write(driver, k.deleteRange('a'));
        await driver.compact({revision: r3});
        const {count} = await driver.range({...k.all, revision: r3});
        assert.equal(count, 0, 'a key that is deleted at the compact revision is absent there');
        await write(driver, k.put('a', '4'));
        const {kvs: again} = await driver.range(k.all);
        assert.equal(again[0]?.version, 1, 'a key that comes back begins anew');
      },
    },
    {
      name: 'ends a watch that would start before it, and tells where it can start',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const r1 = await write(driver, k.put('a', '1'));
        await write(driver, k.put('a', '2'));
        const r3 = await write(driver, k.put('a', '3'));
        const r4 = await write(driver, k.put('a', '4'));
        await driver.compact({revision: r3});

        for (const handle of [driver, await open()]) {
          for (const startRevision of [r1, r3 - 1]) {
            const error = await rejects(
              handle.watch({...k.all, startRevision}).next(),
              'KVI_COMPACTED',
              `events from revision ${String(startRevision)} on were compacted at ${String(r3)}`,
            );
            assert.equal(error.compactRevision, r3, 'the error tells the oldest revision that is left');
          }
          const watch = handle.watch({...k.all, startRevision: r3, prevKv: true});
          assert.deepEqual(
            await watchReader(k, watch).take(2),
            [`@${String(r3)} put a=3`, `@${String(r4)} put a=4 was a=3`],
            'a watch can begin at the compact revision; what was before it is no longer known',
          );
          await watch.return();
        }
      },
    },
    {
      name: 'does not affect a watch that has already seen what is discarded',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const watch = driver.watch(k.all);
        const reader = watchReader(k, watch);
        await watch.created;
        const r1 = await write(driver, k.put('a', '1'));
        assert.deepEqual(await reader.take(1), [`@${String(r1)} put a=1`], 'the watch is live');
        const r2 = await write(driver, k.put('b', '2'));
        const r3 = await write(driver, k.put('a', '3'));
        await driver.compact({revision: r3});
        const r4 = await write(driver, k.deleteRange('a', 'c'));
        assert.deepEqual(
          await reader.take(4),
          [`@${String(r2)} put b=2`, `@${String(r3)} put a=3`, `@${String(r4)} delete a, delete b`],
          'a live watch is given what happened, whatever is compacted',
        );
      },
    },
  ],
};
