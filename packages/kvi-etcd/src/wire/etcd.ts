/**
 * etcd's calls and their messages, as far as kvi uses them. Fields have kvi's names, so that most of kvi's messages are
 * sent as they are; what kvi does not read is left out.
 *
 * @see `api/etcdserverpb/rpc.proto` and `api/mvccpb/kv.proto` in etcd
 */
import type {Bytes} from 'kvi-core/driver';
import {
  bool,
  bytes,
  choice,
  decode,
  encode,
  type Field,
  id,
  int64,
  later,
  type Message,
  message,
  nested,
  type Received,
  repeated,
  type Sent,
  text,
} from './protobuf.ts';

const header = message({revision: int64(3), raftTerm: int64(4)});
/** The header, with what only few look at. */
const wholeHeader = message({clusterId: id(1), memberId: id(2), revision: int64(3), raftTerm: int64(4)});

/** kvi's empty end means none; to etcd, one that is sent means every key from `key` on. */
function rangeEnd(number: number): Field<Bytes> {
  const field = bytes(number);
  return {
    ...field,
    write(to, value) {
      if (value.length > 0) field.write(to, value);
    },
  };
}

const keyValue = message({
  key: bytes(1),
  createRevision: int64(2),
  modRevision: int64(3),
  version: int64(4),
  value: bytes(5),
  lease: id(6),
});

const rangeRequest = message({
  key: bytes(1),
  rangeEnd: rangeEnd(2),
  limit: int64(3),
  revision: int64(4),
  sortOrder: choice(5, ['none', 'ascend', 'descend']),
  sortTarget: choice(6, ['key', 'version', 'create', 'mod', 'value']),
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
  result: choice(1, ['=', '>', '<', '!=']),
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

const requestOp = message({
  range: nested(1, rangeRequest),
  put: nested(2, putRequest),
  deleteRange: nested(3, deleteRangeRequest),
  txn: nested(
    4,
    later(() => txnRequest),
  ),
});

const txnRequest: Message<SentTxn, unknown> = message({
  compare: repeated(nested(1, compare)),
  success: repeated(nested(2, requestOp)),
  failure: repeated(nested(3, requestOp)),
});

/** The response to an operation: one of these. */
export interface ReceivedOp {
  range: Received<typeof rangeResponse> | undefined;
  put: Received<typeof putResponse> | undefined;
  deleteRange: Received<typeof deleteRangeResponse> | undefined;
  txn: ReceivedTxn | undefined;
}

export interface ReceivedTxn {
  header: Received<typeof header> | undefined;
  succeeded: boolean;
  responses: ReceivedOp[];
}

const responseOp = message({
  range: nested(1, rangeResponse),
  put: nested(2, putResponse),
  deleteRange: nested(3, deleteRangeResponse),
  txn: nested(
    4,
    later(() => txnResponse),
  ),
});

const txnResponse: Message<never, ReceivedTxn> = message({
  header: nested(1, header),
  succeeded: bool(2),
  responses: repeated(nested(3, responseOp)),
});

const watchCreate = message({
  key: bytes(1),
  rangeEnd: rangeEnd(2),
  startRevision: int64(3),
  progressNotify: bool(4),
  filters: repeated(choice(5, ['noput', 'nodelete'])),
  prevKv: bool(6),
  watchId: int64(7),
  fragment: bool(8),
});

const watchRequest = message({
  create: nested(1, watchCreate),
  cancel: nested(2, message({watchId: int64(1)})),
  progress: nested(3, message({})),
});

const event = message({
  type: choice(1, ['put', 'delete']),
  kv: nested(2, keyValue),
  prevKv: nested(3, keyValue),
});

const watchResponse = message({
  header: nested(1, wholeHeader),
  watchId: int64(2),
  created: bool(3),
  canceled: bool(4),
  compactRevision: int64(5),
  cancelReason: text(6),
  fragment: bool(7),
  events: repeated(nested(11, event)),
});

const member = message({
  id: id(1),
  name: text(2),
  peerUrls: repeated(text(3)),
  clientUrls: repeated(text(4)),
  isLearner: bool(5),
});

const lease = message({id: id(1)});
const keepAliveResponse = message({header: nested(1, header), id: id(2), ttl: int64(3)});
const nothing = message({});
const onlyHeader = message({header: nested(1, header)});

/** One of etcd's calls. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly encode: (request: Request) => Buffer;
  readonly decode: (response: Buffer) => Response;
}

function method<Request, Response>(
  path: string,
  request: Message<Request, unknown>,
  response: Message<never, Response>,
): Method<Request, Response> {
  return {
    path: `/etcdserverpb.${path}`,
    encode: (value) => encode(request, value),
    decode: (buffer) => decode(response, buffer),
  };
}

export const range = method('KV/Range', rangeRequest, rangeResponse);
export const put = method('KV/Put', putRequest, putResponse);
export const deleteRange = method('KV/DeleteRange', deleteRangeRequest, deleteRangeResponse);
export const txn = method('KV/Txn', txnRequest, txnResponse);
export const compact = method('KV/Compact', message({revision: int64(1), physical: bool(2)}), onlyHeader);
export const leaseGrant = method(
  'Lease/LeaseGrant',
  message({ttl: int64(1), id: id(2)}),
  message({header: nested(1, header), id: id(2), ttl: int64(3)}),
);
export const leaseRevoke = method('Lease/LeaseRevoke', lease, onlyHeader);
export const leaseTimeToLive = method(
  'Lease/LeaseTimeToLive',
  message({id: id(1), keys: bool(2)}),
  message({header: nested(1, header), ttl: int64(3), grantedTtl: int64(4), keys: repeated(bytes(5))}),
);
export const leaseLeases = method(
  'Lease/LeaseLeases',
  nothing,
  message({header: nested(1, header), leases: repeated(nested(2, lease))}),
);
export const authenticate = method(
  'Auth/Authenticate',
  message({name: text(1), password: text(2)}),
  message({token: text(2)}),
);
export const memberList = method(
  'Cluster/MemberList',
  message({linearizable: bool(1)}),
  message({
    header: nested(1, wholeHeader),
    members: repeated(nested(2, member)),
  }),
);
export const status = method(
  'Maintenance/Status',
  nothing,
  message({
    header: nested(1, wholeHeader),
    version: text(2),
    dbSize: int64(3),
    leader: id(4),
    errors: repeated(text(8)),
    dbSizeInUse: int64(9),
    dbSizeQuota: int64(12),
  }),
);

/** A stream of watches: create and cancel some, and receive the events of all. */
export const watch = method('Watch/Watch', watchRequest, watchResponse);
/** A stream of keepalives, each with its answer. */
export const leaseKeepAlive = method('Lease/LeaseKeepAlive', lease, keepAliveResponse);

export type Header = Received<typeof header>;
export type Member = Received<typeof member>;
export type SentRange = Sent<typeof rangeRequest>;
export type ReceivedRange = Received<typeof rangeResponse>;
export type ReceivedPut = Received<typeof putResponse>;
export type ReceivedDeleteRange = Received<typeof deleteRangeResponse>;
export type SentWatchRequest = Sent<typeof watchRequest>;
export type SentWatch = Sent<typeof watchCreate>;
export type WatchMessage = Received<typeof watchResponse>;
export type KeepAliveMessage = Received<typeof keepAliveResponse>;
export type ReceivedEvent = Received<typeof event>;
