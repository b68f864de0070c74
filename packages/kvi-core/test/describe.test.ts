import {describe, expect, it} from '@jest/globals';
import {describeRange, describeTxn} from '../src/etcd/describe.ts';
import type {RequestOp} from '../src/etcd/messages.ts';

function put(key: string): RequestOp<Uint8Array> {
  return {type: 'put', key: Buffer.from(key), value: Buffer.alloc(0)};
}

describe('A message', () => {
  it.each([
    ['a key', undefined, '"a"'],
    ['a key with an empty end', '', '"a"'],
    ['a range', 'c', '["a", "c")'],
    ['a range to the last key', '\0', '["a", the last key]'],
  ])('names %s', (_, end, shown) => {
    const rangeEnd = end === undefined ? undefined : Buffer.from(end);
    expect(describeRange({key: Buffer.from('a'), rangeEnd})).toBe(shown);
  });

  it('names what a transaction compares, reads and writes, in both branches and in those that are nested in it', () => {
    const request = {
      compare: [{key: Buffer.from('a'), target: 'version', result: '=', version: 1} as const],
      success: [{type: 'txn', failure: [put('b')]} as const],
      failure: [put('c')],
    };
    expect(describeTxn(request)).toBe('"a", "b", "c"');
  });

  it('names the first three of many, and says how many more there are', () => {
    expect(describeTxn({success: ['a', 'b', 'c', 'd', 'e'].map(put)})).toBe('"a", "b", "c" and 2 more');
  });

  it('says that a transaction is about nothing', () => {
    expect(describeTxn({})).toBe('nothing');
  });
});
