import type {DriverWatch} from '../driver/driver.ts';
import {compareBytes} from '../etcd/bytes.ts';
import {isKviError} from '../etcd/errors.ts';
import type {Event} from '../etcd/messages.ts';
import type {Bytes} from '../etcd/bytes.ts';
import type {PolicyDriver} from '../policy/policy-driver.ts';
import type {QueueLayout} from './queue-layout.ts';

/** Tells when it is worth looking at a queue again. */
export interface QueueNews {
  /** Resolves when a job may have become ready, or lost its hold, since the last call; the first time at once. */
  next(): Promise<void>;
  end(): Promise<void>;
}

/** One watch, which starts with the first call. @param signal - ends it */
export function queueNews(driver: PolicyDriver, layout: QueueLayout, signal: AbortSignal): QueueNews {
  let watch: DriverWatch | undefined;
  const ready = layout.all('ready').key;

  /** That a job has become ready, or a hold has gone; not the opposite, nor what was put to hold a job. */
  function isNews({type, kv}: Event<Bytes>): boolean {
    return compareBytes(kv.key, ready) >= 0 === (type === 'put');
  }

  async function follow(): Promise<void> {
    if (watch === undefined) {
      watch = driver.watch(layout.holdsAndReady, {signal, holdsWrites: false});
      await watch.created;
      return;
    }
    for (;;) {
      const {value, done} = await watch.next();
      if (done === true || value.events.some(isNews)) return;
    }
  }

  return {
    async next() {
      try {
        await follow();
      } catch (error) {
        watch = undefined;
        // What was missed is seen by looking again.
        if (!isKviError(error, 'KVI_COMPACTED', 'KVI_SLOW_CONSUMER')) throw error;
      }
    },
    async end() {
      await watch?.return();
    },
  };
}
