import {describe, expect, it} from '@jest/globals';
import type {Bytes} from '../src/etcd/bytes.ts';
import type {RequestOp, TxnRequest} from '../src/etcd/messages.ts';
import {checkLease, checkTxn, checkWatch, defaultLimits} from '../src/etcd/validate.ts';

function put(key: string): RequestOp<Bytes> {
  return {type: 'put', key: Buffer.from(key), value: Buffer.from('v')};
}

function deletion(key: string, rangeEnd?: string): RequestOp<Bytes> {
  return {
    type: 'deleteRange',
    key: Buffer.from(key),
    rangeEnd: rangeEnd === undefined ? undefined : Buffer.from(rangeEnd),
  };
}

function nested(success: RequestOp<Bytes>[], failure: RequestOp<Bytes>[] = []): RequestOp<Bytes> {
  return {type: 'txn', success, failure};
}

function isRefused(check: () => void): boolean {
  try {
    check();
    return false;
  } catch (error) {
    expect(error).toMatchObject({code: 'KVI_INVALID_ARGUMENT'});
    return true;
  }
}

describe('writes of one key that meet in one revision', () => {
  const meeting: [string, RequestOp<Bytes>[]][] = [
    ['two puts', [put('a'), put('a')]],
    ['a put and a deletion', [put('a'), deletion('a')]],
    ['a put in a deleted range', [deletion('a', 'c'), put('b')]],
    ['a put at the start of a deleted range', [deletion('a', 'c'), put('a')]],
    ['a put and one in a nested transaction', [nested([put('a')]), put('a')]],
    ['puts in both of two nested transactions', [nested([put('a')]), nested([], [put('a')])]],
    ['a put in a branch and two levels below', [nested([put('a'), nested([], [put('a')])])]],
    ['a put in a range that is deleted to the end', [deletion('a', '\0'), put('b')]],
    ['a put below a deletion', [deletion('a', 'z'), nested([put('b')])]],
    ['a put and a deletion below it', [nested([deletion('a', 'z')]), put('b')]],
    [
      'a deletion in one nested transaction and a put in a later one',
      [nested([deletion('a')]), nested([put('a')])],
    ],
  ];

  it.each(meeting)('are refused: %s', (_, ops) => {
    expect(isRefused(() => checkTxn({success: ops}, defaultLimits))).toBe(true);
    expect(isRefused(() => checkTxn({failure: ops}, defaultLimits))).toBe(true);
    expect(isRefused(() => checkTxn({success: [nested(ops)]}, defaultLimits))).toBe(true);
  });

  const apart: [string, RequestOp<Bytes>[]][] = [
    ['puts of different keys', [put('a'), put('b'), put('a\0')]],
    ['deletions that overlap', [deletion('a'), deletion('a', 'z'), deletion('a')]],
    ['a put at the end of a deleted range', [deletion('a', 'b'), put('b')]],
    ['branches that exclude each other', [nested([put('a')], [put('a')])]],
    ['a put before a deletion in a branch below, of another key', [nested([deletion('b')]), put('a')]],
  ];

  it.each(apart)('are not: %s', (_, ops) => {
    expect(isRefused(() => checkTxn({success: ops, failure: ops}, defaultLimits))).toBe(false);
  });
});

describe('the number of operations', () => {
  const puts = (count: number, name = '') =>
    Array.from({length: count}, (_, i) => put(`${name}${String(i)}`));

  it('is counted for the longest list of each level, and levels add up', () => {
    const request = (outer: number, inner: number): TxnRequest<Bytes> => ({
      success: [...puts(outer - 1), nested(puts(inner, 'nested'))],
    });
    expect(isRefused(() => checkTxn(request(28, 100), defaultLimits))).toBe(false);
    expect(isRefused(() => checkTxn(request(28, 101), defaultLimits))).toBe(true);
    expect(isRefused(() => checkTxn({success: puts(128), failure: puts(128)}, defaultLimits))).toBe(false);
  });

  it('is not shared by nested transactions beside each other', () => {
    const beside = [nested(puts(100, 'a')), nested(puts(100, 'b'))];
    expect(isRefused(() => checkTxn({success: beside}, defaultLimits))).toBe(false);
  });
});

describe('the size of a request', () => {
  it('counts keys and values, of compares and of both branches', () => {
    const limits = {maxTxnOps: 128, maxRequestBytes: 1000};
    const big = Buffer.alloc(600);
    const ops: TxnRequest<Bytes>[] = [
      {success: [{type: 'put', key: Buffer.from('a'), value: Buffer.alloc(1000)}]},
      {
        success: [{type: 'put', key: Buffer.from('a'), value: big}],
        failure: [{type: 'put', key: Buffer.from('a'), value: big}],
      },
      {compare: [{key: Buffer.from('a'), target: 'value', result: '=', value: Buffer.alloc(1000)}]},
      {success: [{type: 'range', key: big, rangeEnd: big}]},
      {success: [{type: 'txn', failure: [{type: 'deleteRange', key: Buffer.alloc(1000)}]}]},
    ];
    for (const request of ops) expect(isRefused(() => checkTxn(request, limits))).toBe(true);
    expect(
      isRefused(() => checkTxn({success: [{type: 'put', key: Buffer.from('a'), value: big}]}, limits)),
    ).toBe(false);
  });
});

describe('a lease id', () => {
  it.each(['0', '1', 'a', '7fffffffffffffff', '694d8a1c2f'])('may be %s', (lease) => {
    expect(isRefused(() => checkLease(lease))).toBe(false);
  });

  it.each([
    '',
    '00',
    '01',
    'A',
    'g',
    '-1',
    '0x1',
    ' 1',
    '1\n',
    '8000000000000000',
    'ffffffffffffffff',
    '10000000000000000',
  ])('may not be %j', (lease) => {
    expect(isRefused(() => checkLease(lease))).toBe(true);
  });
});

describe('a watched range', () => {
  it('has to hold keys', () => {
    const watch = (key: string, rangeEnd?: string) => () =>
      checkWatch(
        {key: Buffer.from(key), rangeEnd: rangeEnd === undefined ? undefined : Buffer.from(rangeEnd)},
        defaultLimits,
      );
    for (const end of [undefined, '', 'b', '\0', 'a\0']) expect(isRefused(watch('a', end))).toBe(false);
    for (const end of ['a', 'Z']) expect(isRefused(watch('a', end))).toBe(true);
    expect(isRefused(watch('\0', '\0'))).toBe(false);
  });
});
