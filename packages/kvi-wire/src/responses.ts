/** etcd's responses to kvi's, for a client, and kvi's to etcd's, for a server. */
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
} from 'kvi-core/driver';
import type {
  Header,
  ReceivedDeleteRangeResponse,
  ReceivedEvent,
  ReceivedPutResponse,
  ReceivedRangeResponse,
  ReceivedResponseOp,
  ReceivedTxnResponse,
  SentDeleteRangeResponse,
  SentHeader,
  SentPutResponse,
  SentRangeResponse,
  SentResponseOp,
  SentTxnResponse,
} from './etcd/index.ts';
import {orderTies} from './ties.ts';

export function fromRange(
  {header, kvs, more, count}: ReceivedRangeResponse,
  request: RangeRequest<Bytes>,
): RangeResponse<Bytes> {
  return {revision: revisionOf(header), kvs: orderTies(kvs, request), more, count};
}

export function fromTxn(response: ReceivedTxnResponse, request: TxnRequest<Bytes>): TxnResponse<Bytes> {
  return fromTxnAt(response, request, revisionOf(response.header));
}

export function fromEvent({type, kv, prevKv}: ReceivedEvent): Event<Bytes> {
  if (kv === undefined) throw unexpected('an event without a key');
  return prevKv === undefined ? {type, kv} : {type, kv, prevKv};
}

export function revisionOf(header: Pick<Header, 'revision'> | undefined): number {
  return header?.revision ?? 0;
}

/** @param revision - the outermost transaction's: etcd leaves it out of the header of a nested one */
function fromTxnAt(
  {succeeded, responses}: ReceivedTxnResponse,
  {success = [], failure = []}: TxnRequest<Bytes>,
  revision: number,
): TxnResponse<Bytes> {
  const ops = succeeded ? success : failure;
  return {revision, succeeded, responses: responses.map((op, i) => fromOp(op, ops[i], revision))};
}

function fromOp(
  {range, put, deleteRange, txn}: ReceivedResponseOp,
  request: RequestOp<Bytes> | undefined,
  revision: number,
): ResponseOp<Bytes> {
  if (range && request?.type === 'range') return {type: 'range', ...fromRange(range, request)};
  if (put) return {type: 'put', ...fromPut(put)};
  if (deleteRange) return {type: 'deleteRange', ...fromDeleteRange(deleteRange)};
  if (txn && request?.type === 'txn') return {type: 'txn', ...fromTxnAt(txn, request, revision)};
  throw unexpected('the response to another operation');
}

export function fromPut({header, prevKv}: ReceivedPutResponse): PutResponse<Bytes> {
  const revision = revisionOf(header);
  return prevKv === undefined ? {revision} : {revision, prevKv};
}

export function fromDeleteRange({
  header,
  deleted,
  prevKvs,
}: ReceivedDeleteRangeResponse): DeleteRangeResponse<Bytes> {
  return {revision: revisionOf(header), deleted, prevKvs};
}

function unexpected(what: string): KviError {
  return new KviError('KVI_INTERNAL', `unexpected message from etcd: ${what}`);
}

/** A server's response to a read. @param header - in a transaction, with the revision only, as etcd's */
export function toRangeResponse(
  {kvs, more, count}: RangeResponse<Bytes>,
  header: SentHeader,
): SentRangeResponse {
  return {header, kvs, more, count};
}

export function toPutResponse({prevKv}: PutResponse<Bytes>, header: SentHeader): SentPutResponse {
  return {header, prevKv};
}

export function toDeleteRangeResponse(
  {deleted, prevKvs}: DeleteRangeResponse<Bytes>,
  header: SentHeader,
): SentDeleteRangeResponse {
  return {header, deleted, prevKvs};
}

export function toTxnResponse(
  {succeeded, responses}: TxnResponse<Bytes>,
  header: SentHeader,
): SentTxnResponse {
  return {header, succeeded, responses: responses.map(toResponseOp)};
}

function toResponseOp(response: ResponseOp<Bytes>): SentResponseOp {
  const header = {revision: response.revision};
  switch (response.type) {
    case 'range':
      return {range: toRangeResponse(response, header)};
    case 'put':
      return {put: toPutResponse(response, header)};
    case 'deleteRange':
      return {deleteRange: toDeleteRangeResponse(response, header)};
    // etcd leaves the header of a nested transaction empty.
    case 'txn':
      return {txn: toTxnResponse(response, {})};
  }
}
