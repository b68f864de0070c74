/**
 * Writes the course of a transaction into a guard key, and reads it back: which branch was taken is all that is needed to
 * rebuild the response to a transaction of puts.
 *
 * A course is a text of `1` for success and `0` for failure, one for each transaction on the way down: `10` is the success
 * branch of the transaction, and of the one nested in it the failure branch.
 */
import type {Bytes} from '../etcd/bytes.ts';
import type {RequestOp, ResponseOp, TxnRequest, TxnResponse} from '../etcd/messages.ts';

/** The put that tells the course. */
export type PutCourse = (course: string) => RequestOp<Bytes>;

/** The request, with a put of its course in whichever branch is taken. */
export function withCourse(request: TxnRequest<Bytes>, putCourse: PutCourse, course = ''): TxnRequest<Bytes> {
  const {compare, success = [], failure = []} = request;
  return {
    compare,
    success: branchWithCourse(success, putCourse, `${course}1`),
    failure: branchWithCourse(failure, putCourse, `${course}0`),
  };
}

/** A key can be put once in a revision: where several transactions are nested side by side, their courses are not told. */
function branchWithCourse(ops: readonly RequestOp<Bytes>[], putCourse: PutCourse, course: string) {
  const only = onlyNested(ops);
  if (only === undefined) return [...ops, putCourse(course)];
  return ops.map((op) =>
    op === only ? ({type: 'txn', ...withCourse(only, putCourse, course)} as const) : op,
  );
}

/** The response to the request as it was before {@link withCourse}. */
export function withoutCourse(request: TxnRequest<Bytes>, response: TxnResponse<Bytes>): TxnResponse<Bytes> {
  const ops = branch(request, response.succeeded);
  const only = onlyNested(ops);
  const responses = response.responses
    .slice(0, ops.length)
    .map((item): ResponseOp<Bytes> =>
      only !== undefined && item.type === 'txn' ? {...item, ...withoutCourse(only, item)} : item,
    );
  return {...response, responses};
}

/**
 * The response to a request that took this course at this revision.
 *
 * @returns undefined when the response held what only it could tell: what was read or deleted
 */
export function rebuildResponse(
  request: TxnRequest<Bytes>,
  course: string,
  revision: number,
): TxnResponse<Bytes> | undefined {
  const succeeded = course.startsWith('1');
  const ops = branch(request, succeeded);
  const only = onlyNested(ops);
  const responses: ResponseOp<Bytes>[] = [];
  for (const op of ops) {
    if (op.type === 'put' && op.prevKv !== true) responses.push({type: 'put', revision});
    else if (op === only) {
      const nested = rebuildResponse(only, course.slice(1), revision);
      if (nested === undefined) return undefined;
      responses.push({type: 'txn', ...nested});
    } else return undefined;
  }
  return {revision, succeeded, responses};
}

/** Whether the request, in whichever branch, can change something. */
export function writes({success = [], failure = []}: TxnRequest<Bytes>): boolean {
  return [...success, ...failure].some((op) => (op.type === 'txn' ? writes(op) : op.type !== 'range'));
}

/** The response of a nested transaction, as if it had not been nested. */
export function asTxnResponse({revision, succeeded, responses}: TxnResponse<Bytes>): TxnResponse<Bytes> {
  return {revision, succeeded, responses};
}

function branch({success = [], failure = []}: TxnRequest<Bytes>, succeeded: boolean) {
  return succeeded ? success : failure;
}

function onlyNested(ops: readonly RequestOp<Bytes>[]) {
  const nested = ops.filter((op) => op.type === 'txn');
  return nested.length === 1 ? nested[0] : undefined;
}
