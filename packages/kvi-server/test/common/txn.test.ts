// etcd's `tests/common/txn_test.go`, case by case under its names, and what `tests/integration/v3_grpc_test.go` has on transactions.
import {beforeEach, expect, it} from '@jest/globals';
import {compact, leaseGrant, put, range, type ReceivedTxnResponse, type SentTxn, txn} from 'kvi-wire';
import {describeBesideEtcd} from '../support/reference.ts';
import {refusal} from '../support/refusal.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

type Compare = NonNullable<SentTxn['compare']>[number];
type Op = NonNullable<SentTxn['success']>[number];

const get = (key: string): Op => ({range: {key: bytes(key)}});
const set = (key: string, value: string): Op => ({put: {key: bytes(key), value: bytes(value)}});
const remove = (key: string, rangeEnd = ''): Op => ({
  deleteRange: {key: bytes(key), rangeEnd: bytes(rangeEnd)},
});
const valueIs = (key: string, result: Compare['result'], value: string): Compare => ({
  key: bytes(key),
  target: 'value',
  result,
  value: bytes(value),
});
const versionIs = (key: string, result: Compare['result'], version: number): Compare => ({
  key: bytes(key),
  target: 'version',
  result,
  version,
});

/** What came back: which branch, and of each of its operations what it read or that it is done. */
function shown({succeeded, responses}: ReceivedTxnResponse): string[] {
  return [
    succeeded ? 'SUCCESS' : 'FAILURE',
    ...responses.flatMap((response) => {
      if (response.range) return response.range.kvs.flatMap(({key, value}) => [String(key), String(value)]);
      if (response.deleteRange) return [String(response.deleteRange.deleted)];
      return response.txn ? shown(response.txn) : ['OK'];
    }),
  ];
}

describeBesideEtcd('transactions of two keys', (subject) => {
  beforeEach(async () => {
    for (const n of [1, 2]) {
      await subject.client.call(put, {key: bytes(`key${n}`), value: bytes(`value${n}`)});
    }
  });

  it('TestTxnSucc: the first branch is taken if all compares hold', async () => {
    const {client} = subject;
    const spaced = String.raw`key "with" space`;
    const both = await client.call(txn, {
      compare: [valueIs('key1', '!=', 'value2'), valueIs('key2', '!=', 'value1')],
      success: [get('key1'), get('key2')],
    });
    expect(shown(both)).toEqual(['SUCCESS', 'key1', 'value1', 'key2', 'value2']);
    const written = await client.call(txn, {
      compare: [versionIs('key1', '=', 1), versionIs('key2', '=', 1)],
      success: [get('key1'), get('key2'), set(spaced, 'value #')],
      failure: [set('key1', 'fail'), set('key2', 'fail')],
    });
    expect(shown(written)).toEqual(['SUCCESS', 'key1', 'value1', 'key2', 'value2', 'OK']);
    const read = await client.call(txn, {
      compare: [versionIs(spaced, '=', 1)],
      success: [get(spaced)],
    });
    expect(shown(read)).toEqual(['SUCCESS', spaced, 'value #']);
  });

  it('TestTxnFail: the second branch is taken if a compare does not hold', async () => {
    const {client} = subject;
    const below = await client.call(txn, {
      compare: [versionIs('key', '<', 0)],
      success: [set('key', 'success')],
      failure: [set('key', 'fail')],
    });
    expect(shown(below)).toEqual(['FAILURE', 'OK']);
    const other = await client.call(txn, {
      compare: [valueIs('key1', '!=', 'value1')],
      success: [set('key1', 'success')],
      failure: [set('key1', 'fail')],
    });
    expect(shown(other)).toEqual(['FAILURE', 'OK']);
    const {kvs} = await client.call(range, {key: bytes('key'), rangeEnd: bytes('key2')});
    expect(kvs.map(({value}) => String(value))).toEqual(['fail', 'fail']);
  });
});

const putAbc = set('abc', 'def');
const [deleteAbc, deleteAround, deleteBeside] = [remove('abc'), remove('a', 'b'), remove('abb', 'abc')];
const nested = (success: Op[], failure: Op[] = []): Op => ({txn: {success, failure}});

