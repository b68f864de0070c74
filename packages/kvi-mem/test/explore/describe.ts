/** Near-code, for the course that fast-check prints when a promise is broken. */
import type {Bytes, KeyRange, RequestOp, TxnRequest, WatchResponse} from 'kvi-core/driver';

/** `a` or `[a, b)`. */
export function describeRequest({key, rangeEnd}: KeyRange<Bytes>): string {
  return rangeEnd === undefined ? text(key) : `[${text(key)}, ${text(rangeEnd)})`;
}

/** `put a=1, delete b`; of the branch that changes more. */
export function describeTxn({success = [], failure = []}: TxnRequest<Bytes>): string {
  const isConditional = success.length > 0 && failure.length > 0;
  return [...success, ...(isConditional ? [] : failure)].map(describeOp).join(', ');
}

function describeOp(op: RequestOp<Bytes>): string {
  switch (op.type) {
    case 'put':
      return `put ${text(op.key)}=${text(op.value ?? Buffer.alloc(0))}`;
    case 'txn':
      return `(${describeTxn(op)})`;
    case 'deleteRange':
      return `delete ${describeRequest(op)}`;
    case 'range':
      return `range ${describeRequest(op)}`;
  }
}

/** `put a@3 delete b@4`. */
export function describeWatchResponse({events, revision}: WatchResponse<Bytes>): string {
  if (events.length === 0) return `progress@${revision}`;
  return events.map(({type, kv}) => `${type} ${text(kv.key)}@${kv.modRevision}`).join(' ');
}

function text(value: Bytes): string {
  return Buffer.from(value).toString();
}
