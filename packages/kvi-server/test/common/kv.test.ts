// etcd's `tests/common/kv_test.go`, case by case under its names, and what `tests/integration/v3_grpc_test.go` has on keys.
import {beforeAll, describe, expect, it} from '@jest/globals';
import {deleteRange, leaseGrant, put, range} from 'kvi-wire';
import {describeBesideEtcd} from '../support/reference.ts';
import {refusal} from '../support/refusal.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const toTheEnd = Buffer.of(0);
const all = {key: Buffer.of(0), rangeEnd: toTheEnd};

type RangeRequest = Parameters<typeof range.encode>[0];

interface RangeCase {
  name: string;
  request: RangeRequest;
  /** As {@link shown}, with the least that tells which. */
  kvs: readonly string[];
  count: number;
  more?: boolean;
}

/** Writes of revisions 2 to 9. */
const writes = [
  ['a', 'aa1'],
  ['b', 'a'],
  ['c', 'ac1'],
  ['c', 'ac2'],
  ['c', 'aac'],
  ['foo', 'bar'],
  ['foo/abc', '0'],
  ['fop', 's'],
] as const;

const [a, b, c, foo, fooAbc, fop] = [
  'a=aa1 2/2/1',
  'b=a 3/3/1',
  'c=aac 4/6/3',
  'foo=bar 7/7/1',
  'foo/abc=0 8/8/1',
  'fop=s 9/9/1',
] as const;
const [c1, c2] = ['c=ac1 4/4/1', 'c=ac2 4/5/2'] as const;
const ascending = [a, b, c, foo, fooAbc, fop];
const descending = ascending.toReversed();
const byVersion = [a, b, foo, fooAbc, fop, c];
const byValue = [fooAbc, b, a, c, foo, fop];

const rangeCases: RangeCase[] = [
  {name: 'one key', request: {key: bytes('a')}, kvs: [a], count: 1},
  {name: 'one key, serializable', request: {key: bytes('a'), serializable: true}, kvs: [a], count: 1},
  {name: '[a, c)', request: {key: bytes('a'), rangeEnd: bytes('c')}, kvs: [a, b], count: 2},
  {name: 'every key', request: all, kvs: ascending, count: 6},
  {name: '[a, x)', request: {key: bytes('a'), rangeEnd: bytes('x')}, kvs: ascending, count: 6},
  {name: 'every key at a revision', request: {...all, revision: 4}, kvs: [a, b, c1], count: 3},
  {name: 'the count of one key', request: {key: bytes('a'), countOnly: true}, kvs: [], count: 1},
  {name: 'the count of every key', request: {...all, countOnly: true}, kvs: [], count: 6},
  {name: 'a prefix', request: {key: bytes('foo'), rangeEnd: bytes('fop')}, kvs: [foo, fooAbc], count: 2},
  {
    name: 'from a key on',
    request: {key: bytes('foo'), rangeEnd: toTheEnd},
    kvs: [foo, fooAbc, fop],
    count: 3,
  },
  {name: 'a limit', request: {...all, limit: 2}, kvs: [a, b], count: 6, more: true},
  {name: 'a limit that all are below', request: {...all, limit: 7}, kvs: ascending, count: 6},
  {name: 'a limit that all meet', request: {...all, limit: 6}, kvs: ascending, count: 6},
  {
    name: 'by mod revision, ascending',
    request: {...all, sortOrder: 'ascend', sortTarget: 'mod'},
    kvs: ascending,
    count: 6,
  },
  {
    name: 'by version, ascending',
    request: {...all, sortOrder: 'ascend', sortTarget: 'version'},
    kvs: byVersion,
    count: 6,
  },
  {
    name: 'by key, ascending, with a limit',
    request: {...all, sortOrder: 'ascend', sortTarget: 'key', limit: 2},
    kvs: [a, b],
    count: 6,
    more: true,
  },
  {
    name: '[b, z) by key, descending, with a limit',
    request: {key: bytes('b'), rangeEnd: bytes('z'), sortOrder: 'descend', sortTarget: 'key', limit: 2},
    kvs: [fop, fooAbc],
    count: 5,
    more: true,
  },
  {
    name: 'by create revision, without an order',
    request: {...all, sortTarget: 'create'},
    kvs: ascending,
    count: 6,
  },
  {
    name: 'by create revision, descending',
    request: {...all, sortOrder: 'descend', sortTarget: 'create'},
    kvs: descending,
    count: 6,
  },
  {
    name: 'by key, descending',
    request: {...all, sortOrder: 'descend', sortTarget: 'key'},
    kvs: descending,
    count: 6,
  },
  {name: 'by value, without an order', request: {...all, sortTarget: 'value'}, kvs: byValue, count: 6},
  {
    name: 'by value, ascending',
    request: {...all, sortOrder: 'ascend', sortTarget: 'value'},
    kvs: byValue,
    count: 6,
  },
  {
    name: 'by value, descending',
    request: {...all, sortOrder: 'descend', sortTarget: 'value'},
    kvs: byValue.toReversed(),
    count: 6,
  },
  {name: 'descending', request: {...all, sortOrder: 'descend'}, kvs: descending, count: 6},
  {name: 'the first version of a key', request: {key: bytes('c'), revision: 4}, kvs: [c1], count: 1},
  {name: 'its second version', request: {key: bytes('c'), revision: 5}, kvs: [c2], count: 1},
  {name: 'its third version', request: {key: bytes('c'), revision: 6}, kvs: [c], count: 1},
  {name: 'its latest version', request: {key: bytes('c')}, kvs: [c], count: 1},
  {name: 'a key before it was created', request: {key: bytes('fop'), revision: 8}, kvs: [], count: 0},
  {
    name: 'a least mod revision, by mod revision',
    request: {...all, minModRevision: 4, sortTarget: 'mod'},
    kvs: ascending.slice(2),
    count: 6,
  },
  {
    name: 'a greatest mod revision, by key, descending',
    request: {...all, maxModRevision: 5, sortOrder: 'descend', sortTarget: 'key'},
    kvs: [b, a],
    count: 6,
  },
  {
    name: 'a least create revision, by version, descending',
    request: {...all, minCreateRevision: 4, sortOrder: 'descend', sortTarget: 'version'},
    kvs: [c, foo, fooAbc, fop],
    count: 6,
  },
  {
    name: 'a greatest create revision, by value, descending',
    request: {...all, maxCreateRevision: 7, sortOrder: 'descend', sortTarget: 'value'},
    kvs: [foo, c, a, b],
    count: 6,
  },
];

