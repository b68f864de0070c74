/** Watches of one key: for its first change, and with a callback. */
import {setImmediate as callerHasGoneOn} from 'node:timers/promises';
import {inspect} from 'node:util';
import {type Bytes, type Input, show} from '../etcd/bytes.ts';
import {outsideOfCalls} from '../telemetry/call-traces.ts';
import {type Decode, decodeValue} from '../kvi/codec.ts';
import type {Driver} from '../driver/driver.ts';
import {isKviError, KviError} from '../etcd/errors.ts';
import type {WatchCallback, WatchHandle} from '../api/kvi.ts';
import type {Event} from '../etcd/messages.ts';
import {abortable, type WaitOptions, withDeadline} from '../async/deadline.ts';

/** Waits for the first change of a key after this call. */
export async function firstChange(driver: Driver, key: Bytes, limits: WaitOptions): Promise<Event<Bytes>> {
  return withDeadline(driver.clock, limits, async (signal) => {
    for await (const {events} of driver.watch({key}, {signal})) {
      const [first] = events;
      if (first !== undefined) return first;
    }
    throw new KviError('KVI_INTERNAL', `the watch of ${show(key)} ended without a change`);
  });
}

/** What to call, and when. */
export interface CallbackWatchRequest<T extends Input, Op extends 'put' | 'delete', U> {
  key: Bytes;
  op: Op;
  callback: WatchCallback<T, Op, U>;
  userData: U;
  /** Default: `process.emitWarning`. */
  onError?: ((error: unknown) => unknown) | undefined;
  decode: Decode<T>;
}

/** The watches with callbacks of a handle. */
export interface CallbackWatchTable {
  /** Resolves once the watch is in place. */
  start<T extends Input, Op extends 'put' | 'delete', U>(
    request: CallbackWatchRequest<T, Op, U>,
    limits: WaitOptions,
  ): Promise<WatchHandle>;
  /** Ends a watch; one that has ended, or is another handle's, is left alone. */
  cancel(handle: WatchHandle): Promise<void>;
}

/** Keeps the watches with callbacks of a handle. */
export function callbackWatchTable(driver: Driver): CallbackWatchTable {
  const cancels = new WeakMap<WatchHandle, () => Promise<unknown>>();

  return {
    async start({key, op, callback, userData, onError = warn, decode}, limits) {
      const watch = driver.watch({key});
      let isCancelled = false;
      const isOver = () => isCancelled || limits.closing?.aborted === true;

      async function run() {
        // A callback may use the handle that its caller awaits.
        await callerHasGoneOn();
        for await (const {events} of watch) {
          for (const {type, kv} of events) {
            if (isOver()) return;
            if (type === op) {
              const keyOut = decode(kv.key, () => `the key ${show(kv.key)}`);
              const valueOut = type === 'put' ? decodeValue(kv, decode) : undefined;
              // The compiler does not see that `op`, which is `type`, chooses the type of the value.
              const valueOfOp = valueOut as Parameters<typeof callback>[1];
              const answer = outsideOfCalls(() => callback(keyOut, valueOfOp, op, userData));
              if ((await answer) === false) return;
            }
            if (type === 'delete') return;
          }
        }
      }

      try {
        await withDeadline(driver.clock, limits, (ended) => abortable(watch.created, ended));
      } catch (error) {
        await watch.return();
        throw error;
      }
      const ended = run()
        .catch(async (error: unknown) => {
          if (!isKviError(error, 'KVI_CLOSED')) await outsideOfCalls(() => onError(error));
        })
        .catch(warn);
      const handle: WatchHandle = {ended};
      cancels.set(handle, () => {
        isCancelled = true;
        return watch.return();
      });
      return handle;
    },
    async cancel(handle) {
      await cancels.get(handle)?.();
    },
  };
}

function warn(error: unknown): void {
  process.emitWarning(`a watch with a callback failed: ${inspect(error)}`);
}
