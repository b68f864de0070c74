import type {Bytes, PutRequest, RequestOp, TxnRequest, TxnResponse} from 'kvi-core/driver';
import {deleteRange, fromDeleteRange, fromPut, fromTxn, put, toTxn, txn} from 'kvi-wire';
import {linearizableBarrier} from './barrier.ts';
import type {Send} from './unary.ts';

/** Runs a transaction. A single write is sent as such, which costs etcd less than a transaction around it. */
export async function sendTxn(send: Send, request: TxnRequest<Bytes>): Promise<TxnResponse<Bytes>> {
  const only = onlyOp(request);
  if (only?.type === 'put' && !keepsSomething(only)) {
    const response = fromPut(await send(put, only));
    return {revision: response.revision, succeeded: true, responses: [{type: 'put', ...response}]};
  }
  if (only?.type === 'deleteRange') {
    const response = fromDeleteRange(await send(deleteRange, only));
    return {revision: response.revision, succeeded: true, responses: [{type: 'deleteRange', ...response}]};
  }
  if (hasNoOps(request)) await linearizableBarrier(send);
  return fromTxn(await send(txn, toTxn(request)), request);
}

/** The operation of a transaction that consists of one and nothing else. */
function onlyOp({compare = [], success = [], failure = []}: TxnRequest<Bytes>): RequestOp<Bytes> | undefined {
  return compare.length === 0 && failure.length === 0 && success.length === 1 ? success[0] : undefined;
}

/** etcd checks the lease of such a put first, and in a transaction the key: a put is to fail the same way in both. */
function keepsSomething({ignoreValue = false, ignoreLease = false}: PutRequest<Bytes>): boolean {
  return ignoreValue || ignoreLease;
}

function hasNoOps({success = [], failure = []}: TxnRequest<Bytes>): boolean {
  return success.length === 0 && failure.length === 0;
}
