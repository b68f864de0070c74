/**
 * How long to wait before trying again: longer each time up to two seconds, and never the same for two clients, so that
 * those that lost one server do not come back in step.
 *
 * @param failures how often it has failed by now, from 1
 */
export function backoffMs(failures: number): number {
  return Math.min(2_000, 25 * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
}
