import {AsyncLocalStorage} from 'node:async_hooks';
import type {Kvi} from '../api/kvi.ts';
import type {WatchCallback, WatchHandle, WatchWithCBOptions} from '../api/watch-with-cb.ts';
import type {Driver} from '../driver/driver.ts';
import type {Bytes, Input} from '../etcd/bytes.ts';
import {trace, traced, tracedSync} from '../telemetry/tracing.ts';
import {bytesDecoder, type Decoder, textDecoder} from './codec.ts';
import {insideKey, type WithInside} from './inside.ts';
import {type Handle, openHandle} from './handle.ts';
import {keyMethods} from './keys.ts';
import {leaseMethods} from './leases.ts';
import {lockMethods} from './locks.ts';
import type {KviOptions} from './options.ts';
import {tempKeyMethods} from './temp-keys.ts';
import {transactionMethods} from './transactions.ts';
import {watchMethods} from './watches.ts';

/**
 * Makes a handle on a driver, which it owns from then on: closing the handle closes the driver.
 *
 * @throws `KVI_INVALID_ARGUMENT` for an option that is out of bounds
 */
export function createKvi(driver: Driver, options: KviOptions = {}): Kvi {
  return facadeOf(openHandle(driver, options), textDecoder);
}

/** The facade of a handle, which returns what the decoder makes of bytes. */
export function facadeOf<T extends Input>(handle: Handle, decoder: Decoder<T>): Kvi<T> {
  const bytes: Kvi<Bytes> = view(handle, bytesDecoder, () => bytes);
  return view(handle, decoder, () => bytes);
}

/** The methods of a handle, each a span; every one checks and encodes what it was passed, and delegates. */
function view<T extends Input>(
  handle: Handle,
  decoder: Decoder<T>,
  bytes: () => Kvi<Bytes>,
): Kvi<T> & WithInside<T> {
  const keys = keyMethods(handle, decoder);
  const transactions = transactionMethods(handle, decoder);
  const tempKeys = tempKeyMethods(handle);
  const leases = leaseMethods(handle, decoder);
  const locks = lockMethods(handle, decoder);
  const watches = watchMethods(handle, decoder);

  return {
    get [insideKey]() {
      return {handle, decoder};
    },
    get bytes() {
      return bytes();
    },
    store: traced('store', keys.store),
    get: traced('get', keys.get),
    getKeyValue: traced('getKeyValue', keys.getKeyValue),
    getRange: traced('getRange', keys.getRange),
    range: traced('range', keys.range),
    delete: traced('delete', keys.delete),
    deleteRange: traced('deleteRange', keys.deleteRange),
    tas: traced('tas', transactions.tas),
    transaction: traced('transaction', transactions.transaction),
    txn: traced('txn', transactions.txn),
    lease: traced('lease', leases.lease),
    attachLease: traced('attachLease', leases.attachLease),
    leases: traced('leases', leases.leases),
    compact: traced('compact', leases.compact),
    tempKey: traced('tempKey', tempKeys.tempKey),
    distLock: traced('distLock', locks.distLock),
    distTimedLock: traced('distTimedLock', locks.distTimedLock, 1),
    distUnlock: traced('distUnlock', locks.distUnlock),
    watch: traced('watch', watches.watch),
    watchWithCB<Op extends 'put' | 'delete', U>(
      key: Input,
      op: Op,
      callback: WatchCallback<T, Op, U>,
      userData: U,
      options?: WatchWithCBOptions,
    ): Promise<WatchHandle> {
      // What a callback does belongs to its caller, not to this span.
      const inCallersContext = AsyncLocalStorage.snapshot();
      return trace('watchWithCB', key, () =>
        watches.watchWithCB(key, op, callback, userData, options, inCallersContext),
      );
    },
    watchCBCancel: watches.watchCBCancel,
    changes: tracedSync('changes', watches.changes),
    close: handle.close,
    [Symbol.asyncDispose]: handle.close,
  };
}
