import {
  type Bytes,
  type DeleteRangeRequest,
  KviError,
  type LeaseId,
  noLease,
  type PutRequest,
  type RequestOp,
  type ResponseOp,
  show,
  type TxnRequest,
  type TxnResponse,
} from 'kvi-core/driver';
import {toByteString} from '../byte-string.ts';
import {holds} from './compare.ts';
import {toInterval} from './interval.ts';
import {range} from './range.ts';
import type {MvccStore} from './store.ts';
import {toKeyValue} from './version.ts';

/** The branches that the compares select, decided before anything runs. */
interface Path {
  succeeded: boolean;
  ops: PathOp[];
}

type PathOp = Exclude<RequestOp<Bytes>, {type: 'txn'}> | {type: 'txn'; path: Path};

/**
 * Runs a transaction as etcd does: all compares, then all checks of what will run, then the operations in order.
 *
 * @param checkLease throws `KVI_LEASE_NOT_FOUND` if the lease does not exist
 * @throws `KVI_KEY_NOT_FOUND`, `KVI_LEASE_NOT_FOUND`, `KVI_COMPACTED`, `KVI_FUTURE_REVISION`; nothing is applied then
 * @see `Txn` in etcd's server/etcdserver/apply.go
 */
export function txn(
  store: MvccStore,
  request: TxnRequest<Bytes>,
  checkLease: (id: LeaseId) => void,
): TxnResponse<Bytes> {
  const path = choose(store, request);
  checkPuts(store, path, checkLease);
  checkRanges(store, path);
  const response = store.transact(() => apply(store, path));
  setRevision(response, store.revision);
  return response;
}

function choose(store: MvccStore, {compare = [], success = [], failure = []}: TxnRequest<Bytes>): Path {
  const succeeded = compare.every((item) => holds(store, item));
  const ops = (succeeded ? success : failure).map((op): PathOp =>
    op.type === 'txn' ? {type: 'txn', path: choose(store, op)} : op,
  );
  return {succeeded, ops};
}

/** Puts are checked before ranges, in whatever order they come. */
function checkPuts(store: MvccStore, {ops}: Path, checkLease: (id: LeaseId) => void): void {
  for (const op of ops) {
    if (op.type === 'txn') checkPuts(store, op.path, checkLease);
    // Stryker disable next-line ConditionalExpression: no other operation has these fields
    if (op.type !== 'put') continue;
    const needsKey = op.ignoreValue === true || op.ignoreLease === true;
    if (needsKey && !store.get(toByteString(op.key))) {
      throw new KviError(
        'KVI_KEY_NOT_FOUND',
        `${show(op.key)} does not exist, so has no value or lease to keep`,
      );
    }
    const {lease = noLease} = op;
    if (lease !== noLease) checkLease(lease);
  }
}

function checkRanges(store: MvccStore, {ops}: Path): void {
  for (const op of ops) {
    if (op.type === 'txn') checkRanges(store, op.path);
    // Stryker disable next-line ConditionalExpression: no other operation has a revision
    if (op.type === 'range' && op.revision) store.checkRevision(op.revision);
  }
}

function apply(store: MvccStore, {succeeded, ops}: Path): TxnResponse<Bytes> {
  const responses = ops.map((op): ResponseOp<Bytes> => {
    switch (op.type) {
      case 'range':
        return {type: 'range', ...range(store, op)};
      case 'put':
        return put(store, op);
      case 'deleteRange':
        return deleteRange(store, op);
      case 'txn':
        return {type: 'txn', ...apply(store, op.path)};
    }
  });
  return {revision: store.revision, succeeded, responses};
}

function put(store: MvccStore, request: PutRequest<Bytes>): ResponseOp<Bytes> {
  const {lease = noLease, ignoreValue, ignoreLease, prevKv} = request;
  // Stryker disable next-line StringLiteral: a valid put has a value, or keeps one
  const value = request.value ? toByteString(request.value) : '';
  const previous = store.put(
    toByteString(request.key),
    ignoreValue === true ? undefined : value,
    ignoreLease === true ? undefined : lease,
  );
  const {revision} = store;
  return prevKv === true && previous
    ? {type: 'put', revision, prevKv: toKeyValue(previous)}
    : {type: 'put', revision};
}

function deleteRange(store: MvccStore, request: DeleteRangeRequest<Bytes>): ResponseOp<Bytes> {
  const found = store.find(toInterval(request));
  for (const {key} of found) store.delete(key);
  const prevKvs = request.prevKv === true ? found.map(toKeyValue) : [];
  return {type: 'deleteRange', revision: store.revision, deleted: found.length, prevKvs};
}

/**
 * A nested transaction reports the revision of the whole transaction; other operations report the revision when they ran.
 * (etcd leaves the header of a nested transaction empty.)
 */
function setRevision(response: TxnResponse<Bytes>, revision: number): void {
  response.revision = revision;
  for (const item of response.responses) if (item.type === 'txn') setRevision(item, revision);
}
