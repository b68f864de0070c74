import assert from 'node:assert/strict';
import {setImmediate as othersHaveTheirTurn} from 'node:timers/promises';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {get, times, write} from './steps.ts';
import {watchReader} from './watch-reader.ts';

/** Concurrent calls on many handles. */
export const concurrency: ContractGroup = {
  name: 'calls at the same time',
  cases: [
    {
      name: 'lose no compare-and-swap',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const key = k.key('counter');
        const created = await write(driver, k.put('counter', '0'));
        const changes = driver.watch(k.range('counter'));
        await changes.created;

        const handles = [driver, await open(), await open(), await open()];
        const eachAdds = 25;
        const addOne = async (handle: typeof driver): Promise<void> => {
          for (;;) {
            const kv = await get(handle, key);
            assert.ok(kv, 'the counter is there');
            const {succeeded} = await handle.txn({
              compare: [{key, target: 'mod', result: '=', modRevision: kv.modRevision}],
              success: [k.put('counter', String(Number(Buffer.from(kv.value).toString()) + 1))],
            });
            if (succeeded) return;
          }
        };
        await Promise.all(
          handles.map(async (handle) => {
            for (let i = 0; i < eachAdds; i += 1) await addOne(handle);
          }),
        );
        const total = handles.length * eachAdds;
        const expected = Array.from({length: total}, (_, i) => `put counter=${String(i + 1)}`);
        const lines = await watchReader(k, changes).take(total);
        assert.deepEqual(
          lines.map((line) => line.replace(/^@\d+ /, '')),
          expected,
          'each addition counted once, in order',
        );
        const last = await get(driver, key);
        assert.equal(last?.version, total + 1, 'whoever was told that the compare failed did not write');
        assert.equal(last.createRevision, created, 'it is the same key');
      },
    },
    {
      name: 'each have a revision of their own',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const other = await open();
        const before = await write(driver, k.put('start', ''));
        const count = 200;
        const revisions = await times(count, (i) =>
          write(i % 2 === 0 ? driver : other, k.put(String(i), '')),
        );
        assert.deepEqual(
          revisions.sort((a, b) => a - b),
          Array.from({length: count}, (_, i) => before + 1 + i),
          'no revision is given twice, and none is left out',
        );
      },
    },
    {
      name: 'see what was done before they started, through any handle',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const other = await open();
        for (let i = 0; i < 50; i += 1) {
          const [writer, reader] = i % 2 === 0 ? [driver, other] : [other, driver];
          const written = await write(writer, k.put('a', String(i)));
          const {kvs, revision} = await reader.range(k.range('a'));
          assert.equal(k.kvs(kvs), `a=${String(i)}`, 'a read sees every write that was answered before it');
          assert.ok(revision >= written, 'revisions never go back');
        }
      },
    },
    {
      name: 'see a transaction whole or not at all',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const other = await open();
        await write(driver, k.put('a', '0'), k.put('b', '0'));
        let isWriting = true;
        const writing = times(200, (i) => write(driver, k.put('a', String(i)), k.put('b', String(i))));
        const written = writing.finally(() => (isWriting = false));
        const reads = times(50, async () => {
          do {
            const {kvs} = await other.range(k.all);
            const [a, b] = kvs.map(({value}) => Buffer.from(value).toString());
            assert.equal(a, b, 'both keys are always written together');
            // Gives a driver that writes step by step the time for the next step.
            await othersHaveTheirTurn();
          } while (isWriting);
        });
        await Promise.all([written, reads]);
      },
    },
  ],
};
