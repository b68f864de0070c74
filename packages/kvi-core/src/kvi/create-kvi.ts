import {type Bytes, encode, type Input} from '../etcd/bytes.ts';
import {asCall} from '../telemetry/call-traces.ts';
import {changes} from '../primitives/changes.ts';
import {
  type Decode,
  decodeBytes,
  decodeEvent,
  decodeRangeResponse,
  decodeText,
  decodeTxnResponse,
  decodeValue,
  encodeKeys,
  encodeTxn,
  isEmptyPrefix,
} from './codec.ts';
import {type HeldLock, lockLost, lockTable} from '../primitives/lock-table.ts';
import type {Driver} from '../driver/driver.ts';
import {aborted, closed, invalidArgument} from '../etcd/errors.ts';
import {asTxnResponse, writes} from '../primitives/branch-taken.ts';
import {guardedWrites} from '../primitives/resolved-writes.ts';
import type {
  CallOptions,
  Change,
  Changes,
  ChangesOptions,
  DistLock,
  DistLockOptions,
  GetOptions,
  GetRangeOptions,
  Keys,
  Kvi,
  RangeOptions,
  StoreOptions,
  TempKey,
  TempKeyOptions,
  WatchCallback,
  WatchHandle,
  WatchWithCBOptions,
  WriteOptions,
} from '../api/kvi.ts';
import type {CompareResult, KeyValue, RangeResponse, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {
  checkCallOptions,
  checkLockName,
  checkLockWait,
  checkTtl,
  type KviOptions,
  resolveOptions,
} from './options.ts';
import {readRange} from '../policy/pages.ts';
import {withPolicy} from '../policy/policy-driver.ts';
import {giveUpMs} from '../lease/session.ts';
import {tempKeyTable} from '../primitives/temp-keys.ts';
import {checkOneOf, checkRange, checkTxn, checkWatch} from '../etcd/validate.ts';
import {callbackWatchTable, firstChange} from '../primitives/callback-watches.ts';
import {abortable, withDeadline} from '../async/deadline.ts';

/**
 * Makes a handle on a driver, which it owns from then on: closing the handle closes the driver.
 *
 * @throws `KVI_INVALID_ARGUMENT` for an option that is out of bounds
 */
export function createKvi(driver: Driver, options: KviOptions = {}): Kvi {
  const handle = openHandle(driver, options);
  const bytes: Kvi<Bytes> = view(handle, decodeBytes, () => bytes);
  return view(handle, decodeText, () => bytes);
}

/** What the text and the bytes view of a handle share. */
function openHandle(raw: Driver, kviOptions: KviOptions) {
  const options = resolveOptions(kviOptions);
  const driver = withPolicy(raw, options);
  const closing = new AbortController();
  const locks = lockTable(driver, closing.signal);
  const tempKeys = tempKeyTable(driver, closing.signal);
  const guarded = guardedWrites(driver, options, closing.signal);
  let ended: Promise<void> | undefined;

  async function close() {
    closing.abort(closed());
    const givenUp = Promise.all([locks.close(), tempKeys.close(), guarded.close()]);
    // What the backend is not told in time, the TTL of the leases sees to.
    await withDeadline(raw.clock, {timeoutMs: giveUpMs}, (late) => abortable(givenUp, late)).catch(
      () => undefined,
    );
    await driver.close();
  }

  return {
    options,
    driver,
    locks,
    tempKeys,
    guarded,
    watches: callbackWatchTable(driver),
    closing: closing.signal,
    /** The beginning of every call. */
    check(callOptions: CallOptions = {}) {
      if (closing.signal.aborted) throw closed();
      checkCallOptions(callOptions);
      if (callOptions.signal?.aborted === true) throw aborted(callOptions.signal);
    },
    close: () => (ended ??= close()),
  };
}

/** The methods of a handle; each checks and encodes what it was given, and delegates. */
function view<T extends Input>(
  handle: ReturnType<typeof openHandle>,
  decode: Decode<T>,
  bytes: () => Kvi<Bytes>,
): Kvi<T> {
  const {driver, options, locks, tempKeys, guarded, watches, closing} = handle;

  async function txn(
    request: TxnRequest<Input>,
    callOptions: WriteOptions = {},
  ): Promise<TxnResponse<Bytes>> {
    handle.check(callOptions);
    const encoded = encodeTxn(request);
    checkTxn(encoded, options);
    const {
      timeoutMs = options.timeoutMs,
      retryPolicy = options.retryPolicy,
      onUnknownOutcome = options.onUnknownOutcome,
      signal,
    } = callOptions;
    const resolves = onUnknownOutcome === 'resolve' && writes(encoded);
    return (resolves ? guarded : driver).txn(encoded, {timeoutMs, signal, retryPolicy});
  }

  async function range(keys: Keys, end: Input | undefined, rangeOptions: RangeOptions = {}) {
    handle.check(rangeOptions);
    const {timeoutMs = options.timeoutMs, signal, retryPolicy, ...fields} = rangeOptions;
    const request = {...encodeKeys(keys, end), ...fields};
    checkRange(request, options);
    return readRange(driver, request, {timeoutMs, signal, retryPolicy});
  }

  return {
    get bytes() {
      return bytes();
    },

    async store(key: Input, value: Input, storeOptions: StoreOptions = {}): Promise<void> {
      handle.check(storeOptions);
      const {lease, ...callOptions} = storeOptions;
      await txn({success: [{type: 'put', key, value, lease}]}, callOptions);
    },

    async get(key: Input, getOptions?: GetOptions): Promise<T | undefined> {
      const {kvs} = await range(encode(key, 'key'), undefined, getOptions);
      return kvs[0] === undefined ? undefined : decodeValue(kvs[0], decode);
    },

    async getRange(
      keys: Keys,
      end?: Input | GetRangeOptions,
      rangeOptions?: GetRangeOptions,
    ): Promise<KeyValue<T>[]> {
      const hasEnd = end === undefined || typeof end === 'string' || end instanceof Uint8Array;
      const response = hasEnd ? await range(keys, end, rangeOptions) : await range(keys, undefined, end);
      return decodeRangeResponse(response, decode).kvs;
    },

    async range(keys: Keys, rangeOptions?: RangeOptions): Promise<RangeResponse<T>> {
      return decodeRangeResponse(await range(keys, undefined, rangeOptions), decode);
    },

    async delete(keys: Keys, callOptions?: WriteOptions): Promise<boolean> {
      if (isEmptyPrefix(keys)) {
        throw invalidArgument(
          'an empty prefix would delete every key; if you mean that, say {start: "\\0", end: "\\0"}',
        );
      }
      const {responses} = await txn({success: [{type: 'deleteRange', ...encodeKeys(keys)}]}, callOptions);
      const [response] = responses;
      return response?.type === 'deleteRange' && response.deleted > 0;
    },

    async tas(key: Input, test: Input | null, value: Input, callOptions?: WriteOptions): Promise<boolean> {
      const {succeeded} = await txn(
        {
          compare: [
            test === null
              ? {key, target: 'create', result: '=', createRevision: 0}
              : {key, target: 'value', result: '=', value: test},
          ],
          success: [{type: 'put', key, value}],
        },
        callOptions,
      );
      return succeeded;
    },

    async transaction(
      key: Input,
      op: CompareResult,
      value: Input,
      thenKey: Input,
      thenValue: Input,
      elseKey: Input,
      elseValue: Input,
      callOptions?: WriteOptions,
    ): Promise<boolean> {
      const {succeeded} = await txn(
        {
          compare: [{key, target: 'value', result: op, value}],
          success: [{type: 'put', key: thenKey, value: thenValue}],
          failure: [{type: 'put', key: elseKey, value: elseValue}],
        },
        callOptions,
      );
      return succeeded;
    },

    async txn(request: TxnRequest<Input>, callOptions?: WriteOptions): Promise<TxnResponse<T>> {
      return decodeTxnResponse(await txn(request, callOptions), decode);
    },

    async tempKey(key: Input, tempKeyOptions: TempKeyOptions = {}): Promise<TempKey> {
      handle.check(tempKeyOptions);
      const {value = '', ttlSeconds = options.ttlSeconds, ...callOptions} = tempKeyOptions;
      checkTtl(ttlSeconds);
      const request = {key: encode(key, 'key'), value: encode(value, 'value')};
      checkTxn({success: [{type: 'put', ...request}]}, options);
      return asCall('kv.tempKey', key, () =>
        tempKeys.keep({...request, ttlSeconds}, {timeoutMs: options.timeoutMs, ...callOptions}),
      );
    },

    async distLock(name?: string, lockOptions?: DistLockOptions): Promise<DistLock<T>> {
      const request = lockRequest(name, lockOptions);
      return withGuard(await asCall('kv.distLock', request.name, () => locks.lock(request)));
    },

    async distTimedLock(seconds: number, name?: string, lockOptions?: DistLockOptions): Promise<DistLock<T>> {
      const request = lockRequest(name, lockOptions);
      checkLockWait(seconds);
      const timed = {...request, waitMs: seconds * 1000};
      return withGuard(await asCall('kv.distTimedLock', request.name, () => locks.lock(timed)));
    },

    async distUnlock(name = options.lockName): Promise<void> {
      handle.check();
      checkLockName(name);
      await locks.unlock(name);
    },

    async watch(key: Input, callOptions: CallOptions = {}): Promise<Change<T>> {
      handle.check(callOptions);
      const request = {key: encode(key, 'key')};
      checkWatch(request, options);
      const change = asCall('kv.watch', key, () =>
        firstChange(driver, request.key, {...callOptions, closing}),
      );
      return decodeEvent(await change, decode);
    },

    async watchWithCB<Op extends 'put' | 'delete', U>(
      key: Input,
      op: Op,
      callback: WatchCallback<T, Op, U>,
      userData: U,
      watchOptions: WatchWithCBOptions = {},
    ): Promise<WatchHandle> {
      handle.check(watchOptions);
      const {onError, ...callOptions} = watchOptions;
      const request = {key: encode(key, 'key')};
      checkWatch(request, options);
      if (op !== 'put' && op !== 'delete')
        throw invalidArgument(`op must be put or delete, not ${String(op)}`);
      if (typeof callback !== 'function') throw invalidArgument('callback must be a function');
      if (onError !== undefined && typeof onError !== 'function') {
        throw invalidArgument('onError must be a function');
      }
      return asCall('kv.watchWithCB', key, () =>
        watches.start(
          {...request, op, callback, userData, onError, decode},
          {timeoutMs: options.timeoutMs, ...callOptions, closing},
        ),
      );
    },

    async watchCBCancel(watchHandle: WatchHandle): Promise<void> {
      await watches.cancel(watchHandle);
    },

    changes(keys: Keys, changesOptions: ChangesOptions = {}): Changes<T> {
      handle.check(changesOptions);
      checkOneOf('onCompacted', changesOptions.onCompacted ?? 'error', ['error', 'resync']);
      const encoded = encodeKeys(keys);
      checkWatch({...encoded, ...changesOptions}, options);
      return asCall('kv.changes', undefined, () => changes(driver, encoded, changesOptions, decode));
    },

    close: handle.close,
    [Symbol.asyncDispose]: handle.close,
  };

  function withGuard(lock: HeldLock): DistLock<T> {
    return {
      ...lock,
      async guard(request, callOptions) {
        handle.check(callOptions);
        if (!lock.isHeld()) throw lockLost(lock.name, lock.signal.reason);
        const {responses} = await txn(
          {
            compare: [{key: lock.key, target: 'create', result: '=', createRevision: lock.token}],
            success: [{type: 'txn', ...request}],
          },
          callOptions,
        );
        const [response] = responses;
        // Where the lock is another's nothing ran, so that there is no response.
        if (response?.type !== 'txn') throw lockLost(lock.name, undefined);
        return decodeTxnResponse(asTxnResponse(response), decode);
      },
    };
  }

  function lockRequest(name = options.lockName, lockOptions: DistLockOptions = {}) {
    handle.check(lockOptions);
    const {ttlSeconds = options.ttlSeconds, signal} = lockOptions;
    checkLockName(name);
    checkRange({key: Buffer.from(name)}, options);
    checkTtl(ttlSeconds);
    return {name, ttlSeconds, signal};
  }
}
