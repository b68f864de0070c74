import type {CallOptions, WriteOptions} from '../api/call-options.ts';
import type {Change, ChangesOptions} from '../api/changes.ts';
import type {GetOptions, GetRangeOptions, Keys, StoreOptions} from '../api/keys.ts';
import type {Kvi} from '../api/kvi.ts';
import {checkFunction, checkPositiveInteger, reading, showValue} from '../etcd/bad-input.ts';
import type {Bytes, Input} from '../etcd/bytes.ts';
import {invalidArgument, isKviError} from '../etcd/errors.ts';
import type {KeyValue, TxnRequest} from '../etcd/messages.ts';
import {textDecoder} from '../kvi/codec.ts';
import {insideOf} from '../kvi/inside.ts';
import {optionNames} from '../kvi/option-names.ts';
import {callTime} from '../async/call-time.ts';
import {conflict, defaultMaxAttempts, pauseAfter} from './attempts.ts';
import {type Codec, decodeValue, encodeValue} from './codec.ts';
import {typedChanges} from './typed-changes.ts';
import type {Decoded, TypedChange, TypedKeyValue, TypedKvi, UpdateOptions} from './typed-kvi.ts';

/** Without values there would be nothing to decode. */
const getRangeNames = optionNames.getRange.filter((name) => name !== 'keysOnly');
const updateNames = [...optionNames.write, 'maxAttempts'];

/**
 * A view of a handle with text as keys and values of one type. It holds nothing and need not be closed; the handle stays
 * as it is, and may have any number of views.
 *
 * ```ts
 * const orders = typed(namespace(kv, 'orders/'), json(orderSchema));
 * ```
 *
 * @throws `KVI_INVALID_ARGUMENT` for what is no handle, or no codec
 */
export function typed<Out, In = Out>(kv: Kvi<Input>, codec: Codec<Out, In>): TypedKvi<Out, In> {
  const {handle} = insideOf(kv);
  const {closing, driver, options} = handle;
  const {clock} = driver;
  const {bytes} = kv;
  reading(() => {
    checkFunction('codec.encode', codec?.encode);
    checkFunction('codec.decode', codec?.decode);
  });

  /** Begins a call. Its time, which counts from now, is for requests, codec and callback together. */
  function begin<O extends WriteOptions>(given: O | undefined, names: readonly string[]) {
    const own = handle.begin(given, names, (copy) => copy);
    const {timeoutMs = options.timeoutMs, signal} = own ?? {};
    return {own, time: callTime(clock, {timeoutMs, signal, closing})};
  }

  async function get(key: string, given?: GetOptions): Promise<Out | undefined> {
    checkKey(key);
    const {own, time} = begin(given, optionNames.get);
    const stored = await bytes.get(key, own);
    return stored === undefined ? undefined : time.run(() => decodeValue(codec, stored, key));
  }

  async function getRange(
    keys: Keys,
    given?: Omit<GetRangeOptions, 'keysOnly'>,
  ): Promise<TypedKeyValue<Out>[]> {
    const {own, time} = begin(given, getRangeNames);
    const found = await bytes.getRange(keys, own);
    return time.run(() => Promise.all(found.map(decodeKeyValue)));
  }

  async function store(key: string, value: In, given?: StoreOptions): Promise<void> {
    checkKey(key);
    const {own, time} = begin(given, optionNames.store);
    const encoded = await time.run(() => encodeValue(codec, value, key));
    await bytes.store(key, encoded, {...own, timeoutMs: time.left()});
  }

  async function tas(key: string, test: In | null, value: In, given?: WriteOptions): Promise<boolean> {
    checkKey(key);
    const {own, time} = begin(given, optionNames.write);
    // Both at once: the caller may change them when the call has returned.
    const [encodedTest, encoded] = await time.run(() =>
      Promise.all([test === null ? null : encodeValue(codec, test, key), encodeValue(codec, value, key)]),
    );
    return bytes.tas(key, encodedTest, encoded, {...own, timeoutMs: time.left()});
  }

  async function update(
    key: string,
    fn: (value: Out | undefined) => In | undefined | Promise<In | undefined>,
    given?: UpdateOptions,
  ): Promise<In | undefined> {
    checkKey(key);
    checkFunction('fn', fn);
    const {own, time} = begin(given, updateNames);
    const {maxAttempts = defaultMaxAttempts, onUnknownOutcome, ...callOptions} = own ?? {};
    checkPositiveInteger('maxAttempts', maxAttempts);
    for (let attempts = 1; ; attempts += 1) {
      const stored = await bytes.getKeyValue(key, {...callOptions, timeoutMs: time.left()});
      const value = stored && (await time.run(() => decodeValue(codec, stored.value, key)));
      const next = await time.run(() => fn(value));
      if (next === undefined) return undefined;
      const encoded = await time.run(() => encodeValue(codec, next, key));
      const {succeeded} = await bytes.txn(replacement(key, stored, encoded), {
        ...callOptions,
        onUnknownOutcome,
        timeoutMs: time.left(),
      });
      if (succeeded) return next;
      if (attempts === maxAttempts) throw conflict(attempts, changedFirst(key));
      await pauseAfter(attempts, clock, time);
    }
  }

  async function watch(key: string, given?: CallOptions): Promise<TypedChange<Out>> {
    checkKey(key);
    const own = handle.begin(given, optionNames.call, (copy) => copy);
    const time = callTime(clock, {...own, closing});
    const change = await bytes.watch(key, own);
    return time.run(() => decodeChange(change));
  }

  function changes(keys: Keys, given?: ChangesOptions) {
    return typedChanges(clock, bytes.changes(keys, given), decodeChange, {signal: given?.signal, closing});
  }

  async function decodeKeyValue({key, value, ...history}: KeyValue<Bytes>): Promise<TypedKeyValue<Out>> {
    const name = textDecoder.key(key);
    return {key: name, ...(await decoded(value, name)), ...history};
  }

  async function decoded(stored: Bytes, key: string): Promise<Decoded<Out>> {
    try {
      return {value: await decodeValue(codec, stored, key)};
    } catch (error) {
      if (!isKviError(error)) throw error;
      return {value: undefined, error};
    }
  }

  async function decodeChange({prevKv, ...change}: Change<Bytes>): Promise<TypedChange<Out>> {
    const before = prevKv === undefined ? {} : {prevKv: await decodeKeyValue(prevKv)};
    if (change.type === 'delete') return {...change, key: textDecoder.key(change.key), ...before};
    return {...(await decodeKeyValue(change)), type: 'put', ...before};
  }

  return {get, getRange, store, tas, update, delete: (keys, given) => kv.delete(keys, given), watch, changes};
}

/** Puts a value, and keeps the key's lease, if the key is as it was read. */
function replacement(key: string, read: KeyValue<Bytes> | undefined, value: Bytes): TxnRequest<Input> {
  return {
    compare: [{key, target: 'mod', result: '=', modRevision: read?.modRevision ?? 0}],
    success: [{type: 'put', key, value, ignoreLease: read !== undefined}],
  };
}

function changedFirst(key: string): string {
  return `each time another write changed ${JSON.stringify(key)} first; nothing was changed`;
}

function checkKey(key: string): void {
  if (typeof key !== 'string') throw invalidArgument(`key must be a string, not ${showValue(key)}`);
}
