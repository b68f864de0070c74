import assert from 'node:assert/strict';
import type {Kvi} from 'kvi-core';
import type {CompareResult} from 'kvi-core/driver';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {assertFails, contents} from './helpers.ts';

/** Whether `key op value` holds. Asserts that the branch taken agrees. */
async function compare(
  kv: Kvi,
  {key}: Pick<CaseContext, 'key'>,
  op: CompareResult,
  value: string,
): Promise<boolean> {
  const held = await kv.transaction(key('k'), op, value, key('then'), 'x', key('else'), 'x');
  assert.equal(
    await kv.delete(key('then')),
    held,
    `k ${op} ${value}: the branch that ran is the one it says`,
  );
  assert.equal(await kv.delete(key('else')), !held, `k ${op} ${value}: the other branch did not run`);
  return held;
}

const operators = ['=', '!=', '<', '>'] as const;

/** `transaction`. */
export const transaction: ContractGroup = {
  name: 'transaction',
  cases: [
    {
      name: 'it compares with =, !=, < and >, and runs one branch',
      async run({kv, key}) {
        await kv.store(key('k'), 'm');
        for (const [value, expected] of [
          ['a', [false, true, false, true]],
          ['m', [true, false, false, false]],
          ['z', [false, true, true, false]],
          ['', [false, true, false, true]],
          ['m\0', [false, true, true, false]],
        ] as const) {
          const held = [];
          for (const op of operators) held.push(await compare(kv, {key}, op, value));
          assert.deepEqual(held, expected, `"m" compared with ${JSON.stringify(value)} by = != < >`);
        }
      },
    },
    {
      name: 'on an absent key every comparison is false, even !=',
      async run({kv, key}) {
        for (const value of ['', 'a']) {
          for (const op of operators) {
            assert.equal(await compare(kv, {key}, op, value), false, `absent ${op} "${value}" is false`);
          }
        }
      },
    },
    {
      name: 'an empty value is compared like any other',
      async run({kv, key}) {
        await kv.store(key('k'), '');
        assert.equal(await compare(kv, {key}, '=', ''), true, '"" = ""');
        assert.equal(await compare(kv, {key}, '!=', ''), false, '"" != ""');
        assert.equal(await compare(kv, {key}, '<', 'a'), true, '"" < "a"');
      },
    },
    {
      name: 'values are compared in byte order, not as UTF-16 and not as numbers',
      async run({kv, key}) {
        await kv.store(key('k'), '\u{1f600}');
        assert.equal(await compare(kv, {key}, '>', '\uff61'), true, 'U+1F600 is after U+FF61 in UTF-8');
        await kv.store(key('k'), '10');
        assert.equal(await compare(kv, {key}, '<', '9'), true, '"10" is before "9"');
        await kv.store(key('k'), Buffer.from([0x80]));
        assert.equal(await compare(kv, {key}, '>', '\x7f'), true, 'bytes are unsigned');
      },
    },
    {
      name: 'an unknown operator is refused, and nothing is written',
      async run({kv, key, prefix}) {
        await kv.store(key('k'), 'a');
        for (const op of ['==', '>=', '<=', '', 'toString', 'constructor', undefined, null, 0]) {
          await assertFails(
            'KVI_INVALID_ARGUMENT',
            () => kv.transaction(key('k'), op as CompareResult, 'a', key('then'), 'x', key('else'), 'x'),
            `the operator ${String(op)} is unknown`,
          );
        }
        assert.deepEqual(await contents(kv, {prefix}), ['k=a'], 'a refused transaction takes no branch');
      },
    },
    {
      name: 'an empty key is refused even in the branch that is not taken',
      async run({kv, key, prefix}) {
        await kv.store(key('k'), 'a');
        const promise = 'a key cannot be empty, wherever it stands';
        await assertFails(
          'KVI_INVALID_ARGUMENT',
          () => kv.transaction(key('k'), '=', 'a', key('then'), 'x', '', 'x'),
          promise,
        );
        await assertFails(
          'KVI_INVALID_ARGUMENT',
          () => kv.transaction(key('k'), '!=', 'a', '', 'x', key('else'), 'x'),
          promise,
        );
        await assertFails(
          'KVI_INVALID_ARGUMENT',
          () => kv.transaction('', '=', 'a', key('then'), 'x', key('else'), 'x'),
          promise,
        );
        assert.deepEqual(await contents(kv, {prefix}), ['k=a'], 'a refused transaction takes no branch');
      },
    },
    {
      name: 'the branches may set the key that is compared, and both the same key',
      async run({kv, key}) {
        await kv.store(key('k'), 'a');
        assert.equal(
          await kv.transaction(key('k'), '=', 'a', key('k'), 'b', key('k'), 'c'),
          true,
          'the compare holds',
        );
        assert.equal(await kv.get(key('k')), 'b', 'the branch set the key');
        assert.equal(
          await kv.transaction(key('k'), '=', 'a', key('k'), 'b', key('k'), 'c'),
          false,
          'it does not any more',
        );
        assert.equal(await kv.get(key('k')), 'c', 'the other branch set the key');
      },
    },
  ],
};
