/**
 * kvi's messages to etcd3's and back. etcd3 gives 64-bit numbers as decimal text and takes them so; fields that are left
 * out mean zero, empty or false.
 */
import type {
  ICompare,
  IDeleteRangeRequest,
  IDeleteRangeResponse,
  IEvent,
  IKeyValue,
  IPutRequest,
  IPutResponse,
  IRangeRequest,
  IRangeResponse,
  IRequestOp,
  IResponseOp,
  ITxnRequest,
  ITxnResponse,
  IWatchCreateRequest,
} from 'etcd3';
import {
  type Bytes,
  type Compare,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type Event,
  type KeyValue,
  KviError,
  type LeaseId,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  type RequestOp,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
  type WatchRequest,
} from 'kvi-core/driver';
import {orderTies} from './ties.ts';

const sortOrders = {ascend: 'Ascend', descend: 'Descend'} as const;

const sortTargets = {key: 'Key', version: 'Version', create: 'Create', mod: 'Mod', value: 'Value'} as const;

const compareResults = {'=': 'Equal', '!=': 'NotEqual', '<': 'Less', '>': 'Greater'} as const;

const watchFilters = {noput: 'Noput', nodelete: 'Nodelete'} as const;

/**
 * Keys come in ascending order by themselves; asked for it, etcd would read the whole range before it cuts to the limit.
 * Another order is always named: left to itself, etcd before 3.6 cuts to the limit first, and sorts what is left.
 */
function sortOrder({sortOrder = 'ascend', sortTarget = 'key'}: RangeRequest<Bytes>) {
  return sortOrder === 'ascend' && sortTarget === 'key' ? undefined : sortOrders[sortOrder];
}

export function toRange(request: RangeRequest<Bytes>): IRangeRequest {
  return present({
    key: buffer(request.key),
    range_end: end(request.rangeEnd),
    limit: request.limit,
    revision: request.revision,
    sort_order: sortOrder(request),
    sort_target: request.sortTarget && sortTargets[request.sortTarget],
    serializable: request.serializable,
    keys_only: request.keysOnly,
    count_only: request.countOnly,
    min_mod_revision: request.minModRevision,
    max_mod_revision: request.maxModRevision,
    min_create_revision: request.minCreateRevision,
    max_create_revision: request.maxCreateRevision,
  });
}

export function fromRange(response: IRangeResponse, request: RangeRequest<Bytes>): RangeResponse<Bytes> {
  return {
    revision: Number(response.header.revision),
    kvs: orderTies(response.kvs.map(fromKeyValue), request),
    more: response.more,
    count: Number(response.count),
  };
}

export function toTxn(request: TxnRequest<Bytes>): ITxnRequest {
  return {
    compare: (request.compare ?? []).map(toCompare),
    success: (request.success ?? []).map(toOp),
    failure: (request.failure ?? []).map(toOp),
  };
}

export function fromTxn(response: ITxnResponse, request: TxnRequest<Bytes>): TxnResponse<Bytes> {
  return fromTxnAt(response, request, Number(response.header.revision));
}

/** @param id chosen here, above 0, so that many watches can be asked for without waiting for each other's answer */
export function toWatchCreate(
  request: WatchRequest<Bytes>,
  id: number,
  startRevision: number,
): IWatchCreateRequest {
  return present({
    watch_id: id,
    key: buffer(request.key),
    range_end: end(request.rangeEnd),
    start_revision: startRevision,
    prev_kv: request.prevKv,
    filters: request.filters?.map((filter) => watchFilters[filter]),
    // Also when the consumer does not ask: a watch on quiet keys would otherwise resume, after a reconnection, from a
    // revision that may have been compacted long since.
    progress_notify: true,
    // Without it, a large revision could exceed the limits of a proxy on the way.
    fragment: true,
  });
}

export function fromEvent(event: IEvent): Event<Bytes> {
  const prevKv = event.prev_kv as IKeyValue | null;
  return {
    type: event.type === 'Put' ? 'put' : 'delete',
    kv: fromKeyValue(event.kv),
    ...(prevKv && {prevKv: fromKeyValue(prevKv)}),
  };
}

/** A lease id as etcd3 takes it: a signed 64-bit number in decimal. */
export function toLease(id: LeaseId): string {
  return BigInt.asIntN(64, BigInt(`0x${id}`)).toString();
}

/** A lease id as kvi and etcdctl show it. */
export function fromLease(id: string): LeaseId {
  return BigInt.asUintN(64, BigInt(id)).toString(16);
}

