import {describe, expect, it} from '@jest/globals';
import type {RequestOp} from '../src/etcd/messages.ts';
import {describeTxn} from '../src/etcd/txn-shape.ts';

function put(key: string): RequestOp<Uint8Array> {
  return {type: 'put', key: Buffer.from(key), value: Buffer.alloc(0)};
}

describe('A message', () => {
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
