/** The interface that a service gets injected: the same on every backend. */
import type {Bytes, Input} from '../etcd/bytes.ts';
import type {
  CompareResult,
  KeyValue,
  LeaseId,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from '../etcd/messages.ts';
import type {RetryPolicy} from '../policy/retry-policies.ts';

/** What every call takes as its last argument. */
export interface CallOptions {
  /** Milliseconds until the call gives up, more than 0 and less than 2 ** 31. Default: that of the handle. */
  timeoutMs?: number | undefined;
  /** Ends the call early, with `KVI_ABORTED`. */
  signal?: AbortSignal | undefined;
  /**
   * When the call is tried again if the backend could not carry it out. Default: that of the handle. Temporary keys, locks
   * and watches go on by themselves, and do not ask it.
   */
  retryPolicy?: RetryPolicy | undefined;
}

/**
 * What becomes of a write that was sent and got no answer. `throw`: `KVI_UNKNOWN_OUTCOME`. `resolve`: the handle finds out,
 * and the call returns what it would have returned with the answer, or is tried again when nothing was applied. It costs
 * one more put with every write; `docs/unknown-outcomes.md` says what, and when even this cannot know.
 */
export type OnUnknownOutcome = 'throw' | 'resolve';

/** Options of a write. */
export interface WriteOptions extends CallOptions {
  /** What to do when no answer came. Default: that of the handle. */
  onUnknownOutcome?: OnUnknownOutcome | undefined;
}

/** One key, all keys with a prefix, or the keys of the half-open range `[start, end)`; see {@link Kvi.getRange}. */
export type Keys = Input | {prefix: Input} | {start: Input; end?: Input | undefined};

/** Options of a read of one key. */
export interface GetOptions extends CallOptions {
  /** Read the store as it was at this revision. Default: now. */
  revision?: number | undefined;
  /** Let any member answer from what it has, faster and perhaps out of date. Default false. */
  serializable?: boolean | undefined;
}

/** Options of a read of many keys. */
export interface GetRangeOptions extends GetOptions {
  /** At most so many keys. Default: all. */
  limit?: number | undefined;
  /** The order of the keys. Default `ascend`. */
  sortOrder?: 'ascend' | 'descend' | undefined;
  /** Leave the values out; they are empty then. Default false. */
  keysOnly?: boolean | undefined;
}

/** Options of a read with everything that etcd offers. */
export type RangeOptions = CallOptions & Omit<RangeRequest<Input>, 'key' | 'rangeEnd'>;

/** Options of {@link Kvi.store}. */
export interface StoreOptions extends WriteOptions {
  /** Let the key live as long as this lease. Default: none; a lease that the key had is detached. */
  lease?: LeaseId | undefined;
}

/** One change of one key. */
export type Change<T extends Input = string> =
  | (KeyValue<T> & {type: 'put'; prevKv?: KeyValue<T>})
  | {type: 'delete'; key: T; value: undefined; modRevision: number; prevKv?: KeyValue<T>};

/** The changes of one revision, in the order in which they were made. */
export interface ChangeSet<T extends Input = string> {
  /** Everything up to this revision has been delivered; to go on later, watch from the next one. */
  revision: number;
  /** Empty in a progress notification, and where a resync found no difference. */
  events: Change<T>[];
  /** Set when this is not one revision's changes but what a resync found; see {@link ChangesOptions.onCompacted}. */
  resync?: true;
}

/** Options of {@link Kvi.changes}. */
export interface ChangesOptions {
  /** Ends the iteration with `KVI_ABORTED`. */
  signal?: AbortSignal | undefined;
  /** The first revision whose changes are wanted, past or future. Default: the one after the present one. */
  startRevision?: number | undefined;
  /** Give each change the key-value as it was before it. Default false. */
  prevKv?: boolean | undefined;
  /** Leave out puts, or deletions. Default: none. */
  filters?: readonly ('noput' | 'nodelete')[] | undefined;
  /** Send an empty change set now and then while nothing happens (etcd: every ten minutes). Default false. */
  progressNotify?: boolean | undefined;
  /**
   * What to do when changes that are due were compacted away. `error`, the default, ends with `KVI_COMPACTED`. `resync`
   * reads the present state and goes on: one change set with a put for each key that changed since, and a deletion for
   * each that this iteration had known and is gone. The states in between are lost.
   */
  onCompacted?: 'error' | 'resync' | undefined;
}

/**
 * Changes as they happen: in order, each once, none left out, across lost connections too. Read it with `for await`;
 * leaving the loop ends it.
 *
 * It ends with `KVI_COMPACTED`, `KVI_SLOW_CONSUMER`, `KVI_ABORTED`, `KVI_CLOSED`, `KVI_PERMISSION_DENIED` or
 * `KVI_UNAUTHENTICATED`, and never by itself.
 */
export interface Changes<T extends Input = string>
  extends AsyncIterableIterator<ChangeSet<T>, undefined>, AsyncDisposable {
  /** Resolves with the first revision that is watched, once the watch is in place. Rejects if it ends before. */
  readonly created: Promise<number>;
}

/** Options of {@link Kvi.tempKey}. */
export interface TempKeyOptions extends CallOptions {
  /** What the key holds. Default: empty. */
  value?: Input | undefined;
  /** Seconds within which the key goes after a crash. Default: that of the handle. */
  ttlSeconds?: number | undefined;
}

/** A key that lives while this does. */
export interface TempKey extends AsyncDisposable {
  /** Aborts when the key is no longer kept: with `KVI_KEY_LOST` when it was deleted or overwritten, or because it was closed. */
  readonly signal: AbortSignal;
  /** Deletes the key, unless another `tempKey` call of this handle still keeps it. Closing twice is fine. */
  close(): Promise<void>;
}

/** Options of {@link Kvi.distLock}. */
export interface DistLockOptions {
  /** Ends the wait with `KVI_ABORTED`. */
  signal?: AbortSignal | undefined;
  /** Seconds within which the lock is free again after its holder crashed. Default: that of the handle. */
  ttlSeconds?: number | undefined;
}

/**
 * A lock that is held.
 *
 * @typeParam T - what {@link DistLock.guard} returns, as the handle that took the lock does
 */
export interface DistLock<T extends Input = string> extends AsyncDisposable {
  /** The lock's name. */
  readonly name: string;
  /** The key that stands for the hold in the store, `<name>/<lease>`. */
  readonly key: string;
  /**
   * The fencing token: it grows with every hold of this lock. A resource that remembers the highest token it has seen,
   * and refuses a lower one, is safe from a holder that was paused and does not know yet that its lock is lost.
   */
  readonly token: number;
  /**
   * Aborts, with `KVI_LOCK_LOST`, when the lock is no longer held though it was not released; before its lease can have
   * ended on the server, and on `close()`. Hand it to what the lock protects. Where an event loop that stalled held it up,
   * whoever reads `aborted` is told the truth at once.
   */
  readonly signal: AbortSignal;
  /**
   * Whether the lock is certain to be held now, by the monotonic clock. Ask it before each step that must not be done by two,
   * above all after what may have taken long. Between the answer and the step time can pass again: what must never go wrong
   * goes through {@link DistLock.guard}, or to a resource that compares the {@link DistLock.token}.
   */
  isHeld(): boolean;
  /**
   * Carries out a transaction only if the lock is still held, which the backend decides in the same revision. One of the
   * operations and compares that a transaction may hold is taken by it.
   *
   * @returns as {@link Kvi.txn}; `succeeded` speaks of the request's own compares
   * @throws `KVI_LOCK_LOST` when the lock is no longer held; nothing was written
   * @throws what {@link Kvi.txn} throws
   */
  guard(request: TxnRequest<Input>, options?: WriteOptions): Promise<TxnResponse<T>>;
  /**
   * Gives the lock up, within about two seconds; releasing twice is fine.
   *
   * @throws `KVI_LOCK_LOST` when it was lost before; what it protected may have been done by two.
   * @throws `KVI_UNAVAILABLE` and the like when the server could not be told; the lock is free when its TTL is over.
   */
  release(): Promise<void>;
}

/**
 * Called for a change.
 *
 * @param value - of a deletion `undefined`
 * @returns `false`, or a promise of it, to end the watch; anything else goes on
 */
export type WatchCallback<T extends Input, Op extends 'put' | 'delete', U> = (
  key: T,
  value: Op extends 'put' ? T : undefined,
  op: Op,
  userData: U,
) => unknown;

/** Options of {@link Kvi.watchWithCB}. */
export interface WatchWithCBOptions extends CallOptions {
  /** Called when the watch ends by an error, a throwing callback's too. Default: `process.emitWarning`. */
  onError?: ((error: unknown) => void) | undefined;
}

/** A watch with a callback. */
export interface WatchHandle {
  /** Resolves when the watch has ended, for whatever reason. */
  readonly ended: Promise<void>;
}

/**
 * A handle on a key-value store.
 *
 * Keys and values are byte strings. Text goes in as UTF-8 and comes out of this handle as text; bytes may go in
 * anywhere, and come out of {@link Kvi.bytes}. Keys are ordered byte by byte.
 *
 * Any call can fail with `KVI_INVALID_ARGUMENT` (nothing was sent), `KVI_TIMEOUT`, `KVI_ABORTED`, `KVI_CLOSED`,
 * `KVI_UNAVAILABLE` (nothing was applied), `KVI_UNAUTHENTICATED` and `KVI_PERMISSION_DENIED`; a read of text also with
 * `KVI_NOT_TEXT`, a write also with `KVI_UNKNOWN_OUTCOME` and `KVI_RESOURCE_EXHAUSTED`. `KviError` documents each.
 *
 * @typeParam T - what comes out: `string`, or `Uint8Array` through {@link Kvi.bytes}
 */
export interface Kvi<T extends Input = string> extends AsyncDisposable {
  /** The same handle, giving bytes instead of text. */
  readonly bytes: Kvi<Bytes>;

  /** Sets a key. */
  store(key: Input, value: Input, options?: StoreOptions): Promise<void>;

  /**
   * Reads a key.
   *
   * @returns its value, or `undefined` if it does not exist
   * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION` with `revision`
   */
  get(key: Input, options?: GetOptions): Promise<T | undefined>;

  /**
   * Reads a range: `getRange(start, end)` is half-open, `[start, end)`. Without `end` it is `start` alone; an `end` of
   * `"\0"` means every key from `start` on, and with `start` `"\0"` as well all keys. `getRange({prefix})` reads all keys
   * with a prefix. What it returns is one state of the store, however many pages it took to read.
   *
   * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION` with `revision`
   */
  getRange(keys: Keys, options?: GetRangeOptions): Promise<KeyValue<T>[]>;
  getRange(start: Input, end: Input | undefined, options?: GetRangeOptions): Promise<KeyValue<T>[]>;

  /**
   * Reads with everything that etcd offers, and tells the revision, so that {@link Kvi.changes} can go on from there.
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

  /**
   * Test and set: sets `key` to `value` if it holds `test`, or, with `null`, if it does not exist.
   *
   * @returns whether it was set. `false` means for certain that it was not; where that is not known, it throws
   *   `KVI_UNKNOWN_OUTCOME`.
   */
  tas(key: Input, test: Input | null, value: Input, options?: WriteOptions): Promise<boolean>;

  /**
   * If the value of `key` compares as `op` says to `value`, sets `thenKey`, otherwise `elseKey`. A key that does not exist
   * has no value: every comparison is false, `!=` too.
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
   * @throws `KVI_LEASE_NOT_FOUND`, `KVI_KEY_NOT_FOUND`, `KVI_COMPACTED`, `KVI_FUTURE_REVISION`; nothing is applied then
   */
  txn(request: TxnRequest<Input>, options?: WriteOptions): Promise<TxnResponse<T>>;

  /**
   * Makes a key that lives while the result does: kept alive in the background, put back if its lease was lost while
   * the process lives, gone at once on `close()` and within its TTL after a crash. Deleting or overwriting it ends it. A key
   * that exists already is overwritten.
   * Calls for a key that the handle already keeps share one keeper, with the value and TTL of the first.
   */
  tempKey(key: Input, options?: TempKeyOptions): Promise<TempKey>;

  /**
   * Takes a lock, waiting as long as it takes; first come, first served. It is etcd's own lock: `etcdctl lock` and Go's
   * `concurrency.Mutex` of the same name are excluded too, and so is a second call on the same handle. It queues up again
   * when the backend was away for longer than the lock's TTL.
   *
   * As in etcd, every key that starts with `<name>/` counts as a contender: do not store keys below a lock's name, nor name
   * one lock `a` and another `a/b`.
   *
   * @param name - default: the handle's `lockName`
   */
  distLock(name?: string, options?: DistLockOptions): Promise<DistLock<T>>;

  /**
   * Takes a lock as {@link Kvi.distLock} does, waiting at most so many seconds; 0 tries once.
   *
   * @throws `KVI_TIMEOUT` when it could not be had in time; nothing is left behind
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
   * Waits for the first change of a key after the call. A change that this handle makes after the call counts, also when
   * the call was not awaited first: the handle's writes wait until the watch is in place. For a change by another, which
   * may come before that, and to read a state and then follow it, use {@link Kvi.range} and {@link Kvi.changes} from the
   * revision after the one that it tells.
   *
   * @param options - without `timeoutMs` it waits as long as it takes
   */
  watch(key: Input, options?: CallOptions): Promise<Change<T>>;

  /**
   * Calls `callback` for each change of one kind, one call at a time. Resolves once the watch is in place. Ends when the
   * callback returns `false` or throws, when the key is deleted (after the callback, if `op` is `delete`), by
   * {@link Kvi.watchCBCancel} or by `close()`; {@link WatchHandle.ended} tells.
   *
   * @param op - the kind of change: `put` or `delete`
   * @param userData - handed to the callback
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
   * Ends the handle: its locks and temporary keys are given up, calls that wait fail with `KVI_CLOSED`, and so does every
   * later call; only what releases something, as {@link Kvi.watchCBCancel} does, has nothing left to do. The process can
   * exit. Closing twice is fine. Never throws. It takes at most about a second: what the backend could not be told by then,
   * the leases' TTL sees to.
   */
  close(): Promise<void>;
}
