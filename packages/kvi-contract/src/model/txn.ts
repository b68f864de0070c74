import {
  type Bytes,
  keyId,
  KviError,
  noLease,
  type RangeRequest,
  type RangeResponse,
  type RequestOp,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
} from 'kvi-core/driver';
import {holds} from './compare.ts';
import {findLease} from './lease.ts';
import {read, select} from './range.ts';
import {
  at,
  commit,
  type Draft,
  draftOf,
  latest,
  type ModelState,
  present,
  put,
  remove,
  revisionOf,
} from './state.ts';

/** @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION` */
export function range(state: ModelState, request: RangeRequest<Bytes>): RangeResponse<Bytes> {
  return {revision: present(state), ...read(at(state, request.revision || present(state)), request)};
}

/** A transaction whose compares have been evaluated, ready to run. */
interface Chosen {
  readonly succeeded: boolean;
  readonly ops: readonly ChosenOp[];
}

type ChosenOp = Exclude<RequestOp<Bytes>, {type: 'txn'}> | ({type: 'txn'} & Chosen);

/**
 * Runs a transaction: all compares, including those of nested transactions, see the state before it; then the selected
 * operations are checked; then they run, in order, as one revision.
 *
 * @throws `KVI_KEY_NOT_FOUND`, `KVI_LEASE_NOT_FOUND`, `KVI_COMPACTED`, `KVI_FUTURE_REVISION`
 */
export function txn(state: ModelState, request: TxnRequest<Bytes>): [ModelState, TxnResponse<Bytes>] {
  const chosen = choose(state, request);
  const ops = flatten(chosen);
  // The first error decides, and puts are checked before ranges, in whatever order they come.
  for (const op of ops) checkPut(state, op);
  for (const op of ops) if (op.type === 'range') at(state, op.revision || present(state));

  const draft = draftOf(state);
  const response = run(state, draft, chosen);
  return [commit(state, draft), withRevision(response, revisionOf(draft))];
}

function choose(state: ModelState, {compare = [], success = [], failure = []}: TxnRequest<Bytes>): Chosen {
  const succeeded = compare.every((condition) => holds(latest(state), condition));
  const ops = (succeeded ? success : failure).map((op): ChosenOp =>
    op.type === 'txn' ? {type: 'txn', ...choose(state, op)} : op,
  );
  return {succeeded, ops};
}

function flatten({ops}: Chosen): ChosenOp[] {
  return ops.flatMap((op) => (op.type === 'txn' ? flatten(op) : [op]));
}

function checkPut(state: ModelState, op: ChosenOp): void {
  if (op.type !== 'put') return;
  const keeps = op.ignoreValue === true || op.ignoreLease === true;
  if (keeps && !latest(state).has(keyId(op.key))) {
    throw new KviError('KVI_KEY_NOT_FOUND', 'the key does not exist, so has nothing to keep');
  }
  if (op.lease !== undefined && op.lease !== noLease) findLease(state, op.lease);
}

/** Runs the operations in order, each on the result of the previous ones. */
function run(state: ModelState, draft: Draft, {succeeded, ops}: Chosen): TxnResponse<Bytes> {
  const responses = ops.map((op): ResponseOp<Bytes> => {
    switch (op.type) {
      case 'range': {
        const kvs = op.revision ? at(state, op.revision) : draft.kvs;
        return {type: 'range', revision: revisionOf(draft), ...read(kvs, op)};
      }
      case 'put': {
        const previous = draft.kvs.get(keyId(op.key));
        const value = op.ignoreValue === true ? previous?.value : op.value;
        const lease = op.ignoreLease === true ? previous?.lease : op.lease;
        put(draft, op.key, value ?? Buffer.of(), lease ?? noLease);
        const prevKv = op.prevKv === true ? previous : undefined;
        return {type: 'put', revision: revisionOf(draft), ...(prevKv && {prevKv})};
      }
      case 'deleteRange': {
        const found = select(draft.kvs, op);
        for (const {key} of found) remove(draft, key);
        const prevKvs = op.prevKv === true ? found : [];
        return {type: 'deleteRange', revision: revisionOf(draft), deleted: found.length, prevKvs};
      }
      case 'txn':
        return {type: 'txn', ...run(state, draft, op)};
    }
  });
  return {revision: revisionOf(draft), succeeded, responses};
}

/** Nested transactions report the revision of the whole, which is only known at its end. */
function withRevision(response: TxnResponse<Bytes>, revision: number): TxnResponse<Bytes> {
  const responses = response.responses.map((item): ResponseOp<Bytes> =>
    item.type === 'txn' ? {type: 'txn', ...withRevision(item, revision)} : item,
  );
  return {...response, revision, responses};
}
