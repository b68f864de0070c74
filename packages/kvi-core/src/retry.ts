import {ExponentialBackoff} from 'cockatiel';
import {type Clock, sleep} from './driver/clock.ts';
import type {DriverCallOptions} from './driver/driver.ts';
import {isKviError} from './errors.ts';

/** Milliseconds between attempts, with jitter so that clients that lost one server do not come back in step. */
const backoff = new ExponentialBackoff({initialDelay: 20, maxDelay: 1_000});

/**
 * Calls `attempt`, and again what failed with `KVI_UNAVAILABLE` until the time is up.
 *
 * That is right for reads and writes alike, because the code promises that nothing was applied. Nothing else is tried
 * again: a write whose outcome is unknown must not be.
 *
 * @param attempt - is handed the time that is left
 */
export function retry<R>(
  clock: Clock,
  {timeoutMs, signal}: {timeoutMs: number; signal?: AbortSignal | undefined},
  attempt: (options: DriverCallOptions) => Promise<R>,
): Promise<R> {
  const deadline = clock.now() + timeoutMs;

  async function again(error: unknown): Promise<R> {
    for (let wait = backoff.next(); ; wait = wait.next(undefined)) {
      const left = deadline - clock.now() - wait.duration;
      if (!isKviError(error, 'KVI_UNAVAILABLE') || left <= 0) throw error;
      await sleep(clock, wait.duration, signal);
      try {
        return await attempt({timeoutMs: left, signal});
      } catch (next) {
        error = next;
      }
    }
  }

  return attempt({timeoutMs, signal}).catch(again);
}