describeBesideEtcd('transactions', (subject) => {
  it.each<[string, Op[]]>([
    ['two puts', [putAbc, putAbc]],
    ['a put, and a deletion of its key', [putAbc, deleteAbc]],
    ['a put, and a deletion around its key', [putAbc, deleteAround]],
    ['a put, and a nested deletion', [putAbc, nested([deleteAround])]],
    ['a deletion, and a nested put', [deleteAround, nested([putAbc])]],
    ['nested puts in both branches, twice', Array<Op>(2).fill(nested([putAbc], [putAbc]))],
  ])('TestV3TxnDuplicateKeys: %s are refused', async (_, success) => {
    const refused = refusal('duplicate key given in txn request');
    expect(await subject.client.failure(txn, {success})).toEqual(refused);
  });

  it.each<[string, Op[]]>([
    ['a deletion, and nested puts beside it', [deleteBeside, nested([putAbc], [putAbc])]],
    ['nested deletions', [nested([deleteAround]), nested([deleteAround], [deleteAround])]],
    ['deletions that overlap', [deleteAbc, deleteAround, deleteAbc, deleteAround]],
    ['a put, and a deletion beside it', [putAbc, deleteBeside]],
  ])('TestV3TxnDuplicateKeys: %s are taken', async (_, success) => {
    expect(await subject.client.call(txn, {success})).toMatchObject({succeeded: true});
  });

  it('TestV3TxnTooManyOps: 128 operations and compares, also nested, and no more', async () => {
    const {client} = subject;
    const tooMany = refusal('too many operations in txn request');
    const gets = (count: number): Op[] => Array<Op>(count).fill(get('k'));
    const compare = Array<Compare>(129).fill(versionIs('k', '=', 0));
    expect(await client.failure(txn, {compare})).toEqual(tooMany);
    expect(await client.failure(txn, {success: gets(129)})).toEqual(tooMany);
    expect(await client.failure(txn, {failure: gets(129)})).toEqual(tooMany);
    expect(await client.failure(txn, {success: [nested(gets(129))]})).toEqual(tooMany);
    expect(await client.call(txn, {compare: compare.slice(1), success: gets(128)})).toMatchObject({
      succeeded: true,
    });
  });

  it('TestV3TxnRevision: only what changes a key is a revision', async () => {
    const {client} = subject;
    await client.call(put, {key: bytes('abc'), value: bytes('def')});
    const revisions: unknown[] = [];
    for (const op of [get('abc'), remove('def'), set('abc', '123')]) {
      revisions.push((await client.call(txn, {success: [op]})).header?.revision);
    }
    expect(revisions).toEqual([2, 2, 3]);
  });

  it('TestV3TxnCmpHeaderRev: the revision in the header is the one that was compared', async () => {
    const {client} = subject;
    for (let version = 0; version < 10; version += 1) {
      const [written, compared] = await Promise.all([
        client.call(put, {key: bytes('k'), value: bytes('v')}),
        client.call(txn, {compare: [versionIs('k', '=', version)], success: [get('k')]}),
      ]);
      const cameFirst = Number(compared.header?.revision) < Number(written.header?.revision);
      expect(compared.succeeded).toBe(cameFirst);
    }
  });

  const under = (prefix: string): Pick<Compare, 'key' | 'rangeEnd'> => ({
    key: bytes(`/${prefix}/`),
    rangeEnd: bytes(`/${prefix}0`),
  });
  const fromA = {key: bytes('/a/'), rangeEnd: Buffer.of(0)};
  it.each<[string, Compare, boolean]>([
    ['all from a key on', {...fromA, target: 'create', result: '<', createRevision: 6}, true],
    ['all but one from a key on', {...fromA, target: 'create', result: '<', createRevision: 5}, false],
    ['all of a prefix', {...under('a'), target: 'create', result: '<', createRevision: 5}, true],
    ['all but one of a prefix', {...under('a'), target: 'create', result: '<', createRevision: 4}, false],
    ['the values of none', {...under('b'), target: 'value', result: '=', value: bytes('x')}, false],
    ['the versions of none', {...under('b'), target: 'version', result: '=', version: 0}, true],
    ['leases, without any', {...under('a'), target: 'lease', result: '>', lease: '0'}, false],
    ['no leases', {...under('a'), target: 'lease', result: '=', lease: '0'}, true],
  ])('TestV3TxnRangeCompare: %s', async (_, compare, succeeded) => {
    for (const key of ['/a/2', '/a/3', '/a/4', '/f/5']) {
      await subject.client.call(put, {key: bytes(key), value: bytes('x')});
    }
    expect(await subject.client.call(txn, {compare: [compare]})).toMatchObject({succeeded});
  });

  it('TestV3TxnNestedPath: each nested transaction takes the branch of its own compares', async () => {
    const path = [true, false, false, true, true, false, true, false, true, true];
    const request = path.reduceRight<SentTxn>(
      (inner, isTaken) => ({
        compare: [versionIs('k', '=', isTaken ? 0 : 1)],
        [isTaken ? 'success' : 'failure']: [{txn: inner}],
      }),
      {},
    );
    const response = await subject.client.call(txn, request);
    const taken: boolean[] = [];
    for (let at: ReceivedTxnResponse | undefined = response; at; at = at.responses[0]?.txn) {
      taken.push(at.succeeded);
    }
    // The innermost has no compares, so they hold.
    expect(taken).toEqual([...path, true]);
  });

  it('TestV3TxnInvalidRange: a read of the future, or of what was compacted, undoes the puts before it', async () => {
    const {client} = subject;
    for (let n = 0; n < 3; n += 1) await client.call(put, {key: bytes('foo'), value: bytes('bar')});
    await client.call(compact, {revision: 2});
    const reading = (revision: number): SentTxn => ({
      success: [set('foo', 'late'), {range: {key: bytes('foo'), revision}}],
    });
    const [future, compacted] = ['is a future revision', 'has been compacted'].map((what) =>
      refusal(`mvcc: required revision ${what}`, 11),
    );
    expect(await client.failure(txn, reading(100))).toEqual(future);
    expect(await client.failure(txn, reading(1))).toEqual(compacted);
    const {kvs} = await client.call(range, {key: bytes('foo')});
    expect(kvs).toMatchObject([{value: bytes('bar'), version: 3}]);
  });

  it('TestPutWithLeaseInTXN: a lease that only the other branch names need not exist', async () => {
    const {client} = subject;
    const putUnder = (lease: string): Op => ({put: {key: bytes('k'), lease}});
    const missing = refusal('requested lease not found', 5);
    expect(await client.failure(txn, {success: [putUnder('7b')]})).toEqual(missing);
    const {id} = await client.call(leaseGrant, {ttl: 100});
    await client.call(txn, {success: [putUnder(id)], failure: [putUnder('7b')]});
    expect(await client.call(range, {key: bytes('k')})).toMatchObject({kvs: [{lease: id}]});
  });
});
