import assert from 'node:assert/strict';
import type {Kvi} from 'kvi-core';
import {type Bytes, noLease} from 'kvi-core/driver';
import {exportKeys, importKeys, type ImportedChange, type ImportKeysOptions} from 'kvi-core/recipes';
import {assertFails, contents, grantLease, keysOf, leaseOf, storeAll} from '../kvi/helpers.ts';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {exported, exportOf, recorded, revisionOf, storeMany} from './export-helpers.ts';

/** What an import did, in the order in which it was told. */
async function changesOf(kv: Kvi, lines: string[], prefix: string, options: ImportKeysOptions = {}) {
  const told: string[] = [];
  const onChange = ({type, key}: ImportedChange) => void told.push(`${type} ${key.slice(prefix.length)}`);
  const result = await importKeys(kv, lines, {...options, onChange});
  return {result, told};
}

const nothing = {revision: 7, created: 0, changed: 0, unchanged: 0, deleted: 0, skipped: 0};

/** A store with a bit of everything, and an export that is to become its keys below `x/`. */
async function mixed({kv, driver, key}: CaseContext) {
  const lease = await grantLease(driver);
  await storeAll(kv, {key}, ['w', 'x', 'x/a', 'x/b', 'x/d', 'x/m1', 'x/m2', 'x/z', 'x0', 'y']);
  for (const name of ['x/l1', 'x/l2', 'x/m3']) await kv.store(key(name), 'leased', {lease});
  const entries = {a: 'X/A', b: 'new', c: 'C', d: '', l1: 'leased', l2: 'other'};
  const [header = '', ...rest] = exportOf(key('from/'), entries);
  const leased = JSON.stringify({key: key('from/e'), value: 'E', lease: 'abc'});
  const lines = [
    header,
    ...rest.slice(0, 4),
    leased,
    ...rest.slice(4, -1),
    '{"type":"end","keys":7,"skipped":0}',
  ];
  return {lines, lease, around: ['w=W', 'x=X', 'x0=X0', 'y=Y']};
}

/** What {@link mixed} becomes, with which options. */
const outcomes: {options: ImportKeysOptions; result: object; told: string[]; left: string[]}[] = [
  {
    options: {},
    result: {created: 1, changed: 2, unchanged: 1, deleted: 0, skipped: 3},
    told: ['skipped e', 'skipped l1', 'skipped l2', 'changed b', 'created c', 'changed d'],
    left: [
      'a=X/A',
      'b=new',
      'c=C',
      'd=',
      'l1=leased',
      'l2=leased',
      'm1=X/M1',
      'm2=X/M2',
      'm3=leased',
      'z=X/Z',
    ],
  },
  {
    options: {deleteMissing: true},
    result: {created: 1, changed: 2, unchanged: 1, deleted: 3, skipped: 4},
    told: [
      ...['skipped e', 'skipped l1', 'skipped l2', 'skipped m3'],
      ...['changed b', 'created c', 'changed d', 'deleted m1', 'deleted m2', 'deleted z'],
    ],
    left: ['a=X/A', 'b=new', 'c=C', 'd=', 'l1=leased', 'l2=leased', 'm3=leased'],
  },
  {
    options: {leased: true},
    result: {created: 2, changed: 2, unchanged: 1, deleted: 0, skipped: 2},
    told: ['skipped l1', 'skipped l2', 'changed b', 'created c', 'changed d', 'created e'],
    left: [
      ...['a=X/A', 'b=new', 'c=C', 'd=', 'e=E', 'l1=leased', 'l2=leased'],
      ...['m1=X/M1', 'm2=X/M2', 'm3=leased', 'z=X/Z'],
    ],
  },
  {
    options: {deleteMissing: true, overwriteLeased: true},
    result: {created: 1, changed: 4, unchanged: 1, deleted: 4, skipped: 1},
    told: [
      ...['skipped e', 'changed b', 'created c', 'changed d', 'changed l1', 'changed l2'],
      ...['deleted m1', 'deleted m2', 'deleted m3', 'deleted z'],
    ],
    left: ['a=X/A', 'b=new', 'c=C', 'd=', 'l1=leased', 'l2=other'],
  },
];

