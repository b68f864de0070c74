import type {Bytes, Input} from '../etcd/bytes.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import type {
  CompareResult,
  DeleteRangeResponse,
  KeyValue,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from '../etcd/messages.ts';
import type {CallOptions, TxnCallOptions, WriteOptions} from './call-options.ts';
import type {Change, Changes, ChangesOptions} from './changes.ts';
import type {DistLock, DistLockOptions} from './dist-lock.ts';
import type {
  DeleteRangeOptions,
  GetOptions,
  GetRangeOptions,
  Keys,
  RangeOptions,
  StoreOptions,
} from './keys.ts';
import type {AttachLeaseOptions, Lease, LeaseOptions} from './lease.ts';
import type {TempKey, TempKeyOptions} from './temp-key.ts';
import type {WatchCallback, WatchHandle, WatchWithCBOptions} from './watch-with-cb.ts';

/**
 * A handle on a key-value store: what a service gets injected, the same on every backend.
 *
 * Keys and values are byte strings. Text is stored as UTF-8 and this handle returns text; bytes are accepted everywhere,
 * and {@link Kvi.bytes} returns them. Keys are ordered byte by byte.
 *
 * Any call can fail with `KVI_INVALID_ARGUMENT` (nothing was sent), `KVI_TIMEOUT`, `KVI_ABORTED`, `KVI_CLOSED`,
 * `KVI_UNAVAILABLE` (nothing was applied), `KVI_UNAUTHENTICATED` and `KVI_PERMISSION_DENIED`; a read of text also with
 * `KVI_NOT_TEXT`, a write also with `KVI_UNKNOWN_OUTCOME` and `KVI_RESOURCE_EXHAUSTED`. `KviErrorCode` documents each.
 *
 * @typeParam T - what is returned: `string`, or `Uint8Array` through {@link Kvi.bytes}
 */
export interface Kvi<T extends Input = string> extends AsyncDisposable {
  /** The same handle, returning bytes instead of text. */
  readonly bytes: Kvi<Bytes>;

  /** Sets a key. */
  store(key: Input, value: Input, options?: StoreOptions): Promise<void>;

  /**
   * Reads the value of a key.
   *
   * @returns the value, or `undefined` if the key does not exist
   * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION` with `revision`
   */
  get(key: Input, options?: GetOptions): Promise<T | undefined>;

  /**
   * Reads a key with its value, revisions and lease.
   *
   * @returns `undefined` if the key does not exist
   * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION` with `revision`
   */
  getKeyValue(key: Input, options?: GetOptions): Promise<KeyValue<T> | undefined>;

  /**
   * Reads a range: `getRange(start, end)` is half-open, `[start, end)`. Without `end` it is the key `start` alone; an
   * `end` of `"\0"` means every key from `start` on, and with `start` `"\0"` as well all keys. `getRange({prefix})` reads
   * all keys with a prefix. The result is one state of the store, however many pages it took to read.
   *
   * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION` with `revision`
   */
  getRange(keys: Keys, options?: GetRangeOptions): Promise<KeyValue<T>[]>;
  getRange(start: Input, end: Input | undefined, options?: GetRangeOptions): Promise<KeyValue<T>[]>;

  /**
   * Reads with everything that etcd offers, and returns the revision, so that {@link Kvi.changes} can go on from there.
   *
   * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION` with `revision`
   */
  range(keys: Keys, options?: RangeOptions): Promise<RangeResponse<T>>;

  /**
   * Deletes a key, or many in one revision. An empty prefix is refused: it would delete everything.
   *
   * @returns whether there was anything to delete
   */
  delete(keys: Keys, options?: WriteOptions): Promise<boolean>;

  /** Deletes as {@link Kvi.delete} does, and returns the revision, the number of keys and, with `prevKv`, what they held. */
  deleteRange(keys: Keys, options?: DeleteRangeOptions): Promise<DeleteRangeResponse<T>>;

  /**
   * Test and set: sets `key` to `value` if it holds `test`, or, with `null`, if it does not exist.
   *
   * @returns whether it was set. `false` is certain; where that is not known, the call throws `KVI_UNKNOWN_OUTCOME`.
   */
  tas(key: Input, test: Input | null, value: Input, options?: WriteOptions): Promise<boolean>;

  /**
   * Compares the value of `key` with `value` as `op` says. If that is true, sets `thenKey`, otherwise `elseKey`. A key that
   * does not exist has no value: every comparison with it is false, `!=` too.
   *
   * @returns whether the comparison was true
   */
  transaction(
    key: Input,
    op: CompareResult,
    value: Input,
    thenKey: Input,
    thenValue: Input,
    elseKey: Input,
    elseValue: Input,
    options?: WriteOptions,
  ): Promise<boolean>;

  /**
   * The general transaction: any number of conditions, any operations, nested transactions.
   *
   * @throws `KVI_LEASE_NOT_FOUND`, `KVI_KEY_NOT_FOUND`, `KVI_COMPACTED`, `KVI_FUTURE_REVISION`; nothing was applied
   */
  txn(request: TxnRequest<Input>, options?: TxnCallOptions): Promise<TxnResponse<T>>;

