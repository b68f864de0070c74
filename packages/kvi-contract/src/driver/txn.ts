import assert from 'node:assert/strict';
import type {Bytes, RequestOp} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {keyspace, type Keyspace} from './keyspace.ts';
import {rejects, revisionOf, write} from './steps.ts';

/** Writes that would be applied if a later operation did not fail. */
function innocent({put, deleteRange}: Keyspace): RequestOp<Bytes>[] {
  return [put('b', '2'), deleteRange('a')];
}

/** What a transaction runs, in which order, what it returns, and that it is atomic. */
export const txn: ContractGroup = {
  name: 'a transaction',
  cases: [
    {
      name: 'runs success if every compare holds, and failure otherwise',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('a', '1'));
        const holds = {key: k.key('a'), target: 'version', result: '=', version: 1} as const;
        const fails = {...holds, version: 2} as const;
        const expected = [
          {compare: undefined, succeeded: true},
          {compare: [], succeeded: true},
          {compare: [holds], succeeded: true},
          {compare: [fails], succeeded: false},
          {compare: [holds, holds], succeeded: true},
          {compare: [holds, fails], succeeded: false},
          {compare: [fails, holds], succeeded: false},
        ];
        for (const {compare, succeeded} of expected) {
          const response = await driver.txn({
            compare,
            success: [k.put('which', 'success')],
            failure: [k.put('which', 'failure')],
          });
          const {kvs} = await driver.range(k.range('which'));
          assert.deepEqual(
            {succeeded: response.succeeded, kvs: k.kvs(kvs)},
            {succeeded, kvs: `which=${succeeded ? 'success' : 'failure'}`},
            `compares that ${JSON.stringify(compare?.map((item) => (item === holds ? 'hold' : 'fail')))} choose the branch`,
          );
        }
      },
    },
    {
      name: 'that is empty returns the revision of the store',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const before = await write(driver, k.put('a', '1'));
        assert.deepEqual(
          await driver.txn({}),
          {revision: before, succeeded: true, responses: []},
          'no compare holds, and no operation changes anything',
        );
        const untaken = await driver.txn({
          compare: [{key: k.key('a'), target: 'version', result: '=', version: 0}],
          success: [k.put('a', '2')],
        });
        assert.deepEqual(
          untaken,
          {revision: before, succeeded: false, responses: []},
          'a branch that is left out is empty',
        );
        assert.equal(await revisionOf(driver), before, 'neither made a revision');
      },
    },
    {
      name: 'runs its operations in order, each seeing those before it, and responds to each',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const before = await write(driver, k.put('a', '1'), k.put('b', '2'));
        const {revision, responses} = await driver.txn({
          success: [
            k.range('a', 'z'),
            k.deleteRange('nothing'),
            k.put('c', '3'),
            k.range('a', 'z'),
            k.deleteRange('a', 'b', {prevKv: true}),
            k.range('a', 'z'),
            k.put('b', '4', {prevKv: true}),
            k.range('a', 'z', {limit: 1}),
          ],
        });
        const after = before + 1;
        assert.equal(revision, after, 'a transaction tells its own revision');
        assert.deepEqual(
          k.responses(responses),
          [
            `range -> @${String(before)} a=1 b=2`,
            `deleteRange -> @${String(before)} deleted 0`,
            `put -> @${String(after)}`,
            `range -> @${String(after)} a=1 b=2 c=3`,
            `deleteRange -> @${String(after)} deleted 1 was a=1`,
            `range -> @${String(after)} b=2 c=3`,
            `put -> @${String(after)} was b=2`,
            `range -> @${String(after)} b=4`,
          ],
          'each operation sees the ones before it and none behind it; the revision is the next from the first change on',
        );
      },
    },
    {
      name: 'is one revision, whatever it changes',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const before = await write(driver, k.put('a', '1'), k.put('b', '1'));
        const after = await write(driver, k.put('a', '2'), k.deleteRange('b'), k.put('c', '3'));
        assert.equal(after, before + 1, 'three changes of one transaction are one revision');
        const {kvs, revision} = await driver.range(k.all);
        assert.deepEqual(
          kvs.map(({modRevision}) => modRevision),
          [after, after],
          'all that it put has its revision',
        );
        assert.equal(revision, after, 'the store is at that revision');
      },
    },
    {
      name: 'that only reads makes no revision, and reads one state of the store',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const first = await write(driver, k.put('a', '1'));
        const second = await write(driver, k.put('a', '2'));
        const {revision, responses} = await driver.txn({
          success: [k.range('a'), k.range('a', undefined, {revision: first}), k.range('b')],
        });
        assert.deepEqual(
          k.responses(responses),
          [
            `range -> @${String(second)} a=2`,
            `range -> @${String(second)} a=1`,
            `range -> @${String(second)}`,
          ],
          'a range in a transaction may look back',
        );
        assert.equal(revision, second, 'it tells the revision of the store');
        assert.equal(await revisionOf(driver), second, 'reading makes no revision');
      },
    },
    {
      name: 'can read the state before it by its revision, even after its own writes',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const before = await write(driver, k.put('a', '1'));
        const {responses} = await driver.txn({
          success: [k.put('a', '2'), k.range('a', undefined, {revision: before}), k.range('a')],
        });
        assert.deepEqual(
          k.responses(responses).slice(1),
          [`range -> @${String(before + 1)} a=1`, `range -> @${String(before + 1)} a=2`],
          'a revision that is named is read as it was',
        );
      },
    },
    {
      name: 'applies nothing if a put in it fails',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const {id: gone} = await driver.leaseGrant({ttlSeconds: 60});
        await driver.leaseRevoke(gone);
        const before = await write(driver, k.put('a', '1'));
        const lease = k.put('c', '3', {lease: gone});
        const ignoreValue: RequestOp<Bytes> = {type: 'put', key: k.key('c'), ignoreValue: true};
        const ignoreLease = k.put('c', '3', {ignoreLease: true});

        for (const [op, code] of [
          [lease, 'KVI_LEASE_NOT_FOUND'],
          [ignoreValue, 'KVI_KEY_NOT_FOUND'],
          [ignoreLease, 'KVI_KEY_NOT_FOUND'],
        ] as const) {
          for (const success of [
            [op, ...innocent(k)],
            [...innocent(k), op],
            [...innocent(k), {type: 'txn', success: [op]} as const],
          ]) {
            await rejects(
              driver.txn({success}),
              code,
              'an operation that fails fails its transaction, wherever it stands',
            );
          }
        }
        const {kvs, revision} = await driver.range(k.all);
        assert.equal(k.kvs(kvs), 'a=1', 'a transaction is all or nothing');
        assert.equal(revision, before, 'nothing makes no revision');
      },
    },
    {
      name: 'applies nothing if a range in it asks for a compacted or future revision',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const first = await write(driver, k.put('a', '0'));
        const before = await write(driver, k.put('a', '1'));
        await driver.compact({revision: before});
        const compacted = k.range('a', undefined, {revision: first});
        // It would be the revision of the transaction itself.
        const future = k.range('a', undefined, {revision: before + 1});

        for (const [op, code] of [
          [compacted, 'KVI_COMPACTED'],
          [future, 'KVI_FUTURE_REVISION'],
        ] as const) {
          for (const success of [
            [op],
            [...innocent(k), op],
            [...innocent(k), {type: 'txn', success: [op]} as const],
          ]) {
            await rejects(driver.txn({success}), code, 'a range that cannot be read fails its transaction');
          }
        }
        const {kvs, revision} = await driver.range(k.all);
        assert.equal(k.kvs(kvs), 'a=1', 'a transaction is all or nothing');
        assert.equal(revision, before, 'nothing makes no revision');
      },
    },
    {
      name: 'of which two operations fail tells what is wrong with a put before what is wrong with a range',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const {id: gone} = await driver.leaseGrant({ttlSeconds: 60});
        await driver.leaseRevoke(gone);
        const before = await write(driver, k.put('a', '1'));
        const future = k.range('a', undefined, {revision: before + 1000});
        const put = k.put('b', '2', {lease: gone});
        for (const success of [
          [future, put],
          [future, {type: 'txn', success: [put]} as const],
          [{type: 'txn', success: [future]} as const, put],
        ]) {
          await rejects(
            driver.txn({success}),
            'KVI_LEASE_NOT_FOUND',
            'all puts are checked before any range, wherever they stand',
          );
        }
      },
    },
    {
      name: 'ignores what would fail in the branch that it does not take',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const {id: gone} = await driver.leaseGrant({ttlSeconds: 60});
        await driver.leaseRevoke(gone);
        const before = await write(driver, k.put('a', '1'));
        const wrong: RequestOp<Bytes>[] = [
          k.put('b', '2', {lease: gone}),
          k.put('c', '3', {ignoreLease: true}),
          k.range('a', undefined, {revision: before + 1000}),
        ];
        const fails = [{key: k.key('a'), target: 'version', result: '=', version: 0}] as const;
        const {succeeded} = await driver.txn({compare: fails, success: wrong, failure: [k.put('a', '2')]});
        assert.equal(succeeded, false, 'the branch not taken does not matter');
        await write(driver, {type: 'txn', compare: fails, success: wrong, failure: [k.put('a', '3')]});
        const {kvs} = await driver.range(k.all);
        assert.equal(k.kvs(kvs), 'a=3', 'the other branch ran, of a nested transaction too');
      },
    },
    {
      name: 'may have 128 operations and a mebibyte',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const value = Buffer.alloc(2 ** 13, 'x');
        const ops = Array.from({length: 128}, (_, i) => k.put(String(i), value));
        const compare = ops.map(({key}) => ({key, target: 'version', result: '=', version: 0}) as const);
        const {revision, succeeded} = await driver.txn({compare, success: ops});
        assert.equal(succeeded, true, '128 compares hold');
        const {kvs} = await driver.range(k.all);
        assert.equal(kvs.length, 128, '128 puts are put');
        assert.ok(
          kvs.every(({modRevision, value: stored}) => modRevision === revision && value.equals(stored)),
          'all of them in one revision, whole',
        );
      },
    },
  ],
};
