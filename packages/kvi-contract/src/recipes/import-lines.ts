import assert from 'node:assert/strict';
import {importKeys} from 'kvi-core/recipes';
import {assertFails, contents, keysOf, storeAll} from '../kvi/helpers.ts';
import type {ContractGroup} from '../suite.ts';
import {exportOf} from './export-helpers.ts';

/** Lines that are refused in place of `{"key":"x/b",...}`, the third line of four, and why. `P` stands for the case's prefix. */
const refused: [message: RegExp, ...lines: unknown[]][] = [
  [/^line 3: not JSON: "{"/, '{'],
  [/^line 3: not JSON: .*key.*Px/, '{"key":"Px/b","va'],
  [/^line 3: not a JSON object: "\[\]"/, '[]'],
  [/^line 3: not a JSON object: "null"/, 'null'],
  [/^line 3: not a JSON object: "1"/, '1'],
  [/^line 3: a line must be a string, not 1/, 1],
  [/^line 3: a line must be a string, not undefined/, undefined],
  [/^line 3: key or keyBase64 is missing/, '{"value":"v"}'],
  [/^line 3: value or valueBase64 is missing/, '{"key":"Px/b"}'],
  [/^line 3: pass value or valueBase64, not both/, '{"key":"Px/b","value":"v","valueBase64":""}'],
  [/^line 3: key must be a string, not 1/, '{"key":1,"value":"v"}'],
  [/^line 3: value must be a string, not null/, '{"key":"Px/b","value":null}'],
  [/^line 3: valueBase64 must be a string, not null/, '{"key":"Px/b","valueBase64":null}'],
  [/^line 3: value has an unpaired surrogate/, '{"key":"Px/b","value":"\\ud800"}'],
  [/^line 3: valueBase64 is not base64: "_w=="/, '{"key":"Px/b","valueBase64":"_w=="}'],
  [/^line 3: valueBase64 is not base64: "\/w"/, '{"key":"Px/b","valueBase64":"/w"}'],
  [/^line 3: unknown field "ttl"/, '{"key":"Px/b","value":"v","ttl":1}'],
  [/^line 3: lease must be a string, not 1/, '{"key":"Px/b","value":"v","lease":1}'],
  [/^line 3: a lease id is lower-case hexadecimal/, '{"key":"Px/b","value":"v","lease":"XY"}'],
  [/^line 3: unknown type "put"; expected kvi-export, restart or end/, '{"type":"put"}'],
  [/^line 3: unknown type null/, '{"type":null}'],
  [/^line 3: revision must be a whole number, 0 or more, not "1"/, '{"type":"restart","revision":"1"}'],
  [/^line 3: unknown field "keys"/, '{"type":"restart","revision":1,"keys":{}}'],
  [/^line 3: keys must be a whole number, 0 or more, not 1\.5/, '{"type":"end","keys":1.5,"skipped":0}'],
  [/^line 3: skipped must be a whole number, 0 or more, not -1/, '{"type":"end","keys":1,"skipped":-1}'],
  [/^line 3: unknown field "value"/, '{"type":"end","keys":1,"skipped":0,"value":"v"}'],
  [/^line 3: the export had 2 keys, but 1 came before its end/, '{"type":"end","keys":2,"skipped":0}'],
  [/^line 3: the export had 0 keys, but 1 came before its end/, '{"type":"end","keys":0,"skipped":0}'],
  [/^line 4: the export has ended before this line/, '{"type":"end","keys":1,"skipped":0}'],
  [
    /^line 3: another export begins before the first one has ended/,
    '{"type":"kvi-export","version":1,"revision":7,"keys":{"prefix":"Px/"}}',
  ],
  [/^line 3: the key "Py" is outside of what was exported, \["Px\/", "Px0"\)/, '{"key":"Py","value":"v"}'],
  [/^line 3: the key "Px\/a" comes after "Px\/a"; keys must be in ascending/, '{"key":"Px/a","value":"v"}'],
  [/^line 3: the key "Px\/A" comes after "Px\/a"/, '{"key":"Px/A","value":"v"}'],
  [
    /^line 5: the export had 2 keys, but 1 came before its end/,
    '{"type":"restart","revision":8}\n{"key":"Px/a","value":"v"}',
  ],
];

/** First lines that are refused. */
const headers: [message: RegExp, line: string][] = [
  [/^line 1: an export must begin with a line of type kvi-export/, '{"key":"Px/a","value":"v"}'],
  [/^line 1: an export must begin with a line of type kvi-export/, '{"type":"end","keys":0,"skipped":0}'],
  [
    /^line 1: the format has version 2, and this kvi reads version 1/,
    '{"type":"kvi-export","version":2,"new":1}',
  ],
  [/^line 1: the format has version undefined/, '{"type":"kvi-export"}'],
  [
    /^line 1: unknown field "new"/,
    '{"type":"kvi-export","version":1,"revision":1,"keys":{"prefix":"Px/"},"new":1}',
  ],
  [/^line 1: revision must be a whole number/, '{"type":"kvi-export","version":1,"keys":{"prefix":"Px/"}}'],
  ...[
    ['keys must be an object, not \\[\\]', '[]'],
    ['keys must be an object, not null', 'null'],
    ['keys must be an object, not "Px/"', '"Px/"'],
    ['unknown field of keys "key"', '{"key":"Px/"}'],
    ['keys must have a prefix, or a start', '{}'],
    ['keys must have a prefix, or a start', '{"end":"Px/"}'],
    ['keys must have a prefix, or a start', '{"prefix":"Px/","end":"Px/"}'],
    ['keys must have a prefix, or a start', '{"prefix":"Px/","start":"Px/"}'],
    ['prefix must be a string, not 1', '{"prefix":1}'],
  ].map(([message = '', keys = '']): [RegExp, string] => [
    new RegExp(`^line 1: ${message}`),
    `{"type":"kvi-export","version":1,"revision":1,"keys":${keys}}`,
  ]),
];

