import type {Bytes, Compare, RangeRequest, RequestOp, TxnRequest, WatchRequest} from 'kvi-core/driver';
import type {Names} from './names.ts';

/** The request of a program, with the revisions of one store. */
export function resolveRange(request: RangeRequest<Bytes>, {revision}: Names): RangeRequest<Bytes> {
  const resolved = {...request};
  for (const field of [
    'revision',
    'minModRevision',
    'maxModRevision',
    'minCreateRevision',
    'maxCreateRevision',
  ] as const) {
    const sinceStart = request[field];
    if (sinceStart !== undefined) resolved[field] = revision(sinceStart);
  }
  return resolved;
}

/** The request of a program, with the revisions and the leases of one store. */
export function resolveTxn(request: TxnRequest<Bytes>, names: Names): TxnRequest<Bytes> {
  return {
    compare: request.compare?.map((compare) => resolveCompare(compare, names)),
    success: request.success?.map((op) => resolveOp(op, names)),
    failure: request.failure?.map((op) => resolveOp(op, names)),
  };
}

/** The request of a program, with the revisions of one store. */
export function resolveWatch(request: WatchRequest<Bytes>, {revision}: Names): WatchRequest<Bytes> {
  const {startRevision} = request;
  return startRevision === undefined ? request : {...request, startRevision: revision(startRevision)};
}

function resolveCompare(compare: Compare<Bytes>, names: Names): Compare<Bytes> {
  switch (compare.target) {
    case 'create':
      return {...compare, createRevision: revisionOrNone(compare.createRevision, names)};
    case 'mod':
      return {...compare, modRevision: revisionOrNone(compare.modRevision, names)};
    case 'lease':
      return {...compare, lease: names.leaseId(compare.lease)};
    default:
      return compare;
  }
}

/** What a program compares with is a revision since its start, or {@link absentRevision}. */
function revisionOrNone(sinceStart: number, {revision}: Names): number {
  return sinceStart === absentRevision ? 0 : revision(sinceStart);
}

/** In a compare of a program: the create and the mod revision of an absent key, 0 in every store. */
export const absentRevision = -1000;

function resolveOp(op: RequestOp<Bytes>, names: Names): RequestOp<Bytes> {
  switch (op.type) {
    case 'range':
      return {...resolveRange(op, names), type: 'range'};
    case 'put':
      return op.lease === undefined ? op : {...op, lease: names.leaseId(op.lease)};
    case 'deleteRange':
      return op;
    case 'txn':
      return {...resolveTxn(op, names), type: 'txn'};
  }
}
