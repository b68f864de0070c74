import {ExponentialBackoff} from 'cockatiel';
import {type Clock, sleep} from './clock.ts';

/** Milliseconds between attempts while the backend cannot be reached. */
const backoff = new ExponentialBackoff({initialDelay: 50, maxDelay: 2_000});

/**
 * Does something again and again, whatever happens to the backend meanwhile, until it succeeds or `signal` aborts.
 *
 * @param mayPass - whether an error may be over soon; another is thrown. Default: every one.
 */
export async function retryUntil<R>(
  clock: Clock,
  signal: AbortSignal,
  body: () => Promise<R>,
  mayPass: (error: unknown) => boolean = () => true,
): Promise<R> {
  for (let wait = backoff.next(); ; wait = wait.next(undefined)) {
    try {
      return await body();
    } catch (error) {
      if (signal.aborted || !mayPass(error)) throw error;
    }
    await sleep(clock, wait.duration, signal);
  }
}
