/** Between what callers give and get, and the bytes that drivers speak. */
import {type Bytes, decode, encode, type Input, prefixEnd, show} from '../etcd/bytes.ts';
import {invalidArgument} from '../etcd/errors.ts';
import type {Change, Keys} from '../api/kvi.ts';
import type {
  Compare,
  Event,
  KeyRange,
  KeyValue,
  RangeResponse,
  RequestOp,
  ResponseOp,
  TxnRequest,
  TxnResponse,
} from '../etcd/messages.ts';

/** Turns stored bytes into what a handle returns. */
export type Decode<T extends Input> = (bytes: Bytes, what: () => string) => T;

/** The {@link Decode} of a handle that returns text. */
export const decodeText: Decode<string> = (bytes, what) => decode(bytes, what);

/** The {@link Decode} of a handle that returns bytes: a copy, which the caller may change. */
export const decodeBytes: Decode<Bytes> = (bytes) => Uint8Array.from(bytes);

/** @throws `KVI_INVALID_ARGUMENT` */
export function encodeKeys(keys: Keys, end?: Input): KeyRange<Bytes> {
  if (typeof keys === 'string' || keys instanceof Uint8Array) {
    return encodeRange({key: keys, rangeEnd: end});
  }
  if (typeof keys === 'object' && keys !== null) {
    if (end !== undefined) throw invalidArgument('give an end, or an object that names a range, not both');
    if ('prefix' in keys && 'start' in keys) throw invalidArgument('give {prefix} or {start, end}, not both');
    if ('prefix' in keys) return prefixRange(encode(keys.prefix, 'prefix'));
    if ('start' in keys) return encodeRange({key: keys.start, rangeEnd: keys.end});
  }
  throw invalidArgument('keys must be a key, {prefix} or {start, end}');
}

/** Whether this names all keys, perhaps by a variable that was not set. */
export function isEmptyPrefix(keys: Keys): boolean {
  return typeof keys === 'object' && keys !== null && 'prefix' in keys && keys.prefix?.length === 0;
}

/** An empty prefix is every key's. */
function prefixRange(prefix: Bytes): KeyRange<Bytes> {
  return {key: prefix.length === 0 ? Uint8Array.of(0) : prefix, rangeEnd: prefixEnd(prefix)};
}

function encodeRange({key, rangeEnd}: KeyRange<Input>) {
  return {
    key: encode(key, 'key'),
    rangeEnd: rangeEnd === undefined ? undefined : encode(rangeEnd, 'range end'),
  };
}

/** How deep transactions may nest. The messages of gRPC may not nest much deeper. */
const maxTxnDepth = 32;

/** @throws `KVI_INVALID_ARGUMENT` */
export function encodeTxn(request: TxnRequest<Input>, depth = 1): TxnRequest<Bytes> {
  if (depth > maxTxnDepth) throw invalidArgument(`transactions may nest ${maxTxnDepth} levels deep`);
  const {compare, success, failure} = checkObject('a transaction', request);
  return {
    compare: checkObjects('compare', compare).map(encodeCompare),
    success: checkObjects('success', success).map((op) => encodeOp(op, depth)),
    failure: checkObjects('failure', failure).map((op) => encodeOp(op, depth)),
  };
}

function checkObject<O>(what: string, object: O): O {
  if (typeof object !== 'object' || object === null) {
    throw invalidArgument(`${what} must be an object, not ${String(object)}`);
  }
  return object;
}

function checkObjects<O>(what: string, objects: readonly O[] = []): readonly O[] {
  const isArray: boolean = Array.isArray(objects);
  if (!isArray) throw invalidArgument(`${what} must be an array, not ${typeof objects}`);
  for (const object of objects) checkObject(`each of ${what}`, object);
  return objects;
}

function encodeCompare(compare: Compare<Input>): Compare<Bytes> {
  const range = encodeRange(compare);
  return compare.target === 'value'
    ? {...compare, ...range, value: encode(compare.value, 'value')}
    : {...compare, ...range};
}

function encodeOp(op: RequestOp<Input>, depth: number): RequestOp<Bytes> {
  switch (op.type) {
    case 'put':
      return {
        ...op,
        key: encode(op.key, 'key'),
        value: op.value === undefined ? undefined : encode(op.value, 'value'),
      };
    case 'txn':
      return {type: 'txn', ...encodeTxn(op, depth + 1)};
    default:
      return {...op, ...encodeRange(op)};
  }
}

/** @throws `KVI_NOT_TEXT` from these and all below, where `decode` is that of a text handle */
function decodeKeyValue<T extends Input>(kv: KeyValue<Bytes>, decode: Decode<T>): KeyValue<T> {
  return {
    key: decode(kv.key, () => `the key ${show(kv.key)}`),
    value: decodeValue(kv, decode),
    createRevision: kv.createRevision,
    modRevision: kv.modRevision,
    version: kv.version,
    lease: kv.lease,
  };
}

export function decodeValue<T extends Input>(kv: KeyValue<Bytes>, decode: Decode<T>): T {
  return decode(kv.value, () => `the value of ${show(kv.key)}`);
}

export function decodeRangeResponse<T extends Input>(
  response: RangeResponse<Bytes>,
  decode: Decode<T>,
): RangeResponse<T> {
  return {...response, kvs: response.kvs.map((kv) => decodeKeyValue(kv, decode))};
}

export function decodeTxnResponse<T extends Input>(
  response: TxnResponse<Bytes>,
  decode: Decode<T>,
): TxnResponse<T> {
  return {...response, responses: response.responses.map((item) => decodeOp(item, decode))};
}

function decodeOp<T extends Input>(op: ResponseOp<Bytes>, decode: Decode<T>): ResponseOp<T> {
  switch (op.type) {
    case 'range':
      return {...op, ...decodeRangeResponse(op, decode)};
    case 'put':
      return {type: 'put', revision: op.revision, ...decodePrevKv(op, decode)};
    case 'deleteRange':
      return {...op, prevKvs: op.prevKvs.map((kv) => decodeKeyValue(kv, decode))};
    case 'txn':
      return {...op, ...decodeTxnResponse(op, decode)};
  }
}

export function decodeEvent<T extends Input>(event: Event<Bytes>, decode: Decode<T>): Change<T> {
  const prevKv = decodePrevKv(event, decode);
  if (event.type === 'put') return {type: 'put', ...decodeKeyValue(event.kv, decode), ...prevKv};
  const key = decode(event.kv.key, () => `the key ${show(event.kv.key)}`);
  return {type: 'delete', key, value: undefined, modRevision: event.kv.modRevision, ...prevKv};
}

function decodePrevKv<T extends Input>({prevKv}: {prevKv?: KeyValue<Bytes>}, decode: Decode<T>) {
  return prevKv === undefined ? {} : {prevKv: decodeKeyValue(prevKv, decode)};
}