/** Keys on their way in. */
export const imports: ContractGroup = {
  name: 'an import',
  cases: [
    {
      name: 'brings back what was exported, under its prefix or another; a second run writes nothing',
      async run({kv, key, prefix}) {
        await storeMany(kv, key('from/'), 1000);
        await storeAll(kv, {key}, ['from/', 'from/0\u0000', 'to']);
        const lines = await exported(kv, {prefix: key('from/')});
        const {revision} = JSON.parse(lines[0] ?? '') as {revision: number};
        const counts = {...nothing, revision};
        const before = await contents(kv, {prefix: key('from/')});
        assert.deepEqual(await importKeys(kv, lines, {prefix: key('to/')}), {...counts, created: 1002});
        assert.deepEqual(await contents(kv, {prefix: key('to/')}), before);
        const written = await revisionOf(kv);
        assert.deepEqual(await importKeys(kv, lines, {prefix: key('to/')}), {...counts, unchanged: 1002});
        assert.deepEqual(await importKeys(kv, lines), {...counts, unchanged: 1002});
        assert.equal(await revisionOf(kv), written, 'nothing was written');
        await kv.delete({prefix: key('from/')});
        assert.deepEqual(await importKeys(kv, lines), {...counts, created: 1002});
        assert.deepEqual(await contents(kv, {prefix: key('from/')}), before);
        assert.equal((await keysOf(kv, {prefix})).length, 2005);
      },
    },
    {
      name: 'copies from store to store, or within one, as the lines are read',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        await storeMany(kv, key('from/'), 300);
        const {created} = await importKeys(other, exportKeys(kv, {prefix: key('from/')}), {
          prefix: key('from/copy/'),
        });
        assert.equal(created, 300, 'what it writes is not read: it is of a later revision');
        const merged = await importKeys(kv, exportKeys(other, {prefix: key('from/copy/')}), {
          prefix: key('from/'),
          deleteMissing: true,
        });
        assert.deepEqual(merged, {...nothing, revision: merged.revision, unchanged: 300, deleted: 300});
      },
    },
    ...outcomes.map(({options, result, told, left}) => ({
      name: `writes what differs, leaves keys under leases, and a dry run tells the same: ${JSON.stringify(options)}`,
      async run(context: CaseContext) {
        const {kv, driver, key, prefix} = context;
        const {lines, lease, around} = await mixed(context);
        const all = {...options, prefix: key('x/')};
        const [before, revision] = [await contents(kv, {prefix}), await revisionOf(kv)];
        const dry = await changesOf(kv, lines, key('x/'), {...all, dryRun: true});
        assert.equal(await revisionOf(kv), revision, 'a dry run writes nothing');
        assert.deepEqual(await contents(kv, {prefix}), before);
        const real = await changesOf(kv, lines, key('x/'), all);
        assert.deepEqual(real.result, {revision: 7, ...result});
        assert.deepEqual(dry, real, 'a dry run tells what an import does');
        assert.deepEqual(real.told.toSorted(), told.toSorted());
        assert.deepEqual(await contents(kv, {prefix: key('x/')}), left);
        const others = (await contents(kv, {prefix})).filter((entry) => !entry.startsWith('x/'));
        assert.deepEqual(others, around, 'what lies around it stays');
        const isLeased = options.overwriteLeased !== true;
        assert.equal(await leaseOf(kv, key('x/l1')), isLeased ? lease : noLease);
        const again = await changesOf(kv, lines, key('x/'), all);
        const {skipped} = real.result;
        assert.deepEqual(again.result, {
          ...nothing,
          unchanged: 7 - skipped + (options.deleteMissing && isLeased ? 1 : 0),
          skipped,
        });
        await driver.leaseRevoke(lease);
      },
    })),
    {
      name: 'deletes what is missing in the range that was exported, wherever its keys are, and nothing else',
      async run({kv, key, prefix}) {
        const range = {start: key('b'), end: key('d')};
        await storeAll(kv, {key}, ['b2', 'c']);
        const lines = await exported(kv, range);
        await kv.delete(key('b2'));
        await storeAll(kv, {key}, ['a', 'b', 'b1', 'b3', 'c1', 'd']);
        const {result} = await changesOf(kv, lines, prefix, {deleteMissing: true});
        assert.deepEqual(result, {
          ...nothing,
          revision: result.revision,
          created: 1,
          unchanged: 1,
          deleted: 4,
        });
        assert.deepEqual(await contents(kv, {prefix}), ['a=A', 'b2=B2', 'c=C', 'd=D']);
        await kv.delete(key('c'));
        const none = await exported(kv, key('c'));
        await storeAll(kv, {key}, ['c', 'c0']);
        assert.equal((await importKeys(kv, none, {deleteMissing: true})).deleted, 1, 'a single key');
        assert.deepEqual(await keysOf(kv, {prefix}), ['a', 'b2', 'c0', 'd']);
        await storeMany(kv, key('x/'), 700);
        const empty = exportOf(key('x/'), {});
        assert.equal((await importKeys(kv, empty, {deleteMissing: true})).deleted, 700, 'all of them');
        assert.deepEqual(await keysOf(kv, {prefix}), ['a', 'b2', 'c0', 'd']);
      },
    },
    {
      name: 'reads of the store what lies near the keys of the export, unless it looks for missing ones',
      async run(context) {
        const {kv, key} = context;
        const names = await storeMany(kv, key('x/'), 2000);
        const entry = (i: number) => (names[i] ?? '').slice(key('x/').length);
        const lines = exportOf(key('x/'), {[entry(5)]: 'v', [entry(1000)]: 'w', [entry(1900)]: 'v'});
        const read = [];
        for (const deleteMissing of [false, true]) {
          const {client, pages} = await recorded(context);
          const {unchanged, changed, deleted} = await importKeys(client, lines, {
            deleteMissing,
            dryRun: true,
          });
          assert.deepEqual([unchanged, changed, deleted], [2, 1, deleteMissing ? 1997 : 0]);
          read.push(pages.reduce((sum, {kvs}) => sum + kvs.length, 0));
          await client.close();
        }
        assert.ok((read[0] ?? 0) <= 32 + 64 + 128, `it read ${String(read[0])} keys`);
        assert.equal(read[1], 2000);
      },
    },
    {
      name: 'takes an export that began again as two, and the second one counts',
      async run({kv, key}) {
        const [header = '', ...entries] = exportOf(key('x/'), {a: '1', b: '1', c: '1'});
        const restart = '{"type":"restart","revision":9}';
        const [, ...rest] = exportOf(key('x/'), {a: '1', c: '2', d: '2'});
        const lines = [header, ...entries.slice(0, 3), restart, ...rest];
        await storeAll(kv, {key}, ['x/c', 'x/z']);
        const dry = await changesOf(kv, lines, key('x/'), {dryRun: true, deleteMissing: true});
        const expected = {...nothing, revision: 9, created: 2, changed: 1, deleted: 1};
        assert.deepEqual(dry.result, expected, 'a dry run counts what would be written');
        assert.deepEqual((await changesOf(kv, lines, key('x/'), {deleteMissing: true})).result, expected);
        assert.deepEqual(await contents(kv, {prefix: key('x/')}), ['a=1', 'c=2', 'd=2']);
        const many = {
          a: '1',
          ...Object.fromEntries(Array.from({length: 200}, (_, i) => [`m${String(1000 + i)}`, 'v'])),
        };
        const [, ...manyEntries] = exportOf(key('x/'), many);
        const written = [header, ...manyEntries.slice(0, -1), restart, ...rest];
        const counts = {...nothing, revision: 9, unchanged: 3};
        assert.deepEqual(await importKeys(kv, written, {dryRun: true}), counts, 'nothing was written');
        assert.deepEqual(await importKeys(kv, written), {...counts, created: 128}, 'what was written counts');
        assert.equal(
          (await importKeys(kv, written, {deleteMissing: true})).deleted,
          128,
          'unless they are deleted',
        );
        assert.deepEqual(await contents(kv, {prefix: key('x/')}), ['a=1', 'c=2', 'd=2']);
      },
    },
    {
      name: 'waits for what onChange returns, ends with what it throws, and tells keys as its handle does',
      async run({kv, key}) {
        const lines = exportOf(key('x/'), {a: '1', b: '2'});
        let running = 0;
        const told: string[] = [];
        await importKeys(kv, lines, {
          async onChange(change) {
            running += 1;
            assert.equal(running, 1, 'one after the other');
            await kv.get(key('k'));
            told.push(JSON.stringify(change));
            running -= 1;
          },
        });
        assert.deepEqual(told, [
          JSON.stringify({type: 'created', key: key('x/a')}),
          JSON.stringify({type: 'created', key: key('x/b')}),
        ]);
        const failure = new Error('enough');
        const more = exportOf(key('x/'), {c: '1', d: '2'});
        const onChange = () => Promise.reject(failure);
        await assert.rejects(importKeys(kv, more, {onChange}), (error) => error === failure);
        assert.deepEqual(
          await keysOf(kv, {prefix: key('x/')}),
          ['a', 'b', 'c', 'd'],
          'what is told is written',
        );

        const bytes = Buffer.concat([Buffer.from(key('x/')), Uint8Array.of(0xff)]);
        const [header = '', ...entries] = exportOf(key('x/'), {a: 'new'});
        const binary = JSON.stringify({keyBase64: bytes.toString('base64'), value: 'v'});
        const both = [header, entries[0] ?? '', binary, '{"type":"end","keys":2,"skipped":0}'];
        const error = await assertFails(
          'KVI_NOT_TEXT',
          () => importKeys(kv, both, {onChange: () => undefined}),
          'a key that is no text is not told as text',
        );
        assert.match(error.message, /^line 3, key .*through kv\.bytes \(keys written before: 0\)$/);
        assert.equal(await kv.get(key('x/a')), '1', 'and nothing is written');
        const keys: Bytes[] = [];
        await importKeys(kv.bytes, both, {onChange: (change) => void keys.push(change.key)});
        assert.deepEqual(keys, [new Uint8Array(Buffer.from(key('x/a'))), new Uint8Array(bytes)]);
        await kv.delete(bytes);
        await kv.bytes.store(bytes, 'v');
        const missing = await assertFails(
          'KVI_NOT_TEXT',
          () => importKeys(kv, lines, {deleteMissing: true, onChange: () => undefined}),
          'nor when it is to be deleted',
        );
        assert.match(missing.message, /^a missing key: the key /);
        assert.equal(await kv.get(bytes), 'v');
        await importKeys(kv, both);
      },
    },
    {
      name: 'refuses bad input before it reads a line',
      async run({kv, openKvi, key}) {
        let taken = 0;
        const lines = {
          *[Symbol.iterator]() {
            taken += 1;
            yield '';
          },
        };
        for (const [message, options] of [
          [/unknown option "revision"/, {revision: 1}],
          [/dryRun must be true or false/, {dryRun: 'yes'}],
          [/deleteMissing must be true or false/, {deleteMissing: 0}],
          [/leased must be true or false/, {leased: 'no'}],
          [/overwriteLeased must be true or false/, {overwriteLeased: null}],
          [/onChange must be a function/, {onChange: {}}],
          [/prefix must be a string or a Uint8Array/, {prefix: 1}],
          [/^an empty prefix with deleteMissing would delete/, {prefix: '', deleteMissing: true}],
          [
            /^an empty prefix with deleteMissing would delete/,
            {prefix: Buffer.alloc(0), deleteMissing: true},
          ],
          [/onUnknownOutcome must be/, {onUnknownOutcome: 'guess'}],
        ] as [RegExp, ImportKeysOptions][]) {
          const refused = () => importKeys(kv, lines, options);
          const error = await assertFails('KVI_INVALID_ARGUMENT', refused, String(message));
          assert.match(error.message, message);
        }
        for (const other of ['a text', undefined, null, 1, {}] as unknown as string[][]) {
          const error = await assertFails('KVI_INVALID_ARGUMENT', () => importKeys(kv, other), 'no lines');
          assert.match(error.message, /^lines must be an iterable of lines/);
        }
        await assertFails('KVI_INVALID_ARGUMENT', () => importKeys({} as Kvi, lines), 'it is no handle');
        const closed = await openKvi();
        await closed.close();
        await assertFails('KVI_CLOSED', () => importKeys(closed, lines), 'it is closed');
        const signal = AbortSignal.abort();
        await assertFails('KVI_ABORTED', () => importKeys(kv, lines, {signal}), 'it is aborted');
        assert.equal(taken, 0);
        assert.equal((await importKeys(kv, exportOf(key('x/'), {}), {prefix: ''})).created, 0);
      },
    },
  ],
};