function fromKeyValue(kv: IKeyValue): KeyValue<Bytes> {
  return {
    key: kv.key,
    value: kv.value,
    createRevision: Number(kv.create_revision),
    modRevision: Number(kv.mod_revision),
    version: Number(kv.version),
    lease: fromLease(kv.lease),
  };
}

function toCompare(compare: Compare<Bytes>): ICompare {
  const {key, rangeEnd, result} = compare;
  const common = {
    ...present({key: buffer(key), range_end: end(rangeEnd)}),
    result: compareResults[result],
  };
  switch (compare.target) {
    case 'value':
      return {...common, target: 'Value', value: buffer(compare.value)};
    case 'version':
      return {...common, target: 'Version', version: compare.version};
    case 'create':
      return {...common, target: 'Create', create_revision: compare.createRevision};
    case 'mod':
      return {...common, target: 'Mod', mod_revision: compare.modRevision};
    case 'lease':
      return {...common, target: 'Lease', lease: toLease(compare.lease)};
  }
}

function toOp(op: RequestOp<Bytes>): IRequestOp {
  switch (op.type) {
    case 'range':
      return {request_range: toRange(op)};
    case 'put':
      return {request_put: toPut(op)};
    case 'deleteRange':
      return {request_delete_range: toDeleteRange(op)};
    case 'txn':
      return {request_txn: toTxn(op)};
  }
}

function toPut(request: PutRequest<Bytes>): IPutRequest {
  return present({
    key: buffer(request.key),
    value: buffer(request.value),
    lease: request.lease === undefined ? undefined : toLease(request.lease),
    prev_kv: request.prevKv,
    ignore_value: request.ignoreValue,
    ignore_lease: request.ignoreLease,
  });
}

function toDeleteRange(request: DeleteRangeRequest<Bytes>): IDeleteRangeRequest {
  return present({
    key: buffer(request.key),
    range_end: end(request.rangeEnd),
    prev_kv: request.prevKv,
  });
}

/** @param revision the outermost transaction's: etcd leaves it out of the header of one nested in it */
function fromTxnAt(
  {succeeded, responses}: ITxnResponse,
  {success = [], failure = []}: TxnRequest<Bytes>,
  revision: number,
): TxnResponse<Bytes> {
  const ops = succeeded ? success : failure;
  return {revision, succeeded, responses: responses.map((op, i) => fromOp(op, ops[i], revision))};
}

/** @param op of its four fields, only the one that answers is there, whatever etcd3's type says */
function fromOp(
  op: Partial<IResponseOp>,
  request: RequestOp<Bytes> | undefined,
  revision: number,
): ResponseOp<Bytes> {
  if (op.response_range && request?.type === 'range')
    return {type: 'range', ...fromRange(op.response_range, request)};
  if (op.response_put) return {type: 'put', ...fromPut(op.response_put)};
  if (op.response_delete_range) return {type: 'deleteRange', ...fromDeleteRange(op.response_delete_range)};
  if (op.response_txn && request?.type === 'txn')
    return {type: 'txn', ...fromTxnAt(op.response_txn, request, revision)};
  throw new KviError(
    'KVI_INTERNAL',
    'etcd answered an operation of a transaction with something else than its response',
  );
}

function fromPut(response: IPutResponse): PutResponse<Bytes> {
  const prevKv = response.prev_kv as IKeyValue | null;
  return {revision: Number(response.header.revision), ...(prevKv && {prevKv: fromKeyValue(prevKv)})};
}

function fromDeleteRange(response: IDeleteRangeResponse): DeleteRangeResponse<Bytes> {
  return {
    revision: Number(response.header.revision),
    deleted: Number(response.deleted),
    prevKvs: response.prev_kvs.map(fromKeyValue),
  };
}

/** An empty end means none, but sent as a field it would be to etcd "every key from `key` on". */
function end(rangeEnd: Bytes | undefined): Buffer | undefined {
  return rangeEnd?.length === 0 ? undefined : buffer(rangeEnd);
}

function buffer(bytes: Bytes): Buffer;
function buffer(bytes: Bytes | undefined): Buffer | undefined;
function buffer(bytes: Bytes | undefined): Buffer | undefined {
  if (bytes === undefined || Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

type Present<T> = {[K in keyof T]?: Exclude<T[K], undefined>};

/** Leaves out the fields that are undefined: etcd3's types know only absent ones. */
function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}