/** `key=value createRevision/modRevision/version` */
function shown(kv: {
  key: Uint8Array;
  value: Uint8Array;
  createRevision: number;
  modRevision: number;
  version: number;
}): string {
  return `${String(kv.key)}=${String(kv.value)} ${kv.createRevision}/${kv.modRevision}/${kv.version}`;
}

describeBesideEtcd(
  'TestKVGet',
  (subject) => {
    beforeAll(async () => {
      for (const [key, value] of writes) {
        await subject.client.call(put, {key: bytes(key), value: bytes(value)});
      }
    });

    describe.each(rangeCases)('$name', ({request, kvs, count, more = false}) => {
      it('with values', async () => {
        const response = await subject.client.call(range, request);
        expect({...response, kvs: response.kvs.map(shown)}).toMatchObject({
          header: {revision: 9},
          kvs,
          count,
          more,
        });
      });

      it('with keys only', async () => {
        const response = await subject.client.call(range, {...request, keysOnly: true});
        expect(response.kvs.map(shown)).toEqual(kvs.map((kv) => kv.replace(/=\S*/, '=')));
        expect(response).toMatchObject({header: {revision: 9}, count, more});
      });
    });
  },
  {storePer: 'suite'},
);

describeBesideEtcd('keys', (subject) => {
  /** Puts keys, each with a value. */
  async function fill(...keys: string[]): Promise<void> {
    for (const key of keys) await subject.client.call(put, {key: bytes(key), value: bytes('bar')});
  }

  async function keysLeft(): Promise<string[]> {
    const {kvs} = await subject.client.call(range, all);
    return kvs.map(({key}) => String(key));
  }

  it('TestKVPut: what was put is there', async () => {
    await fill('foo');
    const {kvs} = await subject.client.call(range, {key: bytes('foo')});
    expect(kvs.map(shown)).toEqual(['foo=bar 2/2/1']);
  });

  it.each<[string, {key: string; rangeEnd?: string}, number, string[]]>([
    ['every key', {key: '\0', rangeEnd: '\0'}, 5, []],
    ['[a, c)', {key: 'a', rangeEnd: 'c'}, 2, ['c', 'c/abc', 'd']],
    ['one key', {key: 'c'}, 1, ['a', 'b', 'c/abc', 'd']],
    ['a prefix', {key: 'c', rangeEnd: 'd'}, 2, ['a', 'b', 'd']],
    ['from a key on', {key: 'c', rangeEnd: '\0'}, 3, ['a', 'b']],
    ['no key', {key: 'e'}, 0, ['a', 'b', 'c', 'c/abc', 'd']],
  ])('TestKVDelete: %s', async (_, {key, rangeEnd = ''}, deleted, left) => {
    await fill('a', 'b', 'c', 'c/abc', 'd');
    const request = {key: bytes(key), rangeEnd: bytes(rangeEnd)};
    expect(await subject.client.call(deleteRange, request)).toMatchObject({deleted});
    expect(await keysLeft()).toEqual(left);
  });

  it.each<[string, string[], [string, string], string[], number]>([
    ['delete middle', ['foo', 'foo/abc', 'fop'], ['foo/', 'fop'], ['foo', 'fop'], 1],
    ['no delete', ['foo', 'foo/abc', 'fop'], ['foo/', 'foo/'], ['foo', 'foo/abc', 'fop'], 0],
    ['delete first', ['foo', 'foo/abc', 'fop'], ['fo', 'fop'], ['fop'], 2],
    ['delete tail', ['foo', 'foo/abc', 'fop'], ['foo/', 'fos'], ['foo'], 2],
    ['delete exact', ['foo', 'foo/abc', 'fop'], ['foo/abc', ''], ['foo', 'fop'], 1],
    ['delete none [x,x)', ['foo'], ['foo', 'foo'], ['foo'], 0],
  ])('TestV3DeleteRange: %s', async (_, keys, [key, rangeEnd], left, deleted) => {
    await fill(...keys);
    const request = {key: bytes(key), rangeEnd: bytes(rangeEnd), prevKv: true};
    const response = await subject.client.call(deleteRange, request);
    expect(response.deleted).toBe(deleted);
    expect(response.prevKvs.map((kv) => String(kv.value))).toEqual(Array<string>(deleted).fill('bar'));
    // A deletion of nothing is no revision.
    expect(response.header?.revision).toBe(1 + keys.length + Math.min(deleted, 1));
    expect(await keysLeft()).toEqual(left);
  });

  it('TestV3PutOverwrite: a key keeps its create revision, and counts its versions', async () => {
    await fill('foo', 'foo');
    const {header} = await subject.client.call(put, {key: bytes('foo'), value: bytes('baz')});
    expect(header?.revision).toBe(4);
    const {kvs} = await subject.client.call(range, {key: bytes('foo')});
    expect(kvs.map(shown)).toEqual(['foo=baz 2/4/3']);
  });

  it('TestV3PutIgnoreValue: a put without a value keeps the value that is there', async () => {
    const {client} = subject;
    const ignoring = {key: bytes('foo'), ignoreValue: true};
    expect(await client.failure(put, ignoring)).toEqual(refusal('key not found'));
    await fill('foo');
    const withValue = {...ignoring, value: bytes('baz')};
    expect(await client.failure(put, withValue)).toEqual(refusal('value is provided'));
    const {prevKv} = await client.call(put, {...ignoring, prevKv: true});
    expect(String(prevKv?.value)).toBe('bar');
    const {id} = await client.call(leaseGrant, {ttl: 100});
    await client.call(put, {...ignoring, lease: id});
    const {kvs} = await client.call(range, {key: bytes('foo')});
    expect(kvs).toMatchObject([{lease: id, version: 3}]);
    expect(kvs.map(shown)).toEqual(['foo=bar 2/4/3']);
    await client.call(deleteRange, {key: bytes('foo')});
    expect(await client.failure(put, ignoring)).toEqual(refusal('key not found'));
  });

  it('TestV3PutIgnoreLease: a put without a lease keeps the lease that is there', async () => {
    const {client} = subject;
    const {id} = await client.call(leaseGrant, {ttl: 100});
    const ignoring = {key: bytes('foo'), value: bytes('bar'), ignoreLease: true};
    expect(await client.failure(put, ignoring)).toEqual(refusal('key not found'));
    await client.call(put, {key: bytes('foo'), lease: id});
    expect(await client.failure(put, {...ignoring, lease: id})).toEqual(refusal('lease is provided'));
    await client.call(put, ignoring);
    expect(await client.call(range, {key: bytes('foo')})).toMatchObject({kvs: [{lease: id, version: 2}]});
    await client.call(put, {key: bytes('foo')});
    expect(await client.call(range, {key: bytes('foo')})).toMatchObject({kvs: [{lease: '0', version: 3}]});
  });

  it('TestV3PutMissingLease: a put under a lease that does not exist writes nothing', async () => {
    const request = {key: bytes('foo'), value: bytes('bar'), lease: '7b'};
    expect(await subject.client.failure(put, request)).toEqual(refusal('requested lease not found', 5));
    expect(await keysLeft()).toEqual([]);
  });
});
