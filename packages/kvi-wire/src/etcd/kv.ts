/** Keys, ranges and transactions. */
import {etcdErrors} from './errors.ts';
import {
  bool,
  bytes,
  choice,
  id,
  int64,
  later,
  type Message,
  message,
  named,
  nested,
  type Received,
  repeated,
  type Sent,
} from '../protobuf/protobuf.ts';
import {header, type Header, type SentHeader} from './header.ts';
import {rangeEnd} from './key-range.ts';
import {keyValue} from './key-value.ts';
import {method} from './method.ts';

const badSort = {refusal: etcdErrors.invalidSortOption};

const rangeRequest = message({
  key: bytes(1),
  rangeEnd: rangeEnd(2),
  limit: int64(3),
  revision: int64(4),
  sortOrder: choice(5, ['none', 'ascend', 'descend'], badSort),
  sortTarget: choice(6, ['key', 'version', 'create', 'mod', 'value'], badSort),
  serializable: bool(7),
  keysOnly: bool(8),
  countOnly: bool(9),
  minModRevision: int64(10),
  maxModRevision: int64(11),
  minCreateRevision: int64(12),
  maxCreateRevision: int64(13),
});

const rangeResponse = message({
  header: nested(1, header),
  kvs: repeated(nested(2, keyValue)),
  more: bool(3),
  count: int64(4),
});

const putRequest = message({
  key: bytes(1),
  value: bytes(2),
  lease: id(3),
  prevKv: bool(4),
  ignoreValue: bool(5),
  ignoreLease: bool(6),
});

const putResponse = message({header: nested(1, header), prevKv: nested(2, keyValue)});

const deleteRangeRequest = message({key: bytes(1), rangeEnd: rangeEnd(2), prevKv: bool(3)});

const deleteRangeResponse = message({
  header: nested(1, header),
  deleted: int64(2),
  prevKvs: repeated(nested(3, keyValue)),
});

const compare = message({
  result: choice(1, ['=', '>', '<', '!='], {protocolNames: ['EQUAL', 'GREATER', 'LESS', 'NOT_EQUAL']}),
  target: choice(2, ['version', 'create', 'mod', 'value', 'lease']),
  key: bytes(3),
  version: int64(4),
  createRevision: int64(5),
  modRevision: int64(6),
  value: bytes(7),
  lease: id(8),
  rangeEnd: rangeEnd(64),
});

/** An operation of a transaction: one of these. */
export interface SentOp {
  readonly range?: Sent<typeof rangeRequest> | undefined;
  readonly put?: Sent<typeof putRequest> | undefined;
  readonly deleteRange?: Sent<typeof deleteRangeRequest> | undefined;
  readonly txn?: SentTxn | undefined;
}

export interface SentTxn {
  readonly compare?: readonly Sent<typeof compare>[] | undefined;
  readonly success?: readonly SentOp[] | undefined;
  readonly failure?: readonly SentOp[] | undefined;
}

/** An operation as a server receives it: one of these. */
export interface ReceivedOp {
  range: Received<typeof rangeRequest> | undefined;
  put: Received<typeof putRequest> | undefined;
  deleteRange: Received<typeof deleteRangeRequest> | undefined;
  txn: ReceivedTxn | undefined;
}

export interface ReceivedTxn {
  compare: Received<typeof compare>[];
  success: ReceivedOp[];
  failure: ReceivedOp[];
}

const requestOp = message(
  {
    range: named('request_range', nested(1, rangeRequest)),
    put: named('request_put', nested(2, putRequest)),
    deleteRange: named('request_delete_range', nested(3, deleteRangeRequest)),
    txn: named(
      'request_txn',
      nested(
        4,
        later(() => txnRequest),
      ),
    ),
  },
  'etcdserverpb.RequestOp',
);

const txnRequest: Message<SentTxn, ReceivedTxn> = message({
  compare: repeated(nested(1, compare)),
  success: repeated(nested(2, requestOp)),
  failure: repeated(nested(3, requestOp)),
});

/** The response to an operation: one of these. */
export interface ReceivedResponseOp {
  range: Received<typeof rangeResponse> | undefined;
  put: Received<typeof putResponse> | undefined;
  deleteRange: Received<typeof deleteRangeResponse> | undefined;
  txn: ReceivedTxnResponse | undefined;
}

export interface ReceivedTxnResponse {
  header: Header | undefined;
  succeeded: boolean;
  responses: ReceivedResponseOp[];
}

/** What a server sends for an operation: one of these. */
export interface SentResponseOp {
  readonly range?: Sent<typeof rangeResponse> | undefined;
  readonly put?: Sent<typeof putResponse> | undefined;
  readonly deleteRange?: Sent<typeof deleteRangeResponse> | undefined;
  readonly txn?: SentTxnResponse | undefined;
}

export interface SentTxnResponse {
  readonly header?: SentHeader | undefined;
  readonly succeeded?: boolean | undefined;
  readonly responses?: readonly SentResponseOp[] | undefined;
}

const responseOp = message(
  {
    range: named('response_range', nested(1, rangeResponse)),
    put: named('response_put', nested(2, putResponse)),
    deleteRange: named('response_delete_range', nested(3, deleteRangeResponse)),
    txn: named(
      'response_txn',
      nested(
        4,
        later(() => txnResponse),
      ),
    ),
  },
  'etcdserverpb.ResponseOp',
);

const txnResponse: Message<SentTxnResponse, ReceivedTxnResponse> = message({
  header: nested(1, header),
  succeeded: bool(2),
  responses: repeated(nested(3, responseOp)),
});

export const range = method('/etcdserverpb.KV/Range', rangeRequest, rangeResponse);
export const put = method('/etcdserverpb.KV/Put', putRequest, putResponse);
export const deleteRange = method('/etcdserverpb.KV/DeleteRange', deleteRangeRequest, deleteRangeResponse);
export const txn = method('/etcdserverpb.KV/Txn', txnRequest, txnResponse);
export const compact = method(
  '/etcdserverpb.KV/Compact',
  message({revision: int64(1), physical: bool(2)}, 'etcdserverpb.CompactionRequest'),
  message({header: nested(1, header)}, 'etcdserverpb.CompactionResponse'),
);

export type SentRange = Sent<typeof rangeRequest>;
export type ReceivedRange = Received<typeof rangeRequest>;
export type ReceivedPut = Received<typeof putRequest>;
export type ReceivedDeleteRange = Received<typeof deleteRangeRequest>;
export type ReceivedCompare = Received<typeof compare>;
export type SentRangeResponse = Sent<typeof rangeResponse>;
export type SentPutResponse = Sent<typeof putResponse>;
export type SentDeleteRangeResponse = Sent<typeof deleteRangeResponse>;
export type ReceivedRangeResponse = Received<typeof rangeResponse>;
export type ReceivedPutResponse = Received<typeof putResponse>;
export type ReceivedDeleteRangeResponse = Received<typeof deleteRangeResponse>;
