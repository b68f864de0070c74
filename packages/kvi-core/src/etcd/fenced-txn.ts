/** A transaction that runs only if an additional condition holds. */
import type {Bytes} from './bytes.ts';
import {includesKey, rangeId} from './key-range.ts';
import type {Compare, KeyRange, RequestOp, TxnRequest, TxnResponse} from './messages.ts';
import {asTxnResponse, writes} from './txn-shape.ts';

/** What a fence compares: that the key is still as it was created, or as it was last changed. */
export type Condition = Extract<Compare<Bytes>, {target: 'create' | 'mod'}> & {result: '='};

/** A transaction behind a fence. */
export interface FencedTxn {
  /** What to send. */
  request: TxnRequest<Bytes>;
  /** The response to the transaction itself; undefined if the condition did not hold, so that nothing ran. */
  read(response: TxnResponse<Bytes>): TxnResponse<Bytes> | undefined;
}

/** Puts a transaction behind a fence. */
export function fencedTxn(request: TxnRequest<Bytes>, condition: Condition): FencedTxn {
  return writes({success: request.failure}) ? nested(request, condition) : flat(request, condition);
}

/** A failure branch that only reads may also run when the condition fails; a look at its key then tells which it was. */
function flat({compare = [], success, failure = []}: TxnRequest<Bytes>, condition: Condition): FencedTxn {
  return {
    request: {
      compare: [condition, ...compare],
      success,
      failure: [...failure, {type: 'range', key: condition.key, keysOnly: true}],
    },
    read(response) {
      if (response.succeeded) return response;
      const responses = response.responses.slice(0, -1);
      return holds(condition, response) ? {...response, responses} : undefined;
    },
  };
}

function holds(condition: Condition, {responses}: TxnResponse<Bytes>): boolean {
  const last = responses.at(-1);
  const kv = last?.type === 'range' ? last.kvs[0] : undefined;
  return condition.target === 'create'
    ? (kv?.createRevision ?? 0) === condition.createRevision
    : (kv?.modRevision ?? 0) === condition.modRevision;
}

/**
 * etcd does not count the operations of a nested transaction against its quota, and versions before 2026 do not check
 * whether the user may do them. So everything is repeated in a failure branch that is never taken, because nothing is
 * compared before it: there etcd checks both.
 *
 * @see `costTxn` in etcd's server/etcdserver/quota.go, `checkTxnAuth` in its apply_auth.go
 */
function nested(request: TxnRequest<Bytes>, condition: Condition): FencedTxn {
  const inner: TxnRequest<Bytes> = {compare: [condition], success: [{type: 'txn', ...request}]};
  return {
    request: {success: [{type: 'txn', ...inner}], failure: toBeChecked(inner)},
    read({responses: [outer]}) {
      const [response] = outer?.type === 'txn' ? outer.responses : [];
      return response?.type === 'txn' ? asTxnResponse(response) : undefined;
    },
  };
}

const noValue = Buffer.alloc(0);

/** An operation for each key or range that a transaction deletes, puts, reads or compares. */
export function toBeChecked(request: TxnRequest<Bytes>): RequestOp<Bytes>[] {
  const deleted = new Map<string, KeyRange<Bytes>>();
  const put = new Map<string, KeyRange<Bytes>>();
  const read = new Map<string, KeyRange<Bytes>>();

  function add({compare = [], success = [], failure = []}: TxnRequest<Bytes>) {
    for (const item of compare) note(read, item);
    for (const op of [...success, ...failure]) {
      if (op.type === 'txn') add(op);
      else if (op.type === 'put') note(put, op);
      else note(op.type === 'range' ? read : deleted, op);
      if ((op.type === 'put' || op.type === 'deleteRange') && op.prevKv === true) note(read, op);
    }
  }

  add(request);
  const deletions = [...deleted.values()];
  // One transaction may not put and delete a key.
  const puts = [...put.values()].filter(({key}) => !deletions.some((range) => includesKey(range, key)));
  return [
    ...deletions.map((range) => ({type: 'deleteRange' as const, ...range})),
    ...puts.map(({key}) => ({type: 'put' as const, key, value: noValue})),
    ...Array.from(read.values(), (range) => ({type: 'range' as const, ...range, countOnly: true})),
  ];
}

function note(ranges: Map<string, KeyRange<Bytes>>, {key, rangeEnd}: KeyRange<Bytes>): void {
  ranges.set(rangeId({key, rangeEnd}), {key, rangeEnd});
}
