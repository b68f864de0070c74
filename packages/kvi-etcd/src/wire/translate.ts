/** kvi's messages to etcd's and back, where they differ. */
import {
  type Bytes,
  type DeleteRangeResponse,
  type Event,
  KviError,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  type RequestOp,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
  type WatchRequest,
} from 'kvi-core/driver';
import type {
  Header,
  ReceivedDeleteRange,
  ReceivedEvent,
  ReceivedOp,
  ReceivedPut,
  ReceivedRange,
  ReceivedTxn,
  SentOp,
  SentRange,
  SentTxn,
  SentWatch,
} from './etcd.ts';
import {orderTies} from './ties.ts';

/**
 * Keys come in ascending order by themselves; asked for it, etcd would read the whole range before it cuts to the limit.
 * Any other order is named: without a name, etcd before 3.6 cuts to the limit first, and sorts what is left.
 */
export function toRange(request: RangeRequest<Bytes>): SentRange {
  const {sortOrder = 'ascend', sortTarget = 'key'} = request;
  const named = sortOrder === 'ascend' && sortTarget === 'key' ? undefined : sortOrder;
  return named === request.sortOrder ? request : {...request, sortOrder: named};
}

export function fromRange(
  {header, kvs, more, count}: ReceivedRange,
  request: RangeRequest<Bytes>,
): RangeResponse<Bytes> {
  return {revision: revisionOf(header), kvs: orderTies(kvs, request), more, count};
}

export function toTxn({compare, success, failure}: TxnRequest<Bytes>): SentTxn {
  return {compare, success: success?.map(toOp), failure: failure?.map(toOp)};
}

export function fromTxn(response: ReceivedTxn, request: TxnRequest<Bytes>): TxnResponse<Bytes> {
  return fromTxnAt(response, request, revisionOf(response.header));
}

/** @param id - chosen here, above 0, so that many watches can be created without waiting for each other's response */
export function toWatch(
  {key, rangeEnd, filters, prevKv}: WatchRequest<Bytes>,
  id: number,
  startRevision: number,
): SentWatch {
  return {
    key,
    rangeEnd,
    filters,
    prevKv,
    watchId: id,
    startRevision,
    // Also if the consumer does not ask for it: after a reconnection, a watch on quiet keys would otherwise resume from a
    // revision that may have been compacted long ago.
    progressNotify: true,
    // Otherwise a large revision could exceed the limits of a proxy in between.
    fragment: true,
  };
}

export function fromEvent({type, kv, prevKv}: ReceivedEvent): Event<Bytes> {
  if (kv === undefined) throw unexpected('an event without a key');
  return prevKv === undefined ? {type, kv} : {type, kv, prevKv};
}

export function revisionOf(header: Pick<Header, 'revision'> | undefined): number {
  return header?.revision ?? 0;
}

function toOp(op: RequestOp<Bytes>): SentOp {
  switch (op.type) {
    case 'range':
      return {range: toRange(op)};
    case 'put':
      return {put: op};
    case 'deleteRange':
      return {deleteRange: op};
    case 'txn':
      return {txn: toTxn(op)};
  }
}

/** @param revision - the outermost transaction's: etcd leaves it out of the header of a nested one */
function fromTxnAt(
  {succeeded, responses}: ReceivedTxn,
  {success = [], failure = []}: TxnRequest<Bytes>,
  revision: number,
): TxnResponse<Bytes> {
  const ops = succeeded ? success : failure;
  return {revision, succeeded, responses: responses.map((op, i) => fromOp(op, ops[i], revision))};
}

function fromOp(
  {range, put, deleteRange, txn}: ReceivedOp,
  request: RequestOp<Bytes> | undefined,
  revision: number,
): ResponseOp<Bytes> {
  if (range && request?.type === 'range') return {type: 'range', ...fromRange(range, request)};
  if (put) return {type: 'put', ...fromPut(put)};
  if (deleteRange) return {type: 'deleteRange', ...fromDeleteRange(deleteRange)};
  if (txn && request?.type === 'txn') return {type: 'txn', ...fromTxnAt(txn, request, revision)};
  throw unexpected('the response to another operation');
}

export function fromPut({header, prevKv}: ReceivedPut): PutResponse<Bytes> {
  const revision = revisionOf(header);
  return prevKv === undefined ? {revision} : {revision, prevKv};
}

export function fromDeleteRange({header, deleted, prevKvs}: ReceivedDeleteRange): DeleteRangeResponse<Bytes> {
  return {revision: revisionOf(header), deleted, prevKvs};
}

function unexpected(what: string): KviError {
  return new KviError('KVI_INTERNAL', `unexpected message from etcd: ${what}`);
}
