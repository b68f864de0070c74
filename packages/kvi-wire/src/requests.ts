/** kvi's requests to etcd's, for a client, and etcd's to kvi's, for a server. */
import type {
  Bytes,
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
  WatchRequest,
} from 'kvi-core/driver';
import type {
  ReceivedCompare,
  ReceivedDeleteRange,
  ReceivedOp,
  ReceivedPut,
  ReceivedRange,
  ReceivedTxn,
  ReceivedWatch,
  SentOp,
  SentRange,
  SentTxn,
  SentWatch,
} from './etcd/index.ts';

/**
 * Keys come in ascending order by themselves; asked for it, etcd would read the whole range before it cuts to the limit.
 * Any other order is named: without a name, etcd before 3.6 cuts to the limit first, and sorts what is left.
 */
export function toRange(request: RangeRequest<Bytes>): SentRange {
  const {sortOrder = 'ascend', sortTarget = 'key'} = request;
  const named = sortOrder === 'ascend' && sortTarget === 'key' ? undefined : sortOrder;
  return named === request.sortOrder ? request : {...request, sortOrder: named};
}

export function toTxn({compare, success, failure}: TxnRequest<Bytes>): SentTxn {
  return {compare, success: success?.map(toOp), failure: failure?.map(toOp)};
}

/** @param id - chosen here, above 0, so that many watches can be created without waiting for each other's response */
export function toWatch(
  {key, rangeEnd, filters, prevKv}: WatchRequest<Bytes>,
  id: number,
  startRevision: number,
): SentWatch {
  return {
    key,
    rangeEnd,
    filters,
    prevKv,
    watchId: id,
    startRevision,
    // Also if the consumer does not ask for it: after a reconnection, a watch on quiet keys would otherwise resume from a
    // revision that may have been compacted long ago.
    progressNotify: true,
    // Otherwise a large revision could exceed the limits of a proxy in between.
    fragment: true,
  };
}

function toOp(op: RequestOp<Bytes>): SentOp {
  switch (op.type) {
    case 'range':
      return {range: toRange(op)};
    case 'put':
      return {put: op};
    case 'deleteRange':
      return {deleteRange: op};
    case 'txn':
      return {txn: toTxn(op)};
  }
}

/** A read that a server received. To etcd, what is negative sets no bound, except that nothing is below it. */
export function readRange(received: ReceivedRange): RangeRequest<Bytes> {
  const {maxModRevision, maxCreateRevision, sortOrder} = received;
  const excludesAll = maxModRevision < 0 || maxCreateRevision < 0;
  return {
    key: received.key,
    rangeEnd: received.rangeEnd,
    limit: natural(received.limit),
    revision: natural(received.revision),
    sortOrder: sortOrder === 'none' ? undefined : sortOrder,
    sortTarget: received.sortTarget,
    serializable: received.serializable,
    keysOnly: received.keysOnly,
    countOnly: received.countOnly,
    minModRevision: excludesAll ? Number.MAX_SAFE_INTEGER : natural(received.minModRevision),
    maxModRevision: natural(maxModRevision),
    minCreateRevision: natural(received.minCreateRevision),
    maxCreateRevision: natural(maxCreateRevision),
  };
}

/** A number of the protocol that kvi takes: it has none below 0, nor any that a double does not hold. */
export function natural(value: number): number {
  return Math.min(Math.max(0, value), Number.MAX_SAFE_INTEGER);
}

export function readPut({
  key,
  value,
  lease,
  prevKv,
  ignoreValue,
  ignoreLease,
}: ReceivedPut): PutRequest<Bytes> {
  return {
    key,
    value: ignoreValue ? undefined : value,
    lease: ignoreLease ? undefined : lease,
    prevKv,
    ignoreValue,
    ignoreLease,
  };
}

export function readDeleteRange({key, rangeEnd, prevKv}: ReceivedDeleteRange): DeleteRangeRequest<Bytes> {
  return {key, rangeEnd, prevKv};
}

/** @throws RangeError if an operation is none */
export function readTxn({compare, success, failure}: ReceivedTxn): TxnRequest<Bytes> {
  return {compare: compare.map(readCompare), success: success.map(readOp), failure: failure.map(readOp)};
}

export function readWatch({
  key,
  rangeEnd,
  startRevision,
  progressNotify,
  filters,
  prevKv,
}: ReceivedWatch): WatchRequest<Bytes> {
  return {
    // To etcd, no key is the smallest.
    key: key.length === 0 ? smallestKey : key,
    rangeEnd,
    startRevision,
    progressNotify,
    filters,
    prevKv,
  };
}

const smallestKey: Bytes = Uint8Array.of(0);

function readCompare({key, rangeEnd, result, ...received}: ReceivedCompare): Compare<Bytes> {
  const of = {key, rangeEnd, result};
  switch (received.target) {
    case 'value':
      return {...of, target: 'value', value: received.value};
    case 'version':
      return {...of, target: 'version', version: received.version};
    case 'create':
      return {...of, target: 'create', createRevision: received.createRevision};
    case 'mod':
      return {...of, target: 'mod', modRevision: received.modRevision};
    case 'lease':
      return {...of, target: 'lease', lease: received.lease};
  }
}

function readOp({range, put, deleteRange, txn}: ReceivedOp): RequestOp<Bytes> {
  if (range) return {type: 'range', ...readRange(range)};
  if (put) return {type: 'put', ...readPut(put)};
  if (deleteRange) return {type: 'deleteRange', ...readDeleteRange(deleteRange)};
  if (txn) return {type: 'txn', ...readTxn(txn)};
  throw new RangeError('an operation that is none');
}
