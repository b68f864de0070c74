/** What a transaction consists of. */
import type {Bytes, Input} from './bytes.ts';
import {describeRange} from './key-range.ts';
import type {KeyRange, RequestOp, TxnRequest, TxnResponse} from './messages.ts';

/** Whether the request, in either branch, can change something. */
export function writes(request: TxnRequest<Bytes>): boolean {
  return hasOp(request, (op) => op.type === 'put' || op.type === 'deleteRange');
}

/** Whether the request, in either branch, can put a key. */
export function puts(request: TxnRequest<Bytes>): boolean {
  return hasOp(request, (op) => op.type === 'put');
}

/** Whether the request, in either branch, reads the store as it was at another revision. */
export function readsPast(request: TxnRequest<Bytes>): boolean {
  return hasOp(request, (op) => op.type === 'range' && (op.revision ?? 0) > 0);
}

/** Whether the request has such an operation, in either branch and however deep. */
function hasOp(request: TxnRequest<Bytes>, isIt: (op: RequestOp<Bytes>) => boolean): boolean {
  const has = (op: RequestOp<Bytes>) => (op.type === 'txn' ? hasOp(op, isIt) : isIt(op));
  return request.success?.some(has) === true || request.failure?.some(has) === true;
}

/** The operations of the branch that is taken. */
export function branch<T extends Input>(
  {success = [], failure = []}: TxnRequest<T>,
  succeeded: boolean,
): readonly RequestOp<T>[] {
  return succeeded ? success : failure;
}

/** The response of a nested transaction, as if it had not been nested. */
export function asTxnResponse<T extends Input>({
  revision,
  succeeded,
  responses,
}: TxnResponse<T>): TxnResponse<T> {
  return {revision, succeeded, responses};
}

/** The keys that a transaction compares, reads and writes, in both branches. */
export function keyRanges({compare = [], success = [], failure = []}: TxnRequest<Bytes>): KeyRange<Bytes>[] {
  const operations = [...success, ...failure].flatMap((op) => (op.type === 'txn' ? keyRanges(op) : [op]));
  return [...compare, ...operations];
}

/** The first of the keys that a transaction is about, for a message. */
export function describeTxn(request: TxnRequest<Bytes>): string {
  const ranges = keyRanges(request);
  const shown = ranges.slice(0, 3).map(describeRange).join(', ');
  return ranges.length > 3 ? `${shown} and ${ranges.length - 3} more` : shown || 'nothing';
}
