import assert from 'node:assert/strict';
import type {Bytes, Compare} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {keyspace, type Keyspace} from './keyspace.ts';
import {revisionOf, write} from './steps.ts';

function isAbsent({key}: Keyspace, name: string): Compare<Bytes> {
  return {key: key(name), target: 'create', result: '=', createRevision: 0};
}

/** Transactions as operations of others. */
export const nestedTxn: ContractGroup = {
  name: 'a nested transaction',
  cases: [
    {
      name: 'compares the state before the outermost one, and reads what ran before it',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const before = await write(driver, k.put('a', '1'));
        const {revision, responses} = await driver.txn({
          success: [
            k.put('b', '2'),
            k.deleteRange('a'),
            {
              type: 'txn',
              compare: [
                isAbsent(k, 'b'),
                {key: k.key('a'), target: 'value', result: '=', value: Buffer.from('1')},
              ],
              success: [k.range('a', 'z'), k.put('c', '3')],
              failure: [k.put('d', '4')],
            },
            k.range('a', 'z'),
          ],
        });
        const after = `@${String(before + 1)}`;
        assert.deepEqual(
          k.responses(responses),
          [
            `put -> ${after}`,
            `deleteRange -> ${after} deleted 1`,
            `txn -> ${after} true [range -> ${after} b=2, put -> ${after}]`,
            `range -> ${after} b=2 c=3`,
          ],
          'compares see the state before everything, operations see what ran before them, and all is one revision',
        );
        assert.equal(revision, before + 1, 'nested or not, it is one revision');
      },
    },
    {
      name: 'chooses its own branch, at any depth',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const before = await write(driver, k.put('a', '1'));
        const {succeeded, responses} = await driver.txn({
          compare: [isAbsent(k, 'a')],
          success: [k.put('b', 'wrong')],
          failure: [
            {
              type: 'txn',
              compare: [isAbsent(k, 'b')],
              success: [
                {
                  type: 'txn',
                  compare: [isAbsent(k, 'a')],
                  success: [k.put('b', 'wrong')],
                  failure: [k.put('b', 'right')],
                },
                {type: 'txn'},
              ],
              failure: [k.put('b', 'wrong')],
            },
          ],
        });
        const after = `@${String(before + 1)}`;
        assert.equal(succeeded, false, 'the outermost compare failed');
        assert.deepEqual(
          k.responses(responses),
          [`txn -> ${after} true [txn -> ${after} false [put -> ${after}], txn -> ${after} true []]`],
          'each says which branch it took, and the revision of the whole',
        );
        const {kvs} = await driver.range(k.all);
        assert.equal(k.kvs(kvs), 'a=1 b=right', 'only the branches that were taken ran');
      },
    },
    {
      name: 'may put the same key in both of its branches',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, {
          type: 'txn',
          compare: [isAbsent(k, 'a')],
          success: [k.put('a', 'success')],
          failure: [k.put('a', 'failure')],
        });
        const {kvs} = await driver.range(k.all);
        assert.equal(k.kvs(kvs), 'a=success', 'the branches exclude each other');
      },
    },
    {
      name: 'that changes nothing tells the revision of the whole, also before what is changed',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const before = await write(driver, k.put('a', '1'));
        const {responses} = await driver.txn({
          success: [{type: 'txn'}, {type: 'txn', success: [{type: 'txn'}]}, k.put('a', '2')],
        });
        const [empty, nested] = responses;
        assert.ok(empty?.type === 'txn' && nested?.type === 'txn');
        const [innermost] = nested.responses;
        assert.deepEqual(
          [empty.revision, nested.revision, innermost?.revision],
          [before + 1, before + 1, before + 1],
          'the revision of a transaction is that of the whole, wherever it stands',
        );
      },
    },
    {
      name: 'that changes nothing makes no revision',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const before = await write(driver, k.put('a', '1'));
        const {revision, responses} = await driver.txn({
          success: [{type: 'txn', success: [k.deleteRange('b'), k.range('a')]}],
        });
        const now = `@${String(before)}`;
        assert.deepEqual(
          k.responses(responses),
          [`txn -> ${now} true [deleteRange -> ${now} deleted 0, range -> ${now} a=1]`],
          'it answers all the same',
        );
        assert.equal(revision, before, 'it tells the revision of the store');
        assert.equal(await revisionOf(driver), before, 'it makes no revision');
      },
    },
  ],
};
