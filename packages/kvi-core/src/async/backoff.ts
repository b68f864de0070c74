/**
 * How long to wait before the next attempt: twice as long each time, with jitter, so that clients that lost the same
 * server do not come back in step. Every pause of kvi follows this rule.
 *
 * @param failures - the number of failed attempts, from 1
 * @param initialMs - the longest first wait, in milliseconds; the shortest is half of it
 * @param maxMs - the longest wait
 */
export function backoffMs(failures: number, initialMs = 50, maxMs = 2_000): number {
  // Stryker disable next-line MethodExpression: a larger power is cut to the longest wait as well
  const longest = Math.min(maxMs, initialMs * 2 ** Math.min(failures - 1, 30));
  return longest * (0.5 + Math.random() / 2);
}
