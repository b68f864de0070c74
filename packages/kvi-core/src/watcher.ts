/** Watches of one key: for its first change, and with a callback. */
import {type Bytes, type Input, show} from './bytes.ts';
import {type Decode, decodeValue} from './codec.ts';
import type {Driver} from './driver/driver.ts';
import {isKviError, KviError} from './errors.ts';
import type {WatchCallback, WatchHandle} from './kvi.ts';
import type {Event} from './messages.ts';
import {orAborted, type WaitLimits, within} from './within.ts';

/** Waits for the first change of a key after this call. */
export async function firstChange(driver: Driver, key: Bytes, limits: WaitLimits): Promise<Event<Bytes>> {
  return within(driver.clock, limits, async (signal) => {
    for await (const {events} of driver.watch({key}, {signal})) {
      const [first] = events;
      if (first !== undefined) return first;
    }
    throw new KviError('KVI_INTERNAL', `the watch of ${show(key)} ended without a change`);
  });
}

/** What to call, and when. */
export interface CallbackWatchRequest<T extends Input, U> {
  key: Bytes;
  op: 'put' | 'delete';
  callback: WatchCallback<T, U>;
  userData: U;
  onError: (error: unknown) => void;
  decode: Decode<T>;
}

/** The watches with callbacks of a handle. */
export interface CallbackWatchTable {
  /** Resolves once the watch is in place. */
  start<T extends Input, U>(request: CallbackWatchRequest<T, U>, limits: WaitLimits): Promise<WatchHandle>;
  /** Ends a watch; one that has ended, or is another handle's, is left alone. */
  cancel(handle: WatchHandle): Promise<void>;
}

/** Keeps the watches with callbacks of a handle. */
export function callbackWatchTable(driver: Driver): CallbackWatchTable {
  const cancels = new WeakMap<WatchHandle, () => Promise<unknown>>();

  return {
    async start({key, op, callback, userData, onError, decode}, limits) {
      const watch = driver.watch({key});
      let cancelled = false;

      async function run() {
        for await (const {events} of watch) {
          for (const {type, kv} of events) {
            if (cancelled) return;
            if (type === op) {
              const keyOut = decode(kv.key, () => `the key ${show(kv.key)}`);
              const valueOut = type === 'put' ? decodeValue(kv, decode) : undefined;
              if ((await callback(keyOut, valueOut, type, userData)) === false) return;
            }
            if (type === 'delete') return;
          }
        }
      }

      try {
        await within(driver.clock, limits, (ended) => orAborted(watch.created, ended));
      } catch (error) {
        await watch.return();
        throw error;
      }
      const ended = run().catch((error: unknown) => {
        if (!cancelled && !isKviError(error, 'KVI_CLOSED')) onError(error);
      });
      const handle: WatchHandle = {ended};
      cancels.set(handle, () => {
        cancelled = true;
        return watch.return();
      });
      return handle;
    },
    async cancel(handle) {
      await cancels.get(handle)?.();
    },
  };
}
