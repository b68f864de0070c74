import {abortable, type WaitOptions, withDeadline} from '../async/deadline.ts';
import type {Clock} from '../async/clock.ts';
import type {DriverWatch} from '../driver/driver.ts';
import {isKviError, KviError} from '../etcd/errors.ts';

/**
 * Holds writes back until the watches that were asked for before them are in place, so that the watches see them.
 *
 * Without it, `const change = kv.watch(key); await kv.store(key, value); await change` could wait for ever: a watch and a
 * write travel on different streams, and the write may arrive first. It need not be a write to a key that is watched: it may
 * be a request, and the watch wait for the reply.
 */
export interface WatchGate {
  /** Whether every watch is in place. */
  readonly isOpen: boolean;
  /** Holds later writes back until this watch is in place. */
  add(watch: DriverWatch): void;
  /**
   * Waits until the watches of now are in place.
   *
   * @throws `KVI_TIMEOUT` and what else ends a wait; the write was not sent
   */
  wait(options: WaitOptions): Promise<void>;
}

export function watchGate(clock: Clock): WatchGate {
  let starting = 0;
  /** Resolves when every watch so far is in place, or has failed. All writes share it. */
  let inPlace: Promise<unknown> = Promise.resolve();

  return {
    get isOpen() {
      return starting === 0;
    },
    add(watch) {
      starting += 1;
      const settled = watch.created
        .catch(() => undefined)
        .then(() => {
          starting -= 1;
        });
      inPlace = Promise.all([inPlace, settled]);
    },
    async wait(options) {
      try {
        await withDeadline(clock, options, (ended) => abortable(inPlace, ended));
      } catch (cause) {
        if (!isKviError(cause, 'KVI_TIMEOUT')) throw cause;
        throw new KviError('KVI_TIMEOUT', 'timed out waiting for pending watches; the write was not sent', {
          cause,
        });
      }
    },
  };
}
