import {type Driver, type DriverCallOptions, isKviError} from 'kvi-core/driver';

/** What etcd says before anything was compacted. */
const none = -1;

/** How long to ask a store that does not answer, in milliseconds. */
const defaultTimeoutMs = 5_000;

/**
 * The revision up to which the history is gone, or -1. Drivers tell it to a watch that wants more: one of everything since the first
 * revision, on a key that nobody has.
 *
 * @throws `KVI_ABORTED` if the store does not answer in time
 */
export async function compactRevision(
  driver: Driver,
  {timeoutMs = defaultTimeoutMs, signal}: DriverCallOptions,
): Promise<number> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const watch = driver.watch(
    {key: Uint8Array.of(0), startRevision: 1},
    {signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout])},
  );
  try {
    watch.requestProgress();
    await watch.next();
    return none;
  } catch (error) {
    if (isKviError(error, 'KVI_COMPACTED')) return error.compactRevision ?? none;
    throw error;
  } finally {
    await watch.return();
  }
}
