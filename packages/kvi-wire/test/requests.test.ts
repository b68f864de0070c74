import {describe, expect, it} from '@jest/globals';
import type {Bytes, RangeRequest, TxnRequest} from 'kvi-core/driver';
import {
  fromTxn,
  range,
  readPut,
  readRange,
  readTxn,
  readWatch,
  put,
  toRange,
  toTxn,
  toTxnResponse,
  txn,
  watch,
} from 'kvi-wire';

const bytes = (text: string): Bytes => Buffer.from(text);

/** What a server reads of what a client sends. */
function received(request: RangeRequest<Bytes>): RangeRequest<Bytes> {
  return readRange(range.decodeRequest(range.encode(toRange(request))));
}

describe('a request', () => {
  it('is read as it was sent', () => {
    const request: RangeRequest<Bytes> = {
      key: bytes('a'),
      rangeEnd: bytes('z'),
      limit: 3,
      revision: 7,
      sortOrder: 'descend',
      sortTarget: 'mod',
      serializable: true,
      keysOnly: true,
      countOnly: true,
      minModRevision: 1,
      maxModRevision: 2,
      minCreateRevision: 3,
      maxCreateRevision: 4,
    };
    expect(received(request)).toEqual(request);
  });

  it('has no bound that is negative, unless nothing is within it', () => {
    const sent = range.encode({key: bytes('a'), limit: -1, revision: -2, minModRevision: -3});
    expect(readRange(range.decodeRequest(sent))).toMatchObject({limit: 0, revision: 0, minModRevision: 0});
    const nothing = range.encode({key: bytes('a'), maxModRevision: -1});
    expect(readRange(range.decodeRequest(nothing))).toMatchObject({minModRevision: Number.MAX_SAFE_INTEGER});
  });

  it('leaves out what it keeps of a key', () => {
    const sent = put.encode({key: bytes('a'), ignoreValue: true, lease: '7fffffffffffffff'});
    expect(readPut(put.decodeRequest(sent))).toEqual({
      key: bytes('a'),
      value: undefined,
      lease: '7fffffffffffffff',
      prevKv: false,
      ignoreValue: true,
      ignoreLease: false,
    });
  });

  it('is refused in the words of etcd if it sorts by nothing that there is', () => {
    // Field 6, the target, is 9.
    expect(() => range.decodeRequest(Buffer.from([0x30, 9]))).toThrow(
      expect.objectContaining({
        refusal: {code: 3, details: 'etcdserver: invalid sort option', kvi: 'KVI_INVALID_ARGUMENT'},
      }),
    );
  });
});

describe('a transaction', () => {
  const request: TxnRequest<Bytes> = {
    compare: [
      {key: bytes('a'), result: '!=', target: 'value', value: bytes('1')},
      {key: bytes('b'), rangeEnd: bytes('c'), result: '>', target: 'lease', lease: '12'},
    ],
    success: [
      {type: 'range', key: bytes('a')},
      {type: 'txn', failure: [{type: 'deleteRange', key: bytes('b'), prevKv: true}]},
    ],
  };

  it('is read as it was sent, however deep', () => {
    const read = readTxn(txn.decodeRequest(txn.encode(toTxn(request))));
    expect(read).toMatchObject({...request, failure: []});
    expect(read.compare?.[0]).toEqual({...request.compare?.[0], rangeEnd: Buffer.alloc(0)});
  });

  it('is answered with the revision of each operation', () => {
    const response = {
      revision: 5,
      succeeded: true,
      responses: [
        {type: 'range' as const, revision: 4, kvs: [], more: false, count: 0},
        {
          type: 'txn' as const,
          revision: 5,
          succeeded: false,
          responses: [{type: 'deleteRange' as const, revision: 5, deleted: 0, prevKvs: []}],
        },
      ],
    };
    const sent = txn.encodeResponse(toTxnResponse(response, {clusterId: '1', revision: 5}));
    expect(fromTxn(txn.decode(sent), request)).toEqual(response);
    expect(txn.decode(sent).responses[1]?.txn?.header).toEqual({revision: 0, raftTerm: 0});
  });
});

describe('a watch', () => {
  it('without a key begins with the smallest', () => {
    const {create} = watch.decodeRequest(watch.encode({create: {filters: ['nodelete']}}));
    expect(create && readWatch(create)).toMatchObject({key: Uint8Array.of(0), filters: ['nodelete']});
  });
});
