import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {revisionOf, times, write} from './steps.ts';
import {watchReader} from './watch-reader.ts';

/** Watches with a start revision. */
export const watchPast: ContractGroup = {
  name: 'a watch from a revision',
  cases: [
    {
      name: 'of the past delivers what happened since, then new changes',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('a', '0'));
        const r1 = await write(driver, k.put('a', '1'), k.put('b', '1'));
        const r2 = await write(driver, k.deleteRange('a'));
        const r3 = await write(driver, k.put('a', '3'));
        const changes = driver.watch({...k.all, startRevision: r1, prevKv: true});
        assert.equal(await changes.created, r1, 'it is in place from the revision that was asked for');
        const r4 = await write(driver, k.put('a', '4'));
        assert.deepEqual(
          await watchReader(k, changes).take(5),
          [
            `@${String(r1)} put a=1 was a=0, put b=1`,
            `@${String(r2)} delete a was a=1`,
            `@${String(r3)} put a=3`,
            `@${String(r4)} put a=4 was a=3`,
          ],
          'history, with what was before each, and then the present',
        );
      },
    },
    {
      name: 'of the past applies its keys and filters to the past too',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const r1 = await write(driver, k.put('a', '1'), k.put('b', '1'), k.put('c', '1'));
        const r2 = await write(driver, k.deleteRange('a', 'c'));
        const r3 = await write(driver, k.put('b', '3'));
        const key = driver.watch({...k.range('b'), startRevision: r1});
        assert.deepEqual(
          await watchReader(k, key).take(3),
          [`@${String(r1)} put b=1`, `@${String(r2)} delete b`, `@${String(r3)} put b=3`],
          'the history of one key',
        );
        const deletions = driver.watch({...k.all, startRevision: r1, filters: ['noput']});
        assert.deepEqual(
          await watchReader(k, deletions).take(2),
          [`@${String(r2)} delete a, delete b`],
          'the history without puts',
        );
      },
    },
    {
      name: 'that is the present one starts with it',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('a', '1'));
        const r2 = await write(driver, k.put('a', '2'));
        const present = driver.watch({...k.all, startRevision: r2});
        const next = driver.watch({...k.all, startRevision: r2 + 1});
        await Promise.all([present.created, next.created]);
        const r3 = await write(driver, k.put('a', '3'));
        assert.deepEqual(
          await watchReader(k, present).take(2),
          [`@${String(r2)} put a=2`, `@${String(r3)} put a=3`],
          'the start revision is included',
        );
        assert.deepEqual(
          await watchReader(k, next).take(1),
          [`@${String(r3)} put a=3`],
          'where a reader left off, plus one, is where it goes on',
        );
      },
    },
    {
      name: 'of the future waits for it',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const now = await revisionOf(driver);
        const changes = driver.watch({...k.all, startRevision: now + 3});
        assert.equal(await changes.created, now + 3, 'it is in place for the revision that was asked for');
        for (const value of ['1', '2', '3', '4']) await write(driver, k.put('a', value));
        assert.deepEqual(
          await watchReader(k, changes).take(2),
          [`@${String(now + 3)} put a=3`, `@${String(now + 4)} put a=4`],
          'what comes before that revision is not wanted',
        );
      },
    },
    {
      name: 'catches up with thousands of revisions while more are written, without gaps or repetitions',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const other = await open();
        const written: {revision: number; event: string}[] = [];
        const writeMany = (handle: typeof driver, from: number, count: number) =>
          times(count, async (i) => {
            const name = String(i % 7);
            const value = String(from + i);
            written.push({
              revision: await write(handle, k.put(name, value)),
              event: `put ${name}=${value}`,
            });
          });

        const first = await write(driver, k.put('start', ''));
        await writeMany(driver, 0, 2500);
        const early = driver.watch({...k.all, startRevision: first + 1});
        const concurrent = writeMany(other, 2500, 1500);
        const late = driver.watch({...k.all, startRevision: first + 1});
        await Promise.all([concurrent, early.created, late.created]);
        await write(driver, k.put('end', ''));

        const expected = written
          .sort((a, b) => a.revision - b.revision)
          .map(({revision, event}) => `@${String(revision)} ${event}`);
        for (const changes of [early, late]) {
          const lines = await watchReader(k, changes).takeUntil('end');
          assert.deepEqual(lines.slice(0, -1), expected, 'each revision comes once, none is left out');
        }
      },
    },
    {
      name: 'of now, while others write, misses nothing from the one that created tells',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const other = await open();
        const writing = times(500, (i) => write(other, k.put('a', String(i))));
        const watches = await times(20, async () => {
          const changes = driver.watch(k.all);
          return {changes, first: await changes.created};
        });
        const written = (await writing).sort((a, b) => a - b);
        await write(driver, k.put('end', ''));
        for (const {changes, first} of watches) {
          const lines = await watchReader(k, changes).takeUntil('end');
          assert.deepEqual(
            lines.slice(0, -1).map((line) => Number(/^@(\d+)/.exec(line)?.[1])),
            written.filter((revision) => revision >= first),
            'from the first revision on, everything is delivered',
          );
        }
      },
    },
  ],
};
