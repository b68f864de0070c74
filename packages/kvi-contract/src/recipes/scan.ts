import assert from 'node:assert/strict';
import type {Kvi} from 'kvi-core';
import {type LevelEntry, scan, scanLevel} from 'kvi-core/recipes';
import {assertFails} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {recorded, revisionOf, storeMany} from './export-helpers.ts';

async function all<T>(entries: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

/** The keys and folders of a level, without the case's prefix. */
async function levelOf(kv: Kvi, {key}: CaseContext, prefix: string): Promise<string[]> {
  const entries: LevelEntry[] = await all(scanLevel(kv, key(prefix)));
  return entries.map((entry) => ('folder' in entry ? entry.folder : entry.found.key).slice(key('').length));
}

/** Goes through keys that may be many. */
export const scans: ContractGroup = {
  name: 'a scan',
  cases: [
    {
      name: 'has each key of a range once, in order, as of one revision',
      async run({kv, key}) {
        const names = await storeMany(kv, key('m/'), 1_200);
        const before = await kv.getRange({prefix: key('m/')});
        const found = [];
        for await (const each of scan(kv, {prefix: key('m/')})) {
          if (found.length === 0) {
            await kv.delete({start: names[1] ?? '', end: names[1_100]});
            await kv.store(key('m/later'), 'v');
          }
          found.push(each);
        }
        assert.deepEqual(found, before);
        assert.equal((await all(scan(kv, {prefix: key('m/')}))).length, 102);
        assert.deepEqual(await all(scan(kv, key('m/later'))), [await kv.getKeyValue(key('m/later'))]);
        assert.deepEqual(
          await all(scan(kv, {start: names[1_150] ?? '', end: names[1_152]})),
          before.slice(1_150, 1_152),
        );
        assert.deepEqual(await all(scan(kv, {prefix: key('none/')})), []);
      },
    },
    {
      name: 'has the store as it was at a revision, and leaves out values',
      async run({kv, key}) {
        await kv.store(key('a'), '1');
        const revision = await revisionOf(kv);
        await kv.store(key('a'), '2');
        for (const [options, values] of [
          [{}, ['2']],
          [{revision: 0}, ['2']],
          [{revision}, ['1']],
          [{revision, keysOnly: true}, ['']],
        ] as const) {
          const found = await all(scan(kv, {prefix: key('')}, options));
          assert.deepEqual(
            found.map(({value}) => value),
            values,
          );
        }
      },
    },
    {
      name: 'ends with KVI_COMPACTED if its revision is compacted meanwhile',
      async run({kv, key}) {
        await storeMany(kv, key('m/'), 700);
        for (const options of [{}, {revision: 0}]) {
          const entries = scan(kv, {prefix: key('m/')}, options);
          await entries.next();
          await kv.store(key('m/later'), 'v');
          await kv.compact(await revisionOf(kv));
          await assertFails('KVI_COMPACTED', () => all(entries), 'it would be of two revisions');
        }
      },
    },
    {
      name: 'has keys of any bytes',
      async run({kv, key}) {
        const prefix = Buffer.concat([Buffer.from(key('')), Buffer.of(0xff)]);
        const [low, high] = [0, 0xff].map((byte) => Buffer.concat([prefix, Buffer.of(byte)]));
        assert.ok(low && high);
        for (const name of [low, high]) await kv.bytes.store(name, Buffer.of(0xfe));
        const found = await all(scan(kv.bytes, {prefix}));
        assert.deepEqual(
          found.map(({key: name, value}) => [name, value]),
          [low, high].map((name) => [Uint8Array.from(name), Uint8Array.of(0xfe)]),
        );
        await assertFails('KVI_NOT_TEXT', () => all(scan(kv, {prefix})), 'they are no text');
        await assertFails('KVI_NOT_TEXT', () => all(scanLevel(kv, prefix)), 'they are no text');
      },
    },
    {
      name: 'of a level has its keys, and each folder once',
      async run(context) {
        const {kv, key} = context;
        for (const name of ['b', 'a/x', 'a/y/z', 'a', 'a-b', 'c/d/e', 'c/']) await kv.store(key(name), '1');
        assert.deepEqual(await levelOf(kv, context, ''), ['a', 'a-b', 'a/', 'b', 'c/']);
        assert.deepEqual(await levelOf(kv, context, 'c/'), ['c/', 'c/d/']);
        assert.deepEqual(await levelOf(kv, context, 'a'), ['a', 'a-b', 'a/']);
        assert.deepEqual(await levelOf(kv, context, 'd'), []);
        const [entry] = await all(scanLevel(kv, key('b'), {keysOnly: true}));
        assert.ok(entry && 'found' in entry);
        assert.equal(entry.found.value, '');
      },
    },
    {
      name: 'of a level passes over the keys of a folder without reading them all',
      async run(context) {
        const {kv, key} = context;
        await storeMany(kv, key('m/1/'), 3_000);
        await storeMany(kv, key('m/2/'), 3_000);
        await kv.store(key('m/3'), '1');
        await kv.store(key('m/0'), '1');
        const {client, ranges} = await recorded(context);
        assert.deepEqual(await levelOf(client, context, 'm/'), ['m/0', 'm/1/', 'm/2/', 'm/3']);
        assert.ok(ranges.length <= 12, `${String(ranges.length)} reads`);
      },
    },
    {
      name: 'reads no more than its consumer takes, and ends with the signal',
      async run(context) {
        const {kv, key} = context;
        await storeMany(kv, key('m/'), 700);
        const {client, ranges} = await recorded(context);
        await scan(client, {prefix: key('m/')}).next();
        assert.equal(ranges.length, 1);
        const controller = new AbortController();
        const entries = scan(kv, {prefix: key('m/')}, {signal: controller.signal});
        await entries.next();
        controller.abort();
        await assertFails('KVI_ABORTED', () => all(entries), 'it is aborted');
      },
    },
    {
      name: 'is refused at once for what is no range, no option or no handle',
      async run(context) {
        const {kv, key} = context;
        const calls = {
          'an empty key': () => scan(kv, ''),
          'no keys': () => scan(kv, wrong(undefined)),
          'a number': () => scanLevel(kv, wrong(7)),
          'an unknown option': () => scan(kv, key('a'), wrong({limit: 1})),
          'a revision below 0': () => scanLevel(kv, key('a'), {revision: -1}),
          'keysOnly that is no boolean': () => scan(kv, key('a'), {keysOnly: wrong(1)}),
          'no handle': () => scan(wrong({}), key('a')),
        };
        await assertRefused(context, calls, 'it is refused', {
          'a number': /^prefix must be/,
          'no handle': /handle/,
        });
      },
    },
  ],
};
