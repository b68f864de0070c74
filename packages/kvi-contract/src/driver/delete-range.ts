import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {revisionOf, write} from './steps.ts';

/** What a deletion deletes and returns. */
export const deleteRange: ContractGroup = {
  name: 'a deletion',
  cases: [
    {
      name: 'deletes one key, or a half-open range in one revision, and returns how many',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const before = await write(driver, ...['a', 'aa', 'b', 'c', 'd'].map((name) => k.put(name, '')));
        const one = await driver.txn({success: [k.deleteRange('a')]});
        assert.deepEqual(
          k.responses(one.responses),
          [`deleteRange -> @${String(before + 1)} deleted 1`],
          'without an end, it deletes that key alone, and answers without what it deleted',
        );
        const many = await driver.txn({success: [k.deleteRange('aa', 'd')]});
        assert.deepEqual(
          k.responses(many.responses),
          [`deleteRange -> @${String(before + 2)} deleted 3`],
          'with an end, it deletes up to it in one revision',
        );
        const {kvs} = await driver.range(k.all);
        assert.equal(k.kvs(kvs), 'd=', 'the end itself stays');
      },
    },
    {
      name: 'with an empty end deletes the single key',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('a', ''), k.put('b', ''));
        await write(driver, {type: 'deleteRange', key: k.key('a'), rangeEnd: new Uint8Array()});
        const {kvs} = await driver.range(k.all);
        assert.equal(k.kvs(kvs), 'b=', 'an empty end is no end: it must not run to the last key');
      },
    },
    {
      name: 'of nothing is not an error and creates no revision',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const before = await write(driver, k.put('b', ''));
        for (const op of [
          k.deleteRange('a'),
          k.deleteRange('c', 'd'),
          k.deleteRange('b', 'b'),
          k.deleteRange('b', 'a'),
        ]) {
          const {revision, responses} = await driver.txn({success: [op]});
          assert.deepEqual(
            k.responses(responses),
            [`deleteRange -> @${String(before)} deleted 0`],
            'what is absent, or in a range whose end is not after its start, is not deleted',
          );
          assert.equal(
            revision,
            before,
            'a transaction that changed nothing tells the revision of the store',
          );
        }
        assert.equal(await revisionOf(driver), before, 'where nothing changed, there is no revision');
      },
    },
    {
      name: 'returns what it deleted, in key order, on request',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        for (const name of ['c', 'a', 'b']) await write(driver, k.put(name, name.toUpperCase()));
        const before = await write(driver, k.put('a', 'AA'));
        const {responses} = await driver.txn({success: [k.deleteRange('a', 'z', {prevKv: true})]});
        assert.deepEqual(
          k.responses(responses),
          [`deleteRange -> @${String(before + 1)} deleted 3 was a=AA b=B c=C`],
          'prevKvs are all that was deleted',
        );
        const [response] = responses;
        const first = response?.type === 'deleteRange' ? response.prevKvs[0] : undefined;
        assert.equal(
          k.whole(first),
          `a=AA create ${String(before - 2)} mod ${String(before)} version 2 lease 0`,
          'prevKvs have their metadata',
        );
      },
    },
  ],
};
