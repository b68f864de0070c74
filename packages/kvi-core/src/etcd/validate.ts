/**
 * The rules that etcd has for a request whatever the store holds, checked before anything is sent, so that a bad request
 * gets the same error from every driver.
 *
 * @see `server/etcdserver/api/v3rpc/key.go` in etcd: checkRangeRequest, checkPutRequest, checkTxnRequest, checkIntervals
 */
import {type Bytes, show} from './bytes.ts';
import {checkBoolean, checkPositiveInteger, showValue} from './bad-input.ts';
import {invalidArgument} from './errors.ts';
import {includesKey, isEmptyRange, keyId} from './key-range.ts';
import {isLeaseId, noLease} from './lease-id.ts';
import type {
  Compare,
  KeyRange,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
  WatchRequest,
} from './messages.ts';

/** How much a request may hold. An etcd that was started with other limits needs the same ones here. */
export interface RequestLimits {
  /** Operations in a branch of a transaction, and compares; etcd's `--max-txn-ops`. Default 128. */
  maxTxnOps: number;
  /** Bytes of a request; etcd's `--max-request-bytes`. Default 1.5 MiB. */
  maxRequestBytes: number;
}

/** What a request of a handle may hold. */
export interface SizeLimits extends RequestLimits {
  /** Bytes that the handle's namespace adds to each key. Default 0. */
  prefixBytes?: number | undefined;
}

/** etcd's defaults. */
export const defaultLimits: RequestLimits = {maxTxnOps: 128, maxRequestBytes: 1.5 * 1024 * 1024};

/** {@link RequestLimits}, each optional. */
export type RequestLimitOptions = {[Name in keyof RequestLimits]?: RequestLimits[Name] | undefined};

