import type {CallOptions, WriteOptions} from '../api/call-options.ts';
import type {Changes, ChangeSet, ChangesOptions} from '../api/changes.ts';
import type {GetOptions, GetRangeOptions, Keys, StoreOptions} from '../api/keys.ts';
import type {KviError} from '../etcd/errors.ts';
import type {KeyValue} from '../etcd/messages.ts';

/** A value, or the `KVI_INVALID_VALUE` that says why it cannot be decoded. */
export type Decoded<Out> = {value: Out; error?: undefined} | {value: undefined; error: KviError};

/** A key with its history, and its value or an error. */
export type TypedKeyValue<Out> = Omit<KeyValue, 'value'> & Decoded<Out>;

/** One change of one key. A put whose value cannot be decoded has an `error` instead of it. */
export type TypedChange<Out> =
  | (TypedKeyValue<Out> & {type: 'put'; prevKv?: TypedKeyValue<Out>})
  | {
      type: 'delete';
      key: string;
      value: undefined;
      error?: undefined;
      modRevision: number;
      prevKv?: TypedKeyValue<Out>;
    };

/** The changes of one revision; see {@link ChangeSet}. */
export interface TypedChangeSet<Out> extends Omit<ChangeSet, 'events'> {
  events: TypedChange<Out>[];
}

/** Changes as they happen, as {@link Changes}. A value that cannot be decoded does not end it. */
export interface TypedChanges<Out>
  extends AsyncIterator<TypedChangeSet<Out>, undefined>, Pick<Changes, 'created'>, AsyncDisposable {
  [Symbol.asyncIterator](): this;
}

/** Options of {@link TypedKvi.update}. */
export interface UpdateOptions extends WriteOptions {
  /** How often `fn` may run, 1 or more. Default 16. */
  maxAttempts?: number | undefined;
}

/**
 * The keys of a {@link Kvi} with values of one type; made by `typed(kv, codec)`.
 *
 * Everything is as in `Kvi`, with its errors, and in addition:
 *
 * - `KVI_INVALID_VALUE`: the codec cannot encode or decode the value. Where one value is asked for, the call throws it.
 *   Where there may be many, each entry or change has its own `error`, and nothing else is affected.
 * - `timeoutMs`, `signal` and closing the handle bound the time of codecs and callbacks too. What they return afterwards
 *   is ignored.
 *
 * @typeParam Out - what is read
 * @typeParam In - what is written
 */
export interface TypedKvi<Out, In = Out> {
  /**
   * Reads the value of a key; one round trip.
   *
   * @returns the value, or `undefined` if the key does not exist
   * @throws `KVI_INVALID_VALUE`; `KVI_COMPACTED`, `KVI_FUTURE_REVISION` with `revision`
   */
  readonly get: (key: string, options?: GetOptions) => Promise<Out | undefined>;

  /**
   * Reads many keys, as one state of the store. An entry whose value cannot be decoded has an `error`, and no value.
   *
   * @throws `KVI_NOT_TEXT` if a key is not text; `KVI_COMPACTED`, `KVI_FUTURE_REVISION` with `revision`
   */
  readonly getRange: (
    keys: Keys,
    options?: Omit<GetRangeOptions, 'keysOnly'>,
  ) => Promise<TypedKeyValue<Out>[]>;

  /**
   * Sets a key; one round trip.
   *
   * @throws `KVI_INVALID_VALUE`; nothing was sent
   */
  readonly store: (key: string, value: In, options?: StoreOptions) => Promise<void>;

  /**
   * Test and set: sets `key` to `value` if it holds `test`, or, with `null`, if it does not exist; one round trip. It
   * compares bytes: `test` equals a value only if the codec encodes both alike. `json` does, because it sorts the keys of
   * objects; a value that another client wrote with other spaces is not equal. {@link TypedKvi.update} does not mind.
   * `null` always means an absent key, never a value that is null.
   *
   * @returns whether it was set
   * @throws `KVI_INVALID_VALUE` if either cannot be encoded; nothing was sent
   */
  readonly tas: (key: string, test: In | null, value: In, options?: WriteOptions) => Promise<boolean>;

  /**
   * Reads a value, and replaces it by what `fn` makes of it, unless somebody else changed the key meanwhile: then again,
   * after a pause. An attempt is two round trips. It compares revisions, so it does not matter how others encode values.
   * The key keeps its lease.
   *
   * @param fn - gets the value, or `undefined` if the key does not exist; returns the new value, or `undefined` to leave
   *   the key alone; may be asynchronous. It is called once for each attempt. What it throws, `update` throws, and nothing
   *   is changed.
   * @returns what was stored, as `fn` returned it; `undefined` if it left the key alone
   * @throws `KVI_CONFLICT` when `maxAttempts` runs have met other writes, `KVI_TIMEOUT` when the time is over; nothing was
   *   changed
   * @throws `KVI_INVALID_VALUE` if the present value cannot be decoded, or the new one not encoded; nothing was changed
   * @throws `KVI_UNKNOWN_OUTCOME` if the write was sent and no answer came; with `onUnknownOutcome: 'resolve'` only if
   *   that could not be found out
   */
  readonly update: (
    key: string,
    fn: (value: Out | undefined) => In | undefined | Promise<In | undefined>,
    options?: UpdateOptions,
  ) => Promise<In | undefined>;

  /**
   * Deletes a key, or many in one revision; no value is decoded. An empty prefix is refused.
   *
   * @returns whether there was anything to delete
   */
  readonly delete: (keys: Keys, options?: WriteOptions) => Promise<boolean>;

  /**
   * Waits for the first change of a key after the call. If its value cannot be decoded, the change has an `error`.
   *
   * @param options - without `timeoutMs` it waits as long as it takes
   */
  readonly watch: (key: string, options?: CallOptions) => Promise<TypedChange<Out>>;

  /**
   * Watches keys. The values of one change set are decoded before the next is, so that order is kept. A codec that is too
   * slow for the changes that come ends it with `KVI_SLOW_CONSUMER`; a key that is not text, with `KVI_NOT_TEXT`.
   */
  readonly changes: (keys: Keys, options?: ChangesOptions) => TypedChanges<Out>;
}
