import assert from 'node:assert/strict';
import {createInterface} from 'node:readline';
import {Readable} from 'node:stream';
import type {Keys, Kvi} from 'kvi-core';
import {exportKeys, importKeys, type ExportKeysOptions} from 'kvi-core/recipes';
import {assertFails, grantLease, put, storeAll} from '../kvi/helpers.ts';
import type {ContractGroup} from '../suite.ts';
import {
  assertState,
  bytesUnder,
  exported,
  recorded,
  revisionOf,
  shortLines,
  storeMany,
} from './export-helpers.ts';

/** What is hard to carry through text: no UTF-8, and UTF-8 that JSON, readline or a decoder treats specially. */
const awkward: Uint8Array[] = [
  ...[
    '',
    '"\\',
    '\r\n',
    '\0',
    '\ufeffbom',
    '\u2028\u2029',
    '\u0085',
    '\u{1f600}',
    '\u{10ffff}',
    ' ',
    '{}',
  ].map((text) => Buffer.from(text)),
  ...['ff', 'c0af', 'eda080', 'e282', '80', 'f4908080', '61ff'].map((hex) => Buffer.from(hex, 'hex')),
  Uint8Array.from({length: 256}, (_, i) => i),
];

/** Keys on their way out. */
export const exports: ContractGroup = {
  name: 'an export',
  cases: [
    {
      name: 'has a first line that says what it is, the keys in byte order, and a last line with their number',
      async run({kv, key}) {
        await storeAll(kv, {key}, ['x/b', 'x/\u{10000}', 'x/\uffff', 'x/a', 'y']);
        const revision = await revisionOf(kv);
        const entry = (name: string) => ({key: key(name), value: name.toUpperCase()});
        const [a, b, high, astral] = ['x/a', 'x/b', 'x/\uffff', 'x/\u{10000}'].map(entry);
        for (const [keys, entries] of [
          [{prefix: key('x/')}, [a, b, high, astral]],
          [{prefix: key('none')}, []],
          [{start: key('x/b'), end: key('y')}, [b, high, astral]],
          [{start: key('x/b'), end: key('x/a')}, []],
          [{start: key('x/b')}, [b]],
        ] as const) {
          assert.deepEqual(
            (await exported(kv, keys)).map((line): unknown => JSON.parse(line)),
            [
              {type: 'kvi-export', version: 1, revision, keys},
              ...entries,
              {type: 'end', keys: entries.length, skipped: 0},
            ],
            JSON.stringify(keys),
          );
        }
        const [header, only] = await exported(kv, key('y'));
        assert.equal(
          header,
          `{"type":"kvi-export","version":1,"revision":${String(revision)},"keys":{"start":${JSON.stringify(key('y'))}}}`,
          'a single key is a range without an end',
        );
        assert.equal(only, JSON.stringify(entry('y')), 'key first, then value');
        assert.deepEqual(
          await exported(kv.bytes, {prefix: key('x/')}),
          await exported(kv, {prefix: key('x/')}),
          'text or bytes, it is the same',
        );
      },
    },
    {
      name: 'is exact to the byte, and survives a file that readline reads',
      async run({kv, key}) {
        const under = (name: string, suffix: Uint8Array) => Buffer.concat([Buffer.from(key(name)), suffix]);
        for (const bytes of awkward) await kv.bytes.store(under('x/', bytes), bytes);
        await kv.bytes.store(under('x/', Buffer.from('last')), Buffer.from('v'));
        for (const [i, bytes] of awkward.entries()) {
          const lines = await exported(kv, {prefix: under('x/', bytes)});
          await importLines(kv, lines, under(`one/${String(i)}/`, bytes));
          assert.deepEqual(
            await bytesUnder(kv, key(`one/${String(i)}/`)),
            (await bytesUnder(kv, key('x/'))).filter((entry) =>
              entry.startsWith(Buffer.from(bytes).toString('hex')),
            ),
            'the prefix is exact too',
          );
        }
        const lines = await exported(kv, {prefix: key('x/')});
        assert.ok(
          lines.every((line) => !/[\r\n\u2028\u2029]/.test(line)),
          'no line has a line end',
        );
        await importLines(kv, lines, key('copy/'));
        const before = await bytesUnder(kv, key('x/'));
        assert.equal(before.length, awkward.length + 1);
        assert.deepEqual(await bytesUnder(kv, key('copy/')), before);
        const text = lines.find((line) => line.includes('bom'));
        assert.match(text ?? '', /"value":"\ufeffbom"/, 'what is UTF-8 stays text');
        const range = await exported(kv, {
          start: under('x/', Buffer.of(0x80)),
          end: under('x/', Buffer.of(0xff)),
        });
        assert.match(range[0] ?? '', /"keys":\{"startBase64":"[^"]+","endBase64":"[^"]+"\}/);
        await kv.delete({prefix: key('copy/')});
        const {created} = await importKeys(kv, range);
        assert.equal(created, 0, 'a range of bytes comes back as it is');
      },
    },
    {
      name: 'is one state of the store, however many pages it has and whatever is written meanwhile',
      async run(context) {
        const {kv, prefix} = context;
        const names = await storeMany(kv, prefix, 1500);
        const revision = await revisionOf(kv);
        const lines: string[] = [];
        for await (const line of exportKeys(kv, {prefix})) {
          const next = names[lines.length + 40];
          if (lines.length % 100 === 0 && next !== undefined) {
            await kv.txn({
              success: [{type: 'deleteRange', key: next}, put(`${next}+`, 'new'), put(`${prefix}1`, 'x')],
            });
          }
          lines.push(line);
        }
        await assertState(kv, lines, prefix, revision);
        assert.equal(lines.at(-1), '{"type":"end","keys":1500,"skipped":0}');
        const past = await exported(kv, {prefix}, {revision});
        assert.deepEqual(past, lines, 'a revision that is named gives the same');
        assert.notDeepEqual(await exported(kv, {prefix}), lines);
      },
    },
    {
      name: 'reads pages that are small at first, and as large as values allow, when their lines are wanted',
      async run(context) {
        const {kv, key} = context;
        await storeMany(kv, key('small/'), 1600);
        for (let i = 0; i < 36; i += 1) await kv.store(key(`large/${String(i)}`), 'x'.repeat(256 * 1024));
        const {client, ranges, pages} = await recorded(context);
        await exported(client, {prefix: key('small/')});
        assert.deepEqual(
          ranges.map(({limit}) => limit),
          [undefined, 32, 64, 128, 256, 512, 512, 512],
          'a page has no more than 512 keys',
        );
        assert.equal(
          ranges.slice(2).every(({revision}) => revision === ranges[1]?.revision),
          true,
        );
        pages.splice(0);
        let taken = 0;
        for await (const line of exportKeys(client, {prefix: key('large/')})) {
          taken += 1;
          const read = pages.reduce((sum, {kvs}) => sum + kvs.length, 0);
          assert.ok(read < taken + 32, `no page is read ahead: ${line.slice(0, 60)}`);
        }
        const bytes = pages.slice(2).map(({kvs}) => kvs.reduce((sum, {value}) => sum + value.length, 0));
        assert.ok(
          bytes.length > 0 && bytes.every((size) => size <= 2 * 1024 * 1024),
          `later pages: ${String(bytes)}`,
        );
        await client.close();
      },
    },
    {
      name: 'leaves out keys under leases unless it is asked for them, and says how many',
      async run({kv, driver, key, prefix}) {
        const lease = await grantLease(driver);
        await storeAll(kv, {key}, ['a', 'c']);
        await kv.store(key('b'), 'B', {lease});
        const lock = await kv.distLock(key('lock'));
        const lines = await exported(kv, {prefix});
        assert.deepEqual(shortLines(lines, prefix), ['kvi-export', 'a=A', 'c=C', 'end']);
        assert.equal(lines.at(-1), '{"type":"end","keys":2,"skipped":2}');
        assert.deepEqual(await exported(kv, {prefix}, {leased: false}), lines);
        const all = await exported(kv, {prefix}, {leased: true});
        assert.deepEqual(shortLines(all, prefix).slice(0, 4), ['kvi-export', 'a=A', 'b=B', 'c=C']);
        assert.equal(all[2], JSON.stringify({key: key('b'), value: 'B', lease}), 'it names the lease');
        assert.equal(all.at(-1), '{"type":"end","keys":4,"skipped":0}');
        await lock.release();
        await driver.leaseRevoke(lease);
      },
    },
    {
      name: 'ends with KVI_COMPACTED when its revision is compacted, and says what to do',
      async run({kv, prefix}) {
        await storeMany(kv, prefix, 100);
        for (const named of [{}, {onCompacted: 'error'}, {revision: 1}] as const) {
          const options = 'revision' in named ? {revision: await revisionOf(kv)} : named;
          let taken = 0;
          const error = await assertFails(
            'KVI_COMPACTED',
            async () => {
              for await (const line of exportKeys(kv, {prefix}, options)) {
                taken += 1;
                if (taken === 2) await compactNow(kv, `${prefix}new`);
                assert.ok(line !== '' && taken < 100);
              }
            },
            'it cannot go on',
          );
          assert.match(error.message, /^revision \d+ was compacted during its export/);
          assert.equal((error.cause as {code?: unknown}).code, 'KVI_COMPACTED');
          assert.equal(taken, 33, 'the lines of the page that was read were told');
          if (!('revision' in options)) continue;
          const gone = exportKeys(kv, {prefix}, options);
          await assertFails(
            'KVI_COMPACTED',
            () => gone.next(),
            'what is gone before it begins is told at once',
          );
        }
      },
    },
    {
      name: "begins again with onCompacted 'restart', with a line that says so, as often as it has to",
      async run({kv, prefix, key}) {
        await storeMany(kv, key('x/'), 100);
        const lines: string[] = [];
        for await (const line of exportKeys(kv, {prefix: key('x/')}, {onCompacted: 'restart'})) {
          lines.push(line);
          if (lines.length === 2 || lines.length === 40) {
            await kv.delete(key(`x/00000${String(lines.length % 9)}`));
            await compactNow(kv, key('new'));
          }
        }
        const types = lines.flatMap((line, i) =>
          line.startsWith('{"type"') ? [[i, shortLines([line], prefix)[0]]] : [],
        );
        assert.deepEqual(
          types.map(([, type]) => type),
          ['kvi-export', 'restart', 'restart', 'end'],
        );
        const [, , [last = 0] = []] = types;
        const restart = JSON.parse(lines[Number(last)] ?? '') as {revision: number};
        assert.deepEqual(Object.keys(restart), ['type', 'revision']);
        const rest = lines.slice(Number(last) + 1);
        assert.equal(restart.revision, await revisionOf(kv), 'it begins again at the present revision');
        await assertState(kv, rest, key('x/'), restart.revision);
        assert.equal(rest.at(-1), `{"type":"end","keys":98,"skipped":0}`, 'the last line counts from there');
      },
    },
    {
      name: 'ends with its signal and its handle',
      async run({openKvi, kv, prefix}) {
        await storeMany(kv, prefix, 100);
        const handle = await openKvi();
        const controller = new AbortController();
        const aborted = exportKeys(kv, {prefix}, {signal: controller.signal});
        const closed = exportKeys(handle, {prefix});
        await aborted.next();
        await closed.next();
        controller.abort(new Error('enough'));
        await handle.close();
        const error = await assertFails('KVI_ABORTED', () => aborted.next(), 'its signal');
        assert.equal((error.cause as Error).message, 'enough');
        await assertFails('KVI_CLOSED', () => closed.next(), 'its handle');
        const options = {signal: controller.signal};
        assert.throws(() => exportKeys(kv, {prefix}, options), {code: 'KVI_ABORTED'});
        assert.throws(() => exportKeys(handle, {prefix}), {code: 'KVI_CLOSED'});
      },
    },
    {
      name: 'refuses bad input at once, and a revision that is not there yet when it begins',
      async run({kv, key}) {
        const refused: [message: RegExp, call: () => unknown][] = [
          [/kv must be a handle/, () => exportKeys({} as Kvi, key('k'))],
          [/keys must be/, () => exportKeys(kv, 1 as unknown as Keys)],
          [/keys must be/, () => exportKeys(kv, null as unknown as Keys)],
          [/not provided/, () => exportKeys(kv, '')],
          [/too large/, () => exportKeys(kv, 'x'.repeat(2 * 1024 * 1024))],
          ...[
            [/unknown option "prefix"/, {prefix: 'x'}],
            [/leased must be true or false/, {leased: 1}],
            [/onCompacted must be one of error, restart/, {onCompacted: 'resync'}],
            [/revision must be a whole number/, {revision: -1}],
            [/pass revision or onCompacted/, {revision: 1, onCompacted: 'restart'}],
            [/timeoutMs must be/, {timeoutMs: 0}],
          ].map(([message, options]): [RegExp, () => unknown] => [
            message as RegExp,
            () => exportKeys(kv, key('k'), options as ExportKeysOptions),
          ]),
        ];
        for (const [message, call] of refused) assert.throws(call, {code: 'KVI_INVALID_ARGUMENT', message});
        const early = exportKeys(kv, key('k'), {revision: (await revisionOf(kv)) + 1000});
        await assertFails('KVI_FUTURE_REVISION', () => early.next(), 'it is not there yet');
        assert.equal(
          (await exported(kv, key('k'), {revision: 0, onCompacted: 'restart'})).length,
          2,
          '0 is now',
        );
      },
    },
  ],
};

/** Imports lines from a file, as Node reads it. */
async function importLines(kv: Kvi, lines: readonly string[], prefix: Uint8Array | string): Promise<void> {
  const file = Readable.from(Buffer.from(lines.map((line) => `${line}\n`).join('')));
  await importKeys(kv, createInterface({input: file}), {prefix});
}

/** Writes, and forgets everything before. */
async function compactNow(kv: Kvi, key: string): Promise<void> {
  await kv.store(key, 'v');
  await kv.store(key, 'w');
  await kv.compact(await revisionOf(kv));
}
