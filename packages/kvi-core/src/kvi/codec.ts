/** Between what callers pass and get, and the bytes that drivers speak. */
import type {Change, ChangeSet} from '../api/changes.ts';
import type {Keys} from '../api/keys.ts';
import {type Bytes, decodeUtf8, encode, type Input, isBytes, show} from '../etcd/bytes.ts';
import {checkNames, showValue} from '../etcd/bad-input.ts';
import {invalidArgument, isKviError, KviError} from '../etcd/errors.ts';
import {prefixRange} from '../etcd/key-range.ts';
import type {
  Compare,
  DeleteRangeResponse,
  Event,
  KeyRange,
  KeyValue,
  RangeResponse,
  RequestOp,
  ResponseOp,
  TxnRequest,
  TxnResponse,
} from '../etcd/messages.ts';
import type {ResyncResponse} from '../primitives/resync.ts';
import {fieldNames} from './option-names.ts';

/** Turns stored bytes into what a handle returns. */
export interface Decoder<T extends Input> {
  key(bytes: Bytes): T;
  value(entry: Pick<KeyValue<Bytes>, 'key' | 'value'>): T;
}

/** The {@link Decoder} of a handle that returns text. @throws `KVI_NOT_TEXT`, as do the functions that use it */
export const textDecoder: Decoder<string> = {
  key: (bytes) => decodeUtf8(bytes) ?? notText(`the key ${show(bytes)}`),
  value: ({key, value}) => decodeUtf8(value) ?? notText(`the value of ${show(key)}`),
};

/** The {@link Decoder} of a handle that returns bytes: a copy, which the caller may change. */
export const bytesDecoder: Decoder<Bytes> = {
  key: (bytes) => Uint8Array.from(bytes),
  value: ({value}) => Uint8Array.from(value),
};

function notText(what: string): never {
  throw new KviError('KVI_NOT_TEXT', `${what} is not UTF-8 text; read it as bytes, through kv.bytes`);
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function encodeKeys(keys: Keys, end?: Input): KeyRange<Bytes> {
  if (typeof keys === 'string' || isBytes(keys)) {
    return end === undefined ? {key: encode(keys, 'key')} : encodeRange({key: keys, rangeEnd: end});
  }
  if (typeof keys === 'object' && keys !== null) {
    if (end !== undefined) throw invalidArgument('pass an end, or an object that names a range, not both');
    if ('prefix' in keys && 'start' in keys) throw invalidArgument('pass {prefix} or {start, end}, not both');
    if ('prefix' in keys) return prefixRange(encode(keys.prefix, 'prefix'));
    if ('start' in keys) return encodeRange({key: keys.start, rangeEnd: keys.end});
  }
  throw invalidArgument('keys must be a key, {prefix} or {start, end}');
}

/** Whether this names all keys, perhaps by a variable that was not set. */
export function isEmptyPrefix(keys: Keys): boolean {
  return typeof keys === 'object' && keys !== null && 'prefix' in keys && keys.prefix?.length === 0;
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
  if (depth > maxTxnDepth) {
    throw invalidArgument(`transactions nested too deep (limit ${maxTxnDepth} levels)`);
  }
  const {compare, success, failure} = checkObject('a transaction', request);
  checkNames('field of a transaction', request, depth === 1 ? fieldNames.txn : ['type', ...fieldNames.txn]);
  return {
    compare: checkObjects('compare', compare).map(encodeCompare),
    success: checkObjects('success', success).map((op) => encodeOp(op, depth)),
    failure: checkObjects('failure', failure).map((op) => encodeOp(op, depth)),
  };
}

function checkObject<O>(what: string, object: O): O {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    throw invalidArgument(`${what} must be an object, not ${showValue(object)}`);
  }
  return object;
}

function checkObjects<O>(what: string, objects: readonly O[] = []): readonly O[] {
  const isArray: boolean = Array.isArray(objects);
  if (!isArray) throw invalidArgument(`${what} must be an array, not ${showValue(objects)}`);
  for (const object of objects) checkObject(`each of ${what}`, object);
  return objects;
}

function encodeCompare(compare: Compare<Input>): Compare<Bytes> {
  checkNames('field of a compare', compare, fieldNames.compare);
  const range = encodeRange(compare);
  return compare.target === 'value'
    ? {...compare, ...range, value: encode(compare.value, 'value')}
    : {...compare, ...range};
}

function encodeOp(op: RequestOp<Input>, depth: number): RequestOp<Bytes> {
  switch (op.type) {
    case 'put':
      checkNames('field of a put', op, fieldNames.put);
      return {
        ...op,
        key: encode(op.key, 'key'),
        value: op.value === undefined ? undefined : encode(op.value, 'value'),
      };
    case 'txn':
      return {type: 'txn', ...encodeTxn(op, depth + 1)};
    case 'deleteRange':
      checkNames('field of a deleteRange', op, fieldNames.deleteRange);
      return {...op, ...encodeRange(op)};
    default:
      // A range, or what `checkTxn` refuses.
      checkNames('field of a range', op, fieldNames.range);
      return {...op, ...encodeRange(op)};
  }
}

