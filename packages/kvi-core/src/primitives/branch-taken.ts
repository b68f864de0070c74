/**
 * Stores which branch a transaction took, and reads it back: that is all it takes to rebuild the response to a transaction
 * of puts.
 *
 * The branch taken is written as `1` for success and `0` for failure, one digit for each transaction on the way down: `10`
 * is the success branch of the transaction, and the failure branch of the one nested in it.
 */
import type {Bytes} from '../etcd/bytes.ts';
import type {RequestOp, ResponseOp, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {branch, writes} from '../etcd/txn-shape.ts';

/** The put that stores the branch taken. */
export type PutBranch = (taken: string) => RequestOp<Bytes>;

/**
 * The request, with a put of the branch taken in each branch; not in a failure branch that writes nothing, about which there
 * is nothing to find out.
 */
export function withBranchTaken(
  request: TxnRequest<Bytes>,
  putBranch: PutBranch,
  taken = '',
): TxnRequest<Bytes> {
  const {compare, success = [], failure = []} = request;
  const mayBeLeftOut = taken === '' && !writes({success: failure});
  return {
    compare,
    success: opsWithBranchTaken(success, putBranch, `${taken}1`),
    failure: mayBeLeftOut ? failure : opsWithBranchTaken(failure, putBranch, `${taken}0`),
  };
}

/** A key can be put once in a revision: of several transactions nested side by side, the branches are not stored. */
function opsWithBranchTaken(ops: readonly RequestOp<Bytes>[], putBranch: PutBranch, taken: string) {
  const only = onlyNested(ops);
  if (only === undefined) return [...ops, putBranch(taken)];
  return ops.map((op) =>
    op === only ? ({type: 'txn', ...withBranchTaken(only, putBranch, taken)} as const) : op,
  );
}

/** The response to the request as it was before {@link withBranchTaken}. */
export function withoutBranchTaken(
  request: TxnRequest<Bytes>,
  response: TxnResponse<Bytes>,
): TxnResponse<Bytes> {
  const ops = branch(request, response.succeeded);
  const only = onlyNested(ops);
  const responses = response.responses
    .slice(0, ops.length)
    .map((item): ResponseOp<Bytes> =>
      only !== undefined && item.type === 'txn' ? {...item, ...withoutBranchTaken(only, item)} : item,
    );
  return {...response, responses};
}

/**
 * The response to a request that took this branch at this revision.
 *
 * @returns undefined when the response held what only the backend knew: what was read or deleted
 */
export function rebuildResponse(
  request: TxnRequest<Bytes>,
  taken: string,
  revision: number,
): TxnResponse<Bytes> | undefined {
  const succeeded = taken.startsWith('1');
  const ops = branch(request, succeeded);
  const only = onlyNested(ops);
  const responses: ResponseOp<Bytes>[] = [];
  for (const op of ops) {
    if (op.type === 'put' && op.prevKv !== true) responses.push({type: 'put', revision});
    else if (op === only) {
      const nested = rebuildResponse(only, taken.slice(1), revision);
      if (nested === undefined) return undefined;
      responses.push({type: 'txn', ...nested});
    } else return undefined;
  }
  return {revision, succeeded, responses};
}

function onlyNested(ops: readonly RequestOp<Bytes>[]) {
  const nested = ops.filter((op) => op.type === 'txn');
  return nested.length === 1 ? nested[0] : undefined;
}
