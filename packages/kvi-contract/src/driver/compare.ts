import assert from 'node:assert/strict';
import {
  type Bytes,
  type Compare,
  type CompareResult,
  type Driver,
  type KeyRange,
  endOfKeyspace,
} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {borrow, get, write} from './steps.ts';

/** A compare without its keys and its operator. */
type Operand =
  Compare<Bytes> extends infer C
    ? C extends unknown
      ? Omit<C, keyof KeyRange<Bytes> | 'result'>
      : never
    : never;

/** The operators that hold if the key has less than, the same as, or more than the operand. */
const less = '!= <';
const equal = '=';
const more = '!= >';

/** The operators that hold on these keys, in the order `= != < >`. */
async function holding(driver: Driver, keys: KeyRange<Bytes>, operand: Operand): Promise<string> {
  const results: CompareResult[] = ['=', '!=', '<', '>'];
  const outcomes = await Promise.all(
    results.map((result) => driver.txn({compare: [{...keys, ...operand, result}]})),
  );
  return results.filter((_, i) => outcomes[i]?.succeeded).join(' ');
}

function value(text: string): Operand {
  return {target: 'value', value: Buffer.from(text)};
}

/** The conditions of a transaction. */
export const compare: ContractGroup = {
  name: 'a compare',
  cases: [
    {
      name: 'of the value compares bytes',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('a', 'm'), k.put('high', '\u{10000}'), k.put('empty', ''));
        const expected = [
          {name: 'a', operand: 'm', holds: equal},
          {name: 'a', operand: 'n', holds: less},
          {name: 'a', operand: 'mm', holds: less},
          {name: 'a', operand: 'l', holds: more},
          {name: 'a', operand: 'lz', holds: more},
          {name: 'a', operand: '', holds: more},
          {name: 'a', operand: 'Z', holds: more},
          // In UTF-16, which JavaScript compares, it would be less.
          {name: 'high', operand: '\uffff', holds: more},
          {name: 'empty', operand: '', holds: equal},
          {name: 'empty', operand: '\0', holds: less},
        ];
        for (const {name, operand, holds} of expected) {
          assert.equal(
            await holding(driver, k.range(name), value(operand)),
            holds,
            `values compare byte by byte: ${name} with ${JSON.stringify(operand)}`,
          );
        }
      },
    },
    {
      name: 'of version, create revision and mod revision compares numbers',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const createRevision = await write(driver, k.put('a', '1'));
        // Ten versions, so that text would compare differently.
        let modRevision = createRevision;
        for (let version = 2; version <= 10; version += 1) modRevision = await write(driver, k.put('a', '2'));
        const operands: Record<string, (offset: number) => Operand> = {
          version: (offset) => ({target: 'version', version: 10 + offset}),
          create: (offset) => ({target: 'create', createRevision: createRevision + offset}),
          mod: (offset) => ({target: 'mod', modRevision: modRevision + offset}),
        };
        for (const [target, operand] of Object.entries(operands)) {
          for (const [offset, holds] of [
            [1, less],
            [0, equal],
            [-1, more],
          ] as const) {
            assert.equal(
              await holding(driver, k.range('a'), operand(offset)),
              holds,
              `${target} compares as a number, here with one that is off by ${String(offset)}`,
            );
          }
        }
        assert.equal(
          await holding(driver, k.range('a'), {target: 'version', version: 9}),
          more,
          '10 is more than 9',
        );
      },
    },
    {
      name: 'of the lease compares numbers',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await using lease = await borrow(driver, {id: '9a'});
        await write(driver, k.put('a', '1', {lease: lease.id}), k.put('b', '2'));
        const expected = [
          {name: 'a', id: lease.id, holds: equal},
          {name: 'a', id: '9b', holds: less},
          {name: 'a', id: '99', holds: more},
          // As text, these two would be the other way round.
          {name: 'a', id: '100', holds: less},
          {name: 'a', id: 'b', holds: more},
          {name: 'a', id: '7fffffffffffffff', holds: less},
          {name: 'a', id: '0', holds: more},
          {name: 'b', id: '0', holds: equal},
          {name: 'b', id: lease.id, holds: less},
        ];
        for (const {name, id, holds} of expected) {
          assert.equal(
            await holding(driver, k.range(name), {target: 'lease', lease: id}),
            holds,
            `lease ids compare as whole numbers of 63 bits: ${name} with ${id}, where a has ${lease.id}`,
          );
        }
      },
    },
    {
      name: 'of the value of an absent key is false, whatever the operator',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('deleted', '1'));
        await write(driver, k.deleteRange('deleted'));
        for (const name of ['never', 'deleted']) {
          for (const operand of ['', '1']) {
            assert.equal(
              await holding(driver, k.range(name), value(operand)),
              '',
              `an absent key has no value to compare with ${JSON.stringify(operand)}, != included`,
            );
          }
        }
      },
    },
    {
      name: 'of any other field of an absent key compares zero',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('deleted', '1'));
        await write(driver, k.deleteRange('deleted'));
        const operands: Record<string, (operand: number) => Operand> = {
          version: (version) => ({target: 'version', version}),
          create: (createRevision) => ({target: 'create', createRevision}),
          mod: (modRevision) => ({target: 'mod', modRevision}),
          lease: (lease) => ({target: 'lease', lease: String(lease)}),
        };
        for (const [target, operand] of Object.entries(operands)) {
          for (const name of ['never', 'deleted']) {
            assert.equal(
              await holding(driver, k.range(name), operand(0)),
              equal,
              `${target} of a ${name} key is 0`,
            );
            assert.equal(
              await holding(driver, k.range(name), operand(1)),
              less,
              `${target} of a ${name} key is less than 1`,
            );
          }
        }
      },
    },
    {
      name: 'of a range holds if it holds for each of its keys',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('a', '1'), k.put('b', '1'), k.put('c', '2'));
        await write(driver, k.put('c', '2'));
        assert.equal(
          await holding(driver, k.range('a', 'c'), value('1')),
          '=',
          'a and b are both 1; the end is left out',
        );
        assert.equal(
          await holding(driver, k.range('a', 'd'), value('1')),
          '',
          'a is 1 and c is more: nothing holds for all',
        );
        assert.equal(await holding(driver, k.range('a', 'd'), value('0')), more, 'all are more than 0');
        assert.equal(
          await holding(driver, k.all, {target: 'version', version: 2}),
          '',
          'c alone has version 2',
        );
        assert.equal(
          await holding(driver, k.all, {target: 'version', version: 3}),
          less,
          'all versions are below 3',
        );
        assert.equal(
          await holding(driver, {key: k.key('a'), rangeEnd: new Uint8Array()}, value('1')),
          equal,
          'an end that is empty means the one key',
        );
        assert.equal(
          await holding(driver, {key: k.key('c'), rangeEnd: endOfKeyspace}, {target: 'mod', modRevision: 0}),
          more,
          'a compare to the last key has a range too',
        );
      },
    },
    {
      name: 'of a range without keys is like that of an absent key',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('b', '1'));
        for (const [start, end] of [
          ['c', 'd'],
          ['b', 'b'],
          ['c', 'a'],
        ] as const) {
          const keys = k.range(start, end);
          const law = `there is no key from ${start} to ${end}`;
          assert.equal(await holding(driver, keys, value('1')), '', `${law}, so no value`);
          assert.equal(
            await holding(driver, keys, {target: 'create', createRevision: 0}),
            equal,
            `${law}: created at 0`,
          );
          assert.equal(
            await holding(driver, keys, {target: 'version', version: 1}),
            less,
            `${law}: version 0`,
          );
        }
      },
    },
    {
      name: 'and the operations after it are atomic',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const acquire = (owner: string) =>
          driver.txn({
            compare: [{key: k.key('lock'), target: 'create', result: '=', createRevision: 0}],
            success: [k.put('lock', owner)],
            failure: [k.range('lock')],
          });
        const outcomes = await Promise.all(['one', 'two', 'three'].map(acquire));
        assert.equal(
          outcomes.filter(({succeeded}) => succeeded).length,
          1,
          'of many who create a key if it is absent, one does',
        );
        const owner = await get(driver, k.key('lock'));
        assert.equal(owner?.version, 1, 'the others did not write');
      },
    },
  ],
};
