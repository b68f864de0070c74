import type {Bytes} from '../etcd/bytes.ts';
import {toBeChecked} from '../etcd/fenced-txn.ts';
import {KviError} from '../etcd/errors.ts';
import {isSingleKey} from '../etcd/key-range.ts';
import type {RequestOp, ResponseOp, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {asTxnResponse} from '../etcd/txn-shape.ts';
import {type RequestLimits, txnSize} from '../etcd/validate.ts';

/** One transaction for several that touch different keys, and how each gets its response. */
export interface Batch {
  request: TxnRequest<Bytes>;
  /** The responses, in the order of the transactions. */
  split: (response: TxnResponse<Bytes>) => TxnResponse<Bytes>[];
}

/**
 * Puts transactions together. Those without conditions become operations of the batch, the others are nested, with what
 * they do repeated for etcd to check; see {@link toBeChecked}.
 */
export function batchOf(requests: readonly TxnRequest<Bytes>[]): Batch {
  const success = requests.flatMap(operationsOf);
  return {
    request: {success, failure: toBeChecked({success: success.filter((op) => op.type === 'txn')})},
    split({revision, responses}) {
      let taken = 0;
      return requests.map((request): TxnResponse<Bytes> => {
        const own = responses.slice(taken, (taken += operationsOf(request).length));
        return isUnconditional(request) ? {revision, succeeded: true, responses: own} : nestedResponse(own);
      });
    },
  };
}

function operationsOf(request: TxnRequest<Bytes>): readonly RequestOp<Bytes>[] {
  return isUnconditional(request) ? (request.success ?? []) : [{type: 'txn', ...request}];
}

function isUnconditional({compare = [], failure = []}: TxnRequest<Bytes>): boolean {
  return compare.length === 0 && failure.length === 0;
}

function nestedResponse([response]: readonly ResponseOp<Bytes>[]): TxnResponse<Bytes> {
  if (response?.type !== 'txn')
    throw new KviError('KVI_INTERNAL', 'the response to a nested transaction is missing');
  return asTxnResponse(response);
}

/** What transactions take of a batch. */
export interface Share {
  /** Operations of the batch itself. */
  ops: number;
  /** Operations that are repeated for etcd to check. */
  checked: number;
  /** Operations of the largest of the nested transactions, for which the batch has to leave room. */
  inner: number;
  bytes: number;
  /** Keys that they may return. */
  keys: number;
}

export const nothing: Share = {ops: 0, checked: 0, inner: 0, bytes: 0, keys: 0};

export function shareOf(request: TxnRequest<Bytes>): Share {
  const operations = operationsOf(request);
  const nested = operations.filter((op) => op.type === 'txn');
  return {
    ops: operations.length,
    checked: countChecked(nested),
    inner: innerOps(nested),
    bytes: (nested.length === 0 ? 1 : 2) * txnSize(request),
    keys: keysReturned(request),
  };
}

export function join(a: Share, b: Share): Share {
  return {
    ops: a.ops + b.ops,
    checked: a.checked + b.checked,
    inner: Math.max(a.inner, b.inner),
    bytes: a.bytes + b.bytes,
    keys: a.keys + b.keys,
  };
}

/** etcd's limit is not a sum: a transaction nested in another may hold what that one leaves over. */
export function fits(
  {ops, checked, inner, bytes}: Share,
  {maxTxnOps, maxRequestBytes}: RequestLimits,
): boolean {
  return Math.max(ops, checked) + inner <= maxTxnOps && bytes <= maxRequestBytes;
}

/** What a transaction takes of the limit, those nested in it included. */
function opsOf({compare = [], success = [], failure = []}: TxnRequest<Bytes>): number {
  const own = Math.max(compare.length, success.length, failure.length);
  return own + Math.max(innerOps(success), innerOps(failure));
}

function innerOps(ops: readonly RequestOp<Bytes>[]): number {
  return Math.max(0, ...ops.map((op) => (op.type === 'txn' ? opsOf(op) : 0)));
}

/** How many operations {@link toBeChecked} makes of these, at most. */
function countChecked(ops: readonly RequestOp<Bytes>[]): number {
  return ops.reduce((sum, op) => {
    if (op.type === 'range') return sum + 1;
    // What a write returns is checked as a read too.
    if (op.type !== 'txn') return sum + (op.prevKv === true ? 2 : 1);
    const {compare = [], success = [], failure = []} = op;
    return sum + compare.length + countChecked(success) + countChecked(failure);
  }, 0);
}

function keysReturned({success = [], failure = []}: TxnRequest<Bytes>): number {
  const most = (ops: readonly RequestOp<Bytes>[]) => ops.reduce((sum, op) => sum + keysReturnedBy(op), 0);
  return Math.max(most(success), most(failure));
}

function keysReturnedBy(op: RequestOp<Bytes>): number {
  switch (op.type) {
    case 'range':
      if (isSingleKey(op) || op.countOnly === true) return 1;
      return (op.limit ?? 0) === 0 ? Infinity : (op.limit ?? 0);
    case 'put':
      return op.prevKv === true ? 1 : 0;
    case 'deleteRange':
      if (op.prevKv !== true) return 0;
      return isSingleKey(op) ? 1 : Infinity;
    case 'txn':
      return keysReturned(op);
  }
}