/** Fills in {@link defaultLimits}. @throws `KVI_INVALID_ARGUMENT` */
export function requestLimits({
  maxTxnOps = defaultLimits.maxTxnOps,
  maxRequestBytes = defaultLimits.maxRequestBytes,
}: RequestLimitOptions): RequestLimits {
  checkPositiveInteger('maxTxnOps', maxTxnOps);
  checkPositiveInteger('maxRequestBytes', maxRequestBytes);
  return {maxTxnOps, maxRequestBytes};
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkRange(request: RangeRequest<Bytes>, limits: SizeLimits): void {
  checkRangeFields(request);
  checkSize(keysSize(request, limits.prefixBytes), limits);
}

function checkRangeFields(request: RangeRequest<Bytes>): void {
  checkKey(request.key);
  checkCount('limit', request.limit);
  checkCount('revision', request.revision);
  checkCount('minModRevision', request.minModRevision);
  checkCount('maxModRevision', request.maxModRevision);
  checkCount('minCreateRevision', request.minCreateRevision);
  checkCount('maxCreateRevision', request.maxCreateRevision);
  checkBoolean('serializable', request.serializable);
  checkBoolean('keysOnly', request.keysOnly);
  checkBoolean('countOnly', request.countOnly);
  if (request.sortOrder !== undefined) checkOneOf('sortOrder', request.sortOrder, sortOrders);
  if (request.sortTarget !== undefined) checkOneOf('sortTarget', request.sortTarget, sortTargets);
}

const sortOrders = ['ascend', 'descend'];
const sortTargets = ['key', 'version', 'create', 'mod', 'value'];

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkWatch(request: WatchRequest<Bytes>, limits: SizeLimits): void {
  checkKey(request.key);
  checkSize(keysSize(request, limits.prefixBytes), limits);
  if (isEmptyRange(request)) {
    throw invalidArgument(`the range to watch is empty: its end is not after ${show(request.key)}`);
  }
  checkCount('startRevision', request.startRevision);
  checkBoolean('prevKv', request.prevKv);
  checkBoolean('progressNotify', request.progressNotify);
  const {filters = []} = request;
  const isArray: boolean = Array.isArray(filters);
  if (!isArray) throw invalidArgument(`filters must be an array, not ${showValue(filters)}`);
  for (const filter of filters) checkOneOf('a filter', filter, ['noput', 'nodelete']);
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkTxn(request: TxnRequest<Bytes>, limits: SizeLimits): void {
  checkOperations(request, limits.maxTxnOps);
  if (request.success !== undefined) checkOverlaps(request.success);
  if (request.failure !== undefined) checkOverlaps(request.failure);
  checkSize(txnSize(request, limits.prefixBytes), limits);
}

function checkSize(size: number, {maxRequestBytes}: SizeLimits): void {
  if (size > maxRequestBytes) {
    throw invalidArgument(`request too large: about ${size} bytes (limit ${maxRequestBytes})`);
  }
}

/** Nested transactions share the limit: each may hold what the one around it leaves over. */
function checkOperations(
  {compare = [], success = [], failure = []}: TxnRequest<Bytes>,
  maxTxnOps: number,
): void {
  const most = Math.max(compare.length, success.length, failure.length);
  if (most > maxTxnOps) {
    throw invalidArgument(
      `transaction too large: ${most} compares, or operations in one branch (limit ${maxTxnOps})`,
    );
  }
  for (const item of compare) checkCompare(item);
  for (const op of success) checkOperation(op, maxTxnOps - most);
  for (const op of failure) checkOperation(op, maxTxnOps - most);
}

function checkOperation(op: RequestOp<Bytes>, maxTxnOps: number): void {
  switch (op.type) {
    case 'range':
      checkRangeFields(op);
      break;
    case 'put':
      checkPut(op);
      break;
    case 'deleteRange':
      checkKey(op.key);
      checkBoolean('prevKv', op.prevKv);
      break;
    case 'txn':
      checkOperations(op, maxTxnOps);
      break;
    default:
      throw invalidArgument(
        `an operation is a range, put, deleteRange or txn, not ${showValue((op as {type: unknown}).type)}`,
      );
  }
}

function checkPut(put: PutRequest<Bytes>): void {
  checkKey(put.key);
  checkBoolean('prevKv', put.prevKv);
  checkBoolean('ignoreValue', put.ignoreValue);
  checkBoolean('ignoreLease', put.ignoreLease);
  if (put.ignoreValue === true ? put.value !== undefined : put.value === undefined) {
    throw invalidArgument(`put ${show(put.key)}: give either a value or ignoreValue`);
  }
  if (put.ignoreLease === true && put.lease !== undefined) {
    throw invalidArgument(`put ${show(put.key)}: give either a lease or ignoreLease`);
  }
  if (put.lease !== undefined) checkLease(put.lease);
}

const compareResults = ['=', '!=', '<', '>'];

function checkCompare(compare: Compare<Bytes>): void {
  checkKey(compare.key);
  checkOneOf('the operator', compare.result, compareResults);
  switch (compare.target) {
    case 'value':
      break;
    case 'version':
      checkRequired('version', compare.version);
      break;
    case 'create':
      checkRequired('createRevision', compare.createRevision);
      break;
    case 'mod':
      checkRequired('modRevision', compare.modRevision);
      break;
    case 'lease':
      checkLease(compare.lease);
      break;
    default:
      throw invalidArgument(
        `a compare's target is value, version, create, mod or lease, not ${showValue((compare as {target: unknown}).target)}`,
      );
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkLease(lease: string): void {
  if (!isLeaseId(lease)) {
    throw invalidArgument(
      `a lease id is lower-case hexadecimal without leading zeros (${noLease} for none), not ${showValue(lease)}`,
    );
  }
}

function checkKey(key: Bytes): void {
  if (key.length === 0) throw invalidArgument('key is not provided: a key cannot be empty');
}

export function checkCount(what: string, value: number | undefined): void {
  if (value !== undefined) checkRequired(what, value);
}

function checkRequired(what: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 0)) {
    throw invalidArgument(`${what} must be a whole number, 0 or more, not ${showValue(value)}`);
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkOneOf(what: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw invalidArgument(`${what} must be one of ${allowed.join(', ')}, not ${showValue(value)}`);
  }
}

/** What a branch may write; used to find writes of one key that would meet in one revision. */
interface Writes {
  puts: Map<string, Bytes>;
  deletes: KeyRange<Bytes>[];
}

/**
 * Refuses what would change one key twice in one revision: two puts, or a put and a deletion. The branches of a nested
 * transaction exclude each other, so they may put the same key.
 *
 * etcd's own check takes a `rangeEnd` of `"\0"` literally. Such a deletion with a put that keeps a value or a lease would
 * bring a server down, so here it runs to the end, as the deletion does.
 *
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function checkOverlaps(ops: readonly RequestOp<Bytes>[]): void {
  const [first] = ops;
  // One operation alone overlaps with nothing; most transactions have no more.
  if (ops.length > 1 || first?.type === 'txn') collectWrites(ops);
}

function collectWrites(ops: readonly RequestOp<Bytes>[]): Writes {
  const puts: Writes['puts'] = new Map();
  const deletes: Writes['deletes'] = ops.filter((op) => op.type === 'deleteRange');

  function add(key: Bytes, alsoPutByOtherBranch = false) {
    const id = keyId(key);
    if ((puts.has(id) && !alsoPutByOtherBranch) || deletes.some((range) => includesKey(range, key))) {
      throw invalidArgument(
        `duplicate key given in txn request: ${show(key)} would change twice in one revision`,
      );
    }
    puts.set(id, key);
  }

  for (const op of ops) {
    if (op.type !== 'txn') continue;
    const success = collectWrites(op.success ?? []);
    const failure = collectWrites(op.failure ?? []);
    for (const key of success.puts.values()) add(key);
    for (const [id, key] of failure.puts) add(key, success.puts.has(id));
    deletes.push(...success.deletes, ...failure.deletes);
  }
  for (const op of ops) if (op.type === 'put') add(op.key);
  return {puts, deletes};
}

/** An upper bound for the encoded size of a message's other fields, without keys and values. */
const overhead = 96;

/** At least the size of the request on the wire, and little more. */
export function txnSize(
  {compare = [], success = [], failure = []}: TxnRequest<Bytes>,
  prefixBytes?: number,
): number {
  let size = overhead;
  for (const item of compare) {
    size += keysSize(item, prefixBytes) + (item.target === 'value' ? item.value.length : 0);
  }
  for (const op of success) size += opSize(op, prefixBytes);
  for (const op of failure) size += opSize(op, prefixBytes);
  return size;
}

function opSize(op: RequestOp<Bytes>, prefixBytes: number | undefined): number {
  if (op.type === 'txn') return txnSize(op, prefixBytes);
  return keysSize(op, prefixBytes) + (op.type === 'put' ? (op.value?.length ?? 0) : 0);
}

function keysSize({key, rangeEnd}: KeyRange<Bytes>, prefixBytes = 0): number {
  const end = rangeEnd === undefined || rangeEnd.length === 0 ? 0 : prefixBytes + rangeEnd.length;
  return overhead + prefixBytes + key.length + end;
}
