import {
  type Bytes,
  type DeleteRangeRequest,
  encode,
  type Event,
  type Input,
  type KeyRange,
  type KeyValue,
  prefixEnd,
  type PutRequest,
  type RangeRequest,
  type RequestOp,
  type ResponseOp,
  show,
} from 'kvi-core/driver';
import type {CaseContext} from '../suite.ts';

type Op<T extends RequestOp<Bytes>['type']> = Extract<RequestOp<Bytes>, {type: T}>;

/**
 * The keys of a case by short names, without their prefix, and the responses of a driver in a short notation, so that
 * cases and failures are easy to read: `a=1 b=2`, `put a=1 @7`.
 */
export interface Keyspace {
  key: (name: Input) => Bytes;
  /** Every key of the case. */
  readonly all: KeyRange<Bytes>;
  put: (name: Input, value: Input, fields?: Partial<PutRequest<Bytes>>) => Op<'put'>;
  /** @param end the name after the last one; absent: a single key */
  range: (name: Input, end?: Input, fields?: Partial<RangeRequest<Bytes>>) => Op<'range'>;
  deleteRange: (name: Input, end?: Input, fields?: Partial<DeleteRangeRequest<Bytes>>) => Op<'deleteRange'>;
  /** A key without the prefix. */
  name: (key: Bytes) => string;
  /** `a b` */
  names: (keys: readonly Bytes[]) => string;
  /** `a=1 b=2` */
  kvs: (kvs: readonly KeyValue<Bytes>[]) => string;
  /** `a=1 create 5 mod 6 version 2 lease 0` */
  whole: (kv: KeyValue<Bytes> | undefined) => string;
  /** `put a=2 was a=1`, `delete a` */
  event: (event: Event<Bytes>) => string;
  /** `put -> @7 was a=1`, `range -> @7 a=1 b=2`, `deleteRange -> @7 deleted 2`, `txn -> @7 true [put -> @7]` */
  responses: (responses: readonly ResponseOp<Bytes>[]) => string[];
}

export function keyspace(context: Pick<CaseContext, 'prefix'>): Keyspace {
  const prefix = encode(context.prefix, 'prefix');

  function key(name: Input): Bytes {
    return Buffer.concat([prefix, encode(name, 'name')]);
  }

  function keys(name: Input, end: Input | undefined): KeyRange<Bytes> {
    return end === undefined ? {key: key(name)} : {key: key(name), rangeEnd: key(end)};
  }

  function name(bytes: Bytes): string {
    const isOwn = prefix.every((byte, i) => bytes[i] === byte);
    return isOwn ? text(bytes.subarray(prefix.length)) : `the foreign key ${show(bytes)}`;
  }

  function kv({key, value}: KeyValue<Bytes>): string {
    return `${name(key)}=${text(value)}`;
  }

  function kvs(items: readonly KeyValue<Bytes>[]): string {
    return items.map(kv).join(' ');
  }

  function response(op: ResponseOp<Bytes>): string {
    const done = `${op.type} -> @${String(op.revision)}`;
    switch (op.type) {
      case 'put':
        return op.prevKv ? `${done} was ${kv(op.prevKv)}` : done;
      case 'range':
        return op.kvs.length > 0 ? `${done} ${kvs(op.kvs)}` : done;
      case 'deleteRange': {
        const was = op.prevKvs.length > 0 ? ` was ${kvs(op.prevKvs)}` : '';
        return `${done} deleted ${String(op.deleted)}${was}`;
      }
      case 'txn':
        return `${done} ${String(op.succeeded)} [${op.responses.map(response).join(', ')}]`;
    }
  }

  return {
    key,
    all: {key: prefix, rangeEnd: prefixEnd(prefix)},
    put: (name, value, fields) => ({type: 'put', key: key(name), value: encode(value, 'value'), ...fields}),
    range: (name, end, fields) => ({type: 'range', ...keys(name, end), ...fields}),
    deleteRange: (name, end, fields) => ({type: 'deleteRange', ...keys(name, end), ...fields}),
    name,
    names: (items) => items.map(name).join(' '),
    kvs,
    whole(item) {
      if (!item) return 'absent';
      const {createRevision, modRevision, version, lease} = item;
      return `${kv(item)} create ${String(createRevision)} mod ${String(modRevision)} version ${String(version)} lease ${lease}`;
    },
    event(event) {
      const what = event.type === 'put' ? kv(event.kv) : name(event.kv.key);
      return event.prevKv ? `${event.type} ${what} was ${kv(event.prevKv)}` : `${event.type} ${what}`;
    },
    responses: (responses) => responses.map(response),
  };
}

/** Text as it is; other bytes escaped, so that they can be told apart. */
function text(bytes: Bytes): string {
  const decoded = Buffer.from(bytes).toString();
  return Buffer.from(decoded).equals(bytes) && !/\p{Cc}/u.test(decoded) ? decoded : show(bytes);
}
