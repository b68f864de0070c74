/**
 * Values that a service follows: configuration, flags, what another service has published. The model is monogon's event
 * values.
 *
 * @see https://github.com/monogon-dev/monogon/tree/main/osbase/event
 */
import type {WriteOptions} from '../api/call-options.ts';
import type {Keys} from '../api/keys.ts';
import type {Kvi} from '../api/kvi.ts';
import {callTime} from '../async/call-time.ts';
import {checkFunction, reading} from '../etcd/bad-input.ts';
import {type Bytes, type Input, show} from '../etcd/bytes.ts';
import {KviError} from '../etcd/errors.ts';
import {keyId} from '../etcd/key-range.ts';
import type {KeyValue, RequestOp} from '../etcd/messages.ts';
import {checkCount} from '../etcd/validate.ts';
import {encodeKeys, textDecoder} from '../kvi/codec.ts';
import {insideOf} from '../kvi/inside.ts';
import {optionNames} from '../kvi/option-names.ts';
import {type Codec, decodeValue, encodeValue} from './codec.ts';
import {listAndWatch} from './list-and-watch.ts';
import {
  checkWatchValue,
  type Seen,
  type ValueFeed,
  type ValueWatcher,
  valueWatcher,
  watchValueNames,
  type WatchValueOptions,
} from './value-watcher.ts';

/** Options of a write of an {@link EventValue}. */
export interface SetOptions extends WriteOptions {
  /**
   * Writes only if the key was last written at this revision: what a watcher told as `modRevision`. 0: only if there is no
   * such key.
   */
  ifModRevision?: number | undefined;
}

/** The names of {@link SetOptions}. */
export const setNames = [...optionNames.write, 'ifModRevision'];

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkSet(own: SetOptions = {}): SetOptions {
  checkCount('ifModRevision', own.ifModRevision);
  return own;
}

/** The values of several keys, to be followed. */
export interface EventValues<V> {
  /** Tells only what is there at the first `get`, and ends when it has been read. */
  watch(options: WatchValueOptions<V> & {backlogOnly: true}): ValueWatcher<V, undefined>;
  /**
   * Follows the state from the first `get` of the watcher on. It keeps trying while the store cannot be reached, and reads
   * the state anew where changes were compacted away: it tells the newest state, never an older one than before, and may
   * skip those in between.
   *
   * @throws `KVI_INVALID_ARGUMENT`, `KVI_CLOSED`, `KVI_ABORTED`
   */
  watch(options?: WatchValueOptions<V>): ValueWatcher<V>;
}

/** A value to be followed, and written. */
export interface EventValue<V, In = V> extends EventValues<V> {
  /**
   * Writes the value.
   *
   * @returns the revision at which it was written, for the next `ifModRevision`
   * @throws `KVI_CONFLICT` if the key is not as `ifModRevision` says: read it again; `KVI_INVALID_VALUE` if the codec refuses
   *   the value; and what a write throws
   */
  set(value: In, options?: SetOptions): Promise<number>;
  /**
   * Deletes the key, if there is one. Its watchers are told `value: undefined`.
   *
   * @throws as {@link EventValue.set}
   */
  delete(options?: SetOptions): Promise<void>;
}

/**
 * A value, or the values of a range of keys, whose newest state is followed. It holds nothing and need not be closed; its
 * watchers do.
 *
 * ```ts
 * const config = eventValue(kv, 'config', json(configSchema));
 * await using watcher = config.watch();
 * const {value, modRevision} = await watcher.get(); // the present state, then each newer one
 * ```
 *
 * @param keys - a key, which may be absent; or `{prefix}` or `{start, end}`, each key of which is told by itself
 * @param codec - as for `typed`
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function eventValue<Out, In = Out>(
  kv: Kvi<Input>,
  key: Input,
  codec: Codec<Out, In>,
): EventValue<Out, In>;
export function eventValue<Out, In = Out>(
  kv: Kvi<Input>,
  keys: Keys,
  codec: Codec<Out, In>,
): EventValues<Out>;
export function eventValue<Out, In>(
  kv: Kvi<Input>,
  keys: Keys,
  codec: Codec<Out, In>,
): EventValue<Out, In> | EventValues<Out> {
  const {handle} = insideOf(kv);
  const {closing, driver, options} = handle;
  const {clock} = driver;
  const {key, rangeEnd} = reading(() => {
    checkFunction('codec.encode', codec?.encode);
    checkFunction('codec.decode', codec?.decode);
    return encodeKeys(keys);
  });
  const isSingle = rangeEnd === undefined;
  /** Of the caller's bytes, a copy. */
  const followed = isSingle ? key : {start: key, end: rangeEnd};

  async function follow(feed: ValueFeed<Out>, signal: AbortSignal): Promise<void> {
    let isFirst = true;
    for await (const {state, changed} of listAndWatch(clock, kv.bytes, followed, {signal, maySkip: true})) {
      // An absent key is a state too.
      for (const each of isFirst && isSingle ? [key] : changed) {
        const id = keyId(each);
        const entry = state.get(id);
        const tell = isSingle || entry !== undefined ? feed.put : feed.remove;
        tell(id, () => seen(each, entry));
      }
      isFirst = false;
      feed.listed();
    }
  }

  async function seen(each: Bytes, entry: KeyValue<Bytes> | undefined): Promise<Seen<Out>> {
    const name = textDecoder.key(each);
    if (entry === undefined) return {key: name, modRevision: 0, value: undefined};
    return {key: name, modRevision: entry.modRevision, value: await decodeValue(codec, entry.value, name)};
  }

  function watch(given?: WatchValueOptions<Out>): ValueWatcher<Out> {
    const own = handle.begin(given, watchValueNames, checkWatchValue);
    // Only a watcher of the backlog returns undefined; the overloads say so.
    return valueWatcher(own, closing, follow) as ValueWatcher<Out>;
  }

  /** Begins a write. Its time, which counts from now, is for the codec too. */
  function begin(given: SetOptions | undefined) {
    return handle.begin(given, setNames, (copy) => {
      const {ifModRevision, timeoutMs = options.timeoutMs, ...own} = checkSet(copy);
      return {ifModRevision, own, time: callTime(clock, {timeoutMs, signal: own.signal, closing})};
    });
  }

  async function write(
    {ifModRevision, own, time}: ReturnType<typeof begin>,
    operation: RequestOp<Input>,
  ): Promise<number> {
    const isAsSeen = {key, target: 'mod' as const, result: '=' as const, modRevision: ifModRevision ?? 0};
    const compare = ifModRevision === undefined ? [] : [isAsSeen];
    const request = {compare, success: [operation]};
    const {succeeded, revision} = await kv.bytes.txn(request, {...own, timeoutMs: time.left()});
    if (!succeeded) throw changedMeanwhile(show(key), ifModRevision);
    return revision;
  }

  async function set(value: In, given?: SetOptions): Promise<number> {
    const call = begin(given);
    const encoded = await call.time.run(() => encodeValue(codec, value, textDecoder.key(key)));
    return write(call, {type: 'put', key, value: encoded});
  }

  async function deleteKey(given?: SetOptions): Promise<void> {
    await write(begin(given), {type: 'deleteRange', key});
  }

  return isSingle ? {watch, set, delete: deleteKey} : {watch};
}

export function changedMeanwhile(what: string, ifModRevision: number | undefined): KviError {
  const is = ifModRevision === 0 ? 'exists' : `was not last written at revision ${ifModRevision}`;
  return new KviError('KVI_CONFLICT', `${what} ${is}; nothing was changed`);
}
