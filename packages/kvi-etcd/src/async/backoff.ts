/**
 * How long to wait before the next attempt: exponential backoff up to two seconds, with jitter, so that clients that lost
 * the same server do not come back in step.
 *
 * @param failures - the number of failed attempts, from 1
 */
export function backoffMs(failures: number): number {
  return Math.min(2_000, 25 * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
}
