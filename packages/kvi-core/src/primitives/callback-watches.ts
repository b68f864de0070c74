import {setImmediate as callerHasGoneOn} from 'node:timers/promises';
import {inspect} from 'node:util';
import type {WatchHandle} from '../api/watch-with-cb.ts';
import {isAborted} from '../async/abort.ts';
import {abortable, type WaitOptions, withDeadline} from '../async/deadline.ts';
import type {Driver} from '../driver/driver.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {isKviError} from '../etcd/errors.ts';
import type {KeyValue} from '../etcd/messages.ts';

/** What to call, and when. */
export interface CallbackWatchRequest {
  key: Bytes;
  /** The kind of change to call for. */
  op: 'put' | 'delete';
  /** @returns `false`, or a promise of it, to end the watch */
  callback: (kv: KeyValue<Bytes>) => unknown;
  /** Default: `process.emitWarning`. */
  onError?: ((error: unknown) => unknown) | undefined;
}

/** The callback watches of a handle. */
export interface CallbackWatchTable {
  /** Resolves once the watch is in place. */
  start(request: CallbackWatchRequest, wait: WaitOptions): Promise<WatchHandle>;
  /** Ends a watch; one that has ended, or is another handle's, is left alone. */
  cancel(handle: WatchHandle): Promise<void>;
}

/** Keeps the callback watches of a handle. */
export function callbackWatchTable(driver: Driver): CallbackWatchTable {
  const cancels = new WeakMap<WatchHandle, () => Promise<unknown>>();

  return {
    async start({key, op, callback, onError = warn}, wait) {
      const watch = driver.watch({key});
      let isCancelled = false;
      const isOver = () => isCancelled || isAborted(wait.closing);

      async function run() {
        // A callback may use the handle that its caller awaits.
        await callerHasGoneOn();
        for await (const {events} of watch) {
          for (const {type, kv} of events) {
            if (isOver()) return;
            if (type === op && (await callback(kv)) === false) return;
            if (type === 'delete') return;
          }
        }
      }

      try {
        await withDeadline(driver.clock, wait, (ended) => abortable(watch.created, ended));
      } catch (error) {
        await watch.return();
        throw error;
      }
      const ended = run()
        .catch(async (error: unknown) => {
          if (!isKviError(error, 'KVI_CLOSED')) await onError(error);
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
  process.emitWarning(`a callback watch failed: ${inspect(error)}`);
}