export function decodeKeyValue<T extends Input>(kv: KeyValue<Bytes>, decoder: Decoder<T>): KeyValue<T> {
  return {
    key: decoder.key(kv.key),
    value: decoder.value(kv),
    createRevision: kv.createRevision,
    modRevision: kv.modRevision,
    version: kv.version,
    lease: kv.lease,
  };
}

export function decodeKeyValues<T extends Input>(
  kvs: readonly KeyValue<Bytes>[],
  decoder: Decoder<T>,
): KeyValue<T>[] {
  return kvs.map((kv) => decodeKeyValue(kv, decoder));
}

export function decodeRangeResponse<T extends Input>(
  response: RangeResponse<Bytes>,
  decoder: Decoder<T>,
): RangeResponse<T> {
  return {...response, kvs: decodeKeyValues(response.kvs, decoder)};
}

/** @throws `KVI_UNKNOWN_OUTCOME` with `applied` where something was deleted that is not text */
export function decodeDeleteRangeResponse<T extends Input>(
  response: DeleteRangeResponse<Bytes>,
  decoder: Decoder<T>,
): DeleteRangeResponse<T> {
  return afterWrite(response.deleted > 0, response.revision, () => decodeDeleteRange(response, decoder));
}

function decodeDeleteRange<T extends Input>(
  {revision, deleted, prevKvs}: DeleteRangeResponse<Bytes>,
  decoder: Decoder<T>,
): DeleteRangeResponse<T> {
  return {revision, deleted, prevKvs: decodeKeyValues(prevKvs, decoder)};
}

/** @throws `KVI_UNKNOWN_OUTCOME` with `applied` where something was written, and what was read is not text */
export function decodeTxnResponse<T extends Input>(
  response: TxnResponse<Bytes>,
  decoder: Decoder<T>,
): TxnResponse<T> {
  return afterWrite(response.responses.some(hasWritten), response.revision, () =>
    decodeTxn(response, decoder),
  );
}

function hasWritten(response: ResponseOp<Bytes>): boolean {
  if (response.type === 'txn') return response.responses.some(hasWritten);
  return response.type === 'put' || (response.type === 'deleteRange' && response.deleted > 0);
}

/** Every error but `KVI_UNKNOWN_OUTCOME` promises that nothing was applied. */
function afterWrite<R>(wasWritten: boolean, revision: number, decode: () => R): R {
  try {
    return decode();
  } catch (cause) {
    if (!wasWritten || !isKviError(cause, 'KVI_NOT_TEXT')) throw cause;
    throw new KviError(
      'KVI_UNKNOWN_OUTCOME',
      `the write was applied as revision ${revision}, but what it read cannot be returned: ${cause.message}`,
      {cause, applied: true},
    );
  }
}

function decodeTxn<T extends Input>(response: TxnResponse<Bytes>, decoder: Decoder<T>): TxnResponse<T> {
  return {...response, responses: response.responses.map((item) => decodeOp(item, decoder))};
}

function decodeOp<T extends Input>(op: ResponseOp<Bytes>, decoder: Decoder<T>): ResponseOp<T> {
  switch (op.type) {
    case 'range':
      return {...op, ...decodeRangeResponse(op, decoder)};
    case 'put':
      return {type: 'put', revision: op.revision, ...decodePrevKv(op, decoder)};
    case 'deleteRange':
      return {type: 'deleteRange', ...decodeDeleteRange(op, decoder)};
    case 'txn':
      return {...op, ...decodeTxn(op, decoder)};
  }
}

export function decodeEvent<T extends Input>(event: Event<Bytes>, decoder: Decoder<T>): Change<T> {
  const prevKv = decodePrevKv(event, decoder);
  if (event.type === 'put') return {type: 'put', ...decodeKeyValue(event.kv, decoder), ...prevKv};
  const {key, modRevision} = event.kv;
  return {type: 'delete', key: decoder.key(key), value: undefined, modRevision, ...prevKv};
}

export function decodeChanges<T extends Input>(response: ResyncResponse, decoder: Decoder<T>): ChangeSet<T> {
  return {...response, events: response.events.map((event) => decodeEvent(event, decoder))};
}

function decodePrevKv<T extends Input>({prevKv}: {prevKv?: KeyValue<Bytes>}, decoder: Decoder<T>) {
  return prevKv === undefined ? {} : {prevKv: decodeKeyValue(prevKv, decoder)};
}
