import {backoffMs} from './backoff.ts';
import {type Clock, sleep} from './clock.ts';

/**
 * Repeats `body` until it succeeds or `signal` aborts.
 *
 * @param mayPass - whether an error may be over soon; any other is thrown. Default: every error.
 */
export async function retryUntil<R>(
  clock: Clock,
  signal: AbortSignal,
  body: () => Promise<R>,
  mayPass: (error: unknown) => boolean = () => true,
): Promise<R> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await body();
    } catch (error) {
      if (signal.aborted || !mayPass(error)) throw error;
    }
    await sleep(clock, backoffMs(failures), signal);
  }
}
