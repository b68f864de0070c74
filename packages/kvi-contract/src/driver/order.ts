import assert from 'node:assert/strict';
import type {Bytes, Driver, RangeRequest} from 'kvi-core/driver';
import type {ContractCase, ContractGroup} from '../suite.ts';
import {type Keyspace, keyspace} from './keyspace.ts';
import {write} from './steps.ts';

type SortTarget = NonNullable<RangeRequest<Bytes>['sortTarget']>;

/**
 * Three keys, of which some tie by value and by version.
 *
 *     key  value  version  create  mod
 *     a    2      1        3rd     3rd
 *     b    10     2        1st     4th
 *     c    2      1        2nd     2nd
 */
async function threeKeys(driver: Driver, {put}: Keyspace): Promise<void> {
  await write(driver, put('b', '0'));
  await write(driver, put('c', '2'));
  await write(driver, put('a', '2'));
  await write(driver, put('b', '10'));
}

const ascending: Record<SortTarget, string> = {
  key: 'a b c',
  value: 'b a c',
  version: 'a c b',
  create: 'b c a',
  mod: 'c a b',
};

/** Ties stay in key order this way too. */
const descending: Record<SortTarget, string> = {
  key: 'c b a',
  value: 'a c b',
  version: 'b a c',
  create: 'a c b',
  mod: 'b a c',
};

const targets = Object.keys(ascending) as SortTarget[];

function sorts(sortTarget: SortTarget): ContractCase {
  return {
    name: `by ${sortTarget} ascends or descends, and ties stay in key order`,
    async run({driver, ...context}) {
      const k = keyspace(context);
      await threeKeys(driver, k);
      const names = async (sortOrder?: 'ascend' | 'descend') => {
        const {kvs} = await driver.range({...k.all, sortTarget, sortOrder});
        return k.names(kvs.map(({key}) => key));
      };
      assert.equal(await names(), ascending[sortTarget], 'a target without an order ascends');
      assert.equal(
        await names('ascend'),
        ascending[sortTarget],
        `ascend starts with the lowest ${sortTarget}`,
      );
      assert.equal(
        await names('descend'),
        descending[sortTarget],
        `descend starts with the highest ${sortTarget}`,
      );
    },
  };
}

/** Ranges ordered by something other than the key. */
export const order: ContractGroup = {
  name: 'the order of a range',
  cases: [
    ...targets.map(sorts),
    {
      name: 'is by key if only a direction is given',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await threeKeys(driver, k);
        const {kvs} = await driver.range({...k.all, sortOrder: 'descend'});
        assert.equal(k.kvs(kvs), 'c=2 b=10 a=2', 'the default target is the key');
      },
    },
    {
      name: 'is made before a limit cuts, and before values are left out',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await threeKeys(driver, k);
        const oldest = await driver.range({...k.all, sortTarget: 'mod', sortOrder: 'ascend', limit: 1});
        assert.deepEqual(
          {kvs: k.kvs(oldest.kvs), more: oldest.more, count: oldest.count},
          {kvs: 'c=2', more: true, count: 3},
          'the last by key is the first by mod revision',
        );
        const oldestByDefault = await driver.range({...k.all, sortTarget: 'mod', limit: 1});
        assert.equal(
          k.kvs(oldestByDefault.kvs),
          'c=2',
          'a target without an order ascends before the limit cuts too',
        );
        const latest = await driver.range({...k.all, sortTarget: 'mod', sortOrder: 'descend', limit: 2});
        assert.equal(k.kvs(latest.kvs), 'b=10 a=2', 'the last two changes');
        const keysOnly = await driver.range({
          ...k.all,
          sortTarget: 'value',
          sortOrder: 'ascend',
          keysOnly: true,
        });
        assert.equal(k.kvs(keysOnly.kvs), 'b= a= c=', 'values order keys also when they are left out');
      },
    },
    {
      name: 'keeps ties in key order, however many there are, also in a nested transaction',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const names = Array.from({length: 60}, (_, i) => String(i).padStart(2, '0'));
        await write(driver, ...names.map((name, i) => k.put(name, String(i % 3))));
        const expected = ['2', '1', '0'].flatMap((value) => names.filter((_, i) => String(i % 3) === value));
        const request = {...k.all, sortTarget: 'value', sortOrder: 'descend'} as const;
        const read = await driver.range(request);
        assert.equal(k.names(read.kvs.map(({key}) => key)), expected.join(' '), 'a range keeps them');
        const [nested] = (
          await driver.txn({success: [{type: 'txn', success: [{type: 'range', ...request, limit: 60}]}]})
        ).responses;
        assert.ok(nested?.type === 'txn' && nested.responses[0]?.type === 'range', 'a range answers');
        assert.deepEqual(
          nested.responses[0].kvs,
          read.kvs,
          'in a transaction too, with a limit that cuts nothing',
        );
      },
    },
    {
      name: 'by value is the order of bytes',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const values = ['', 'Z', 'a', 'aa', '\uffff', '\u{10000}'];
        await write(driver, ...values.map((value, i) => k.put(String(values.length - i), value)));
        await write(driver, k.put('0', Uint8Array.of(0xff)));
        const {kvs} = await driver.range({...k.all, sortTarget: 'value', sortOrder: 'ascend'});
        assert.equal(
          k.names(kvs.map(({key}) => key)),
          '6 5 4 3 2 1 0',
          'values compare byte by byte: a prefix is lower, U+FFFF is lower than U+10000',
        );
      },
    },
  ],
};