/** What an import takes for an export, and what it does not. */
export const linesOfImports: ContractGroup = {
  name: 'the lines of an import',
  cases: [
    {
      name: 'a line that does not fit is refused by its number; nothing is written after it, and nothing deleted',
      async run({kv, key, prefix}) {
        await storeAll(kv, {key}, ['x/missing']);
        const [header, a, , end] = exportOf(key('x/'), {a: 'v', b: 'v'});
        for (const [message, line] of refused) {
          const bad = typeof line === 'string' ? line.replaceAll('P', prefix).split('\n') : [line];
          const lines = [header, a, ...bad, end] as string[];
          const error = await assertFails(
            'KVI_INVALID_ARGUMENT',
            () => importKeys(kv, lines, {deleteMissing: true}),
            String(message),
          );
          const told = error.message.replaceAll(prefix, 'P');
          assert.match(told, message);
          assert.match(told, / \(keys written before: 0\)$/, 'it tells what was written');
        }
        for (const [message, line] of headers) {
          const lines = ['', ' ', line.replaceAll('P', prefix), ...exportOf(key('x/'), {}).slice(1)];
          const error = await assertFails(
            'KVI_INVALID_ARGUMENT',
            () => importKeys(kv, lines),
            String(message),
          );
          const told = error.message.replaceAll(prefix, 'P').replace('line 3', 'line 1');
          assert.match(told, message, 'blank lines count');
        }
        assert.deepEqual(await contents(kv, {prefix}), ['x/missing=X/MISSING']);
      },
    },
    {
      name: 'an export that was cut off anywhere is refused, and deletes nothing; what came before is written',
      async run({kv, key}) {
        const entries = Object.fromEntries(
          Array.from({length: 300}, (_, i) => [`k${String(1000 + i)}`, 'v']),
        );
        const lines = exportOf(key('x/'), entries);
        await storeAll(kv, {key}, ['x/a', 'x/k1000x', 'x/z']);
        for (const length of [0, 1, 2, 129, 130, 301]) {
          const error = await assertFails(
            'KVI_INVALID_ARGUMENT',
            () => importKeys(kv, lines.slice(0, length), {deleteMissing: true}),
            `${String(length)} lines`,
          );
          const reason = length === 0 ? 'an export must begin' : 'the last line, of type end, is missing';
          assert.ok(error.message.startsWith(`line ${String(length + 1)}: ${reason}`), error.message);
          // Each transaction takes 128 keys, and the earlier ones are there.
          const [, written] = /\(keys written before: (\d+)\)$/.exec(error.message) ?? [];
          assert.equal(written, {130: '128', 301: '128'}[length] ?? '0');
        }
        const names = await keysOf(kv, {prefix: key('x/')});
        assert.deepEqual(
          names.filter((name) => !(name in entries)),
          ['a', 'k1000x', 'z'],
        );
        assert.equal(names.length, 256 + 3);
        const {created, unchanged, deleted} = await importKeys(kv, lines, {deleteMissing: true});
        assert.deepEqual([created, unchanged, deleted], [44, 256, 3], 'the whole one goes on from there');
      },
    },
    {
      name: 'blank lines and white space around lines are ignored, and a lease of 0 is none',
      async run({kv, key, prefix}) {
        const [header = '', , end = ''] = exportOf(key('x/'), {a: 'v'});
        const entry = JSON.stringify({key: key('x/a'), value: 'v', lease: '0'});
        const lines = ['', `\ufeff${header}`.slice(1), ' \t', ` ${entry}\r`, '\r\n', `${end}\n`, '', '\n'];
        assert.equal((await importKeys(kv, lines)).created, 1);
        assert.deepEqual(await contents(kv, {prefix}), ['x/a=v']);
      },
    },
    {
      name: 'another prefix is only for an export of a prefix, and a key must be left',
      async run({kv, key, prefix}) {
        const keys = {start: key('x/'), end: key('x0')};
        const header = JSON.stringify({type: 'kvi-export', version: 1, revision: 7, keys});
        let hasEnded = false;
        const lines = (function* () {
          try {
            yield header;
            yield '{"type":"end","keys":0,"skipped":0}';
          } finally {
            hasEnded = true;
          }
        })();
        const error = await assertFails(
          'KVI_INVALID_ARGUMENT',
          () => importKeys(kv, lines, {prefix: key('y/')}),
          'it is unclear what would be replaced',
        );
        assert.match(
          error.message,
          /^line 1: prefix replaces the prefix of an export, and this one is not of a prefix/,
        );
        assert.equal(hasEnded, true, 'it lets go of the lines');
        const empty = await assertFails(
          'KVI_INVALID_ARGUMENT',
          () => importKeys(kv, exportOf(key('x'), {'': 'v'}), {prefix: ''}),
          'a key cannot be empty',
        );
        assert.match(empty.message, /^line 2, key "": key is not provided/);
        assert.deepEqual(await keysOf(kv, {prefix}), []);
      },
    },
  ],
};
