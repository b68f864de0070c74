import assert from 'node:assert/strict';
import {createKvi, type GetRangeOptions, type Kvi} from 'kvi-core';
import type {Driver} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {assertFails} from './helpers.ts';

const count = 3000;

function nameOf(i: number): string {
  return String(i).padStart(4, '0');
}

/** Stores `count` keys, a hundred per transaction. */
async function storeMany(kv: Kvi, key: (name: string) => string, value: string): Promise<void> {
  for (let start = 0; start < count; start += 100) {
    const names = Array.from({length: 100}, (_, i) => nameOf(start + i));
    await kv.txn({success: names.map((name) => ({type: 'put', key: key(name), value}))});
  }
}

/** A driver that runs something before each page but the first. */
function betweenPages(driver: Driver, happen: () => Promise<void>): Driver {
  let pages = 0;
  return {
    ...driver,
    async range(...args) {
      pages += 1;
      if (pages === 2) await happen();
      return driver.range(...args);
    },
  };
}

/** Large ranges, which take several requests to read. */
export const paging: ContractGroup = {
  name: 'large ranges',
  cases: [
    {
      name: 'thousands of keys are all read, in order, exactly once, in either direction',
      async run({kv, key, prefix}) {
        await storeMany(kv, key, 'v');
        const expected = Array.from({length: count}, (_, i) => key(nameOf(i)));
        const read = async (options: GetRangeOptions) =>
          (await kv.getRange({prefix}, options)).map((found) => found.key);
        assert.deepEqual(await read({}), expected, 'every key comes once, ascending');
        assert.deepEqual(
          await read({sortOrder: 'descend'}),
          expected.toReversed(),
          'every key comes once, descending',
        );
        assert.deepEqual(await read({limit: 1700}), expected.slice(0, 1700), 'a limit counts over all pages');
        assert.deepEqual(
          await read({limit: 1700, sortOrder: 'descend', keysOnly: true}),
          expected.toReversed().slice(0, 1700),
          'descending, a limit counts from the end',
        );
        const {more, count: counted} = await kv.range({prefix}, {limit: 1700});
        assert.deepEqual([more, counted], [true, count], 'more and count speak of the whole range');
        assert.equal((await kv.range({prefix})).more, false, 'nothing is cut off without a limit');
      },
    },
    {
      name: 'a large range is one state of the store while another handle writes',
      async run({kv, openKvi, key, prefix}) {
        await storeMany(kv, key, 'v');
        const writer = await openKvi();
        let reading = true;
        async function write() {
          const names = Array.from({length: 30}, (_, i) => nameOf(i * 100));
          for (let round = 0; reading; round += 1) {
            await writer.txn({
              success: names.map((name) => ({type: 'put', key: key(name), value: `round ${String(round)}`})),
            });
          }
        }
        const writing = write();
        try {
          for (let i = 0; i < 5; i += 1) {
            const {kvs, revision} = await kv.range({prefix});
            const written = new Set(kvs.filter((_, k) => k % 100 === 0).map(({value}) => value));
            assert.equal(written.size, 1, 'keys that are written in one transaction are read as of one');
            assert.ok(
              kvs.every(({modRevision}) => modRevision <= revision),
              'nothing is newer than the revision',
            );
          }
        } finally {
          reading = false;
          await writing;
        }
      },
    },
    {
      name: 'a large range at a past revision is read as it was, on every page',
      async run({kv, key, prefix}) {
        await storeMany(kv, key, 'before');
        const {revision} = await kv.range({prefix}, {countOnly: true});
        await storeMany(kv, key, 'after');
        await kv.delete(key(nameOf(count - 1)));
        const kvs = await kv.getRange({prefix}, {revision});
        assert.equal(kvs.length, count, 'every key of the past is there');
        assert.ok(
          kvs.every(({value}) => value === 'before'),
          'every page is of the revision that was asked for',
        );
      },
    },
    {
      name: 'a range may be larger than a message',
      async run({kv, key, prefix}) {
        const value = 'x'.repeat(1_000_000);
        for (let i = 0; i < 12; i += 1) await kv.store(key(String.fromCharCode(0x61 + i)), value);
        const kvs = await kv.getRange({prefix});
        assert.equal(kvs.length, 12, 'twelve megabytes can be read');
        assert.ok(
          kvs.every((found) => found.value === value),
          'and each value is whole',
        );
      },
    },
    {
      name: 'a compaction between two pages is not noticed: the range is read again',
      async run({kv, open, key, prefix}) {
        await storeMany(kv, key, 'before');
        const driver = await open();
        const reader = createKvi(
          betweenPages(driver, async () => {
            const {revision} = await driver.txn({
              success: [{type: 'put', key: Buffer.from(key('z')), value: Buffer.from('after')}],
            });
            await driver.compact({revision});
          }),
        );
        const kvs = await reader.getRange({prefix});
        assert.equal(kvs.length, count + 1, 'the range is complete');
        assert.equal(kvs.at(-1)?.value, 'after', 'and it is the state after the compaction');
      },
    },
    {
      name: 'a compaction between two pages of a past revision is an error: that revision is gone',
      async run({kv, open, key, prefix}) {
        await storeMany(kv, key, 'before');
        const {revision} = await kv.range({prefix}, {countOnly: true});
        const driver = await open();
        const reader = createKvi(
          betweenPages(driver, async () => {
            await kv.store(key('z'), 'after');
            await driver.compact({revision: revision + 1});
          }),
        );
        await assertFails(
          'KVI_COMPACTED',
          () => reader.getRange({prefix}, {revision}),
          'a revision that was asked for by its number is never replaced by another',
        );
      },
    },
  ],
};