  /**
   * Grants a lease, for any number of keys: `kv.store(key, value, {lease: lease.id})`. The handle keeps
   * it alive, and revokes it when it is closed. With `keepAlive: false` the lease ends after its TTL, unless it is refreshed, also
   * when the handle was closed before.
   *
   * @throws `KVI_LEASE_EXISTS` if there is a lease of that `id`; `KVI_UNKNOWN_OUTCOME` if an `id` was named and no answer
   *   came: it may have been granted, and ends after its TTL then
   */
  lease(options?: LeaseOptions): Promise<Lease<T>>;

  /**
   * A lease that somebody else granted, to follow it, or to keep it alive. Closing it, or the handle, never revokes it.
   *
   * @throws `KVI_LEASE_NOT_FOUND`
   */
  attachLease(id: LeaseId, options?: AttachLeaseOptions): Promise<Lease<T>>;

  /** Lists the ids of all leases. */
  leases(options?: CallOptions): Promise<LeaseId[]>;

  /**
   * Forgets the history before a revision, for everybody: reads at earlier revisions and watches from them fail with
   * `KVI_COMPACTED`. Usually etcd does so by itself (`--auto-compaction-retention`).
   *
   * @throws `KVI_COMPACTED` if that was done before; `KVI_FUTURE_REVISION`
   */
  compact(revision: number, options?: CallOptions): Promise<void>;

  /**
   * Makes a key that exists as long as the result does. It is kept alive in the background, put back if its lease was lost
   * while the process lives, and gone at once on `close()` and within its TTL after a crash. Deleting or overwriting it ends
   * it. A key that exists already is overwritten. Calls for a key that the handle already keeps share it, with the value and
   * TTL of the first.
   */
  tempKey(key: Input, options?: TempKeyOptions): Promise<TempKey>;

  /**
   * Takes a lock, waiting as long as it takes; first come, first served. It is etcd's own lock: it excludes `etcdctl lock`
   * and Go's `concurrency.Mutex` of the same name, and a second call on the same handle. It queues up again when the
   * backend was away for longer than the lock's TTL.
   *
   * As in etcd, every key that starts with `<name>/` counts as a contender: do not store keys below a lock's name, nor name
   * one lock `a` and another `a/b`.
   *
   * @param name - default: the handle's `lockName`
   */
  distLock(name?: string, options?: DistLockOptions): Promise<DistLock<T>>;

  /**
   * Takes a lock as {@link Kvi.distLock} does, waiting at most `seconds`; 0 tries once.
   *
   * @throws `KVI_TIMEOUT` when it was not free in time; nothing is left behind
   */
  distTimedLock(seconds: number, name?: string, options?: DistLockOptions): Promise<DistLock<T>>;

  /**
   * Releases the lock of that name that this handle holds; without one, does nothing. A lock that was lost has to be
   * released too: until then further calls of this handle for its name wait.
   *
   * @throws `KVI_LOCK_LOST` as {@link DistLock.release}
   */
  distUnlock(name?: string): Promise<void>;

  /**
   * Waits for the first change of a key after the call. A change that this handle makes after the call counts, even if the
   * call was not awaited first: the handle's writes wait until the watch is in place. Another client's change may come
   * before that: to read a state and then follow it, use {@link Kvi.range}, and {@link Kvi.changes} from the revision
   * after the one that it returned.
   *
   * @param options - without `timeoutMs` it waits as long as it takes
   */
  watch(key: Input, options?: CallOptions): Promise<Change<T>>;

  /**
   * Calls `callback` for each change of one kind, one call at a time. Resolves once the watch is in place. It ends when the
   * callback returns `false` or throws, when the key is deleted (after the callback, if `op` is `delete`), by
   * {@link Kvi.watchCBCancel} or by `close()`; see {@link WatchHandle.ended}.
   *
   * @param op - the kind of change: `put` or `delete`
   * @param userData - passed to the callback
   */
  watchWithCB<Op extends 'put' | 'delete'>(
    key: Input,
    op: Op,
    callback: WatchCallback<T, Op, undefined>,
    userData?: undefined,
    options?: WatchWithCBOptions,
  ): Promise<WatchHandle>;
  watchWithCB<Op extends 'put' | 'delete', U>(
    key: Input,
    op: Op,
    callback: WatchCallback<T, Op, U>,
    userData: U,
    options?: WatchWithCBOptions,
  ): Promise<WatchHandle>;

  /** Ends a watch; its callback is not called again. Cancelling twice is fine. */
  watchCBCancel(handle: WatchHandle): Promise<void>;

  /** Watches keys; see {@link Changes}. */
  changes(keys: Keys, options?: ChangesOptions): Changes<T>;

  /**
   * Ends the handle. Its locks and temporary keys are given up; calls that wait fail with `KVI_CLOSED`, and so does every
   * later call, except those that only release something, such as {@link Kvi.watchCBCancel}. The process can exit. Closing
   * twice is fine. Never throws. It takes at most about a second: what the backend could not be told by then ends with the
   * TTL of its lease.
   */
  close(): Promise<void>;
}
