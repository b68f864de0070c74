/**
 * The rules that etcd has for a request whatever the store holds, in its order and its words.
 *
 * @see `server/etcdserver/api/v3rpc/key.go` in etcd
 */
import {type Bytes, checkOverlaps, isKviError, type RequestOp} from 'kvi-core/driver';
import {
  etcdErrors,
  type ReceivedDeleteRange,
  type ReceivedOp,
  type ReceivedPut,
  type ReceivedRange,
  type ReceivedTxn,
} from 'kvi-wire';
import {Refusal} from '../grpc/refusal.ts';

/** @throws Refusal */
export function checkKey({key}: Pick<ReceivedRange | ReceivedPut | ReceivedDeleteRange, 'key'>): void {
  if (key.length === 0) throw new Refusal(etcdErrors.emptyKey);
}

/** @throws Refusal */
export function checkPut(put: ReceivedPut): void {
  checkKey(put);
  if (put.ignoreValue && put.value.length > 0) throw new Refusal(etcdErrors.valueProvided);
  if (put.ignoreLease && put.lease !== '0') throw new Refusal(etcdErrors.leaseProvided);
}

/** Nested transactions share the limit: each may hold what the one around it leaves over. @throws Refusal */
export function checkTxn({compare, success, failure}: ReceivedTxn, maxTxnOps: number): void {
  const most = Math.max(compare.length, success.length, failure.length);
  if (most > maxTxnOps) throw new Refusal(etcdErrors.tooManyOps);
  for (const item of compare) checkKey(item);
  for (const op of success) checkOp(op, maxTxnOps - most);
  for (const op of failure) checkOp(op, maxTxnOps - most);
}

function checkOp({range, put, deleteRange, txn}: ReceivedOp, maxTxnOps: number): void {
  if (range) checkKey(range);
  else if (put) checkPut(put);
  else if (deleteRange) checkKey(deleteRange);
  else if (txn) checkTxn(txn, maxTxnOps);
  else throw new Refusal(etcdErrors.keyNotFound);
}

/** Refuses a branch that changes a key twice. @throws Refusal */
export function checkBranch(ops: readonly RequestOp<Bytes>[]): void {
  try {
    checkOverlaps(ops);
  } catch (error) {
    throw isKviError(error) ? new Refusal(etcdErrors.duplicateKey) : error;
  }
}

/** @param size - of the request, in bytes @throws Refusal */
export function checkSize(size: number, maxRequestBytes: number): void {
  if (size > maxRequestBytes) throw new Refusal(etcdErrors.requestTooLarge);
}
