import type {Driver, DriverCallOptions, DriverWatch} from './driver/driver.ts';
import {retry} from './retry.ts';
import {orAborted, within} from './within.ts';

/**
 * The driver as the recipes use it: with a default timeout, with retries (see {@link retry}), and with every change to
 * the store waiting until the watches that were asked for before it are in place, so that they see it.
 *
 * Without that last, `const change = kv.watch(key); await kv.store(key, value); await change` could wait for ever: a
 * watch and a write travel on different streams, and the write may arrive first.
 */
export function port(driver: Driver, defaultTimeoutMs: number): Driver {
  const {clock} = driver;
  const starting = new Set<Promise<unknown>>();

  function read<R>(
    {timeoutMs = defaultTimeoutMs, signal}: DriverCallOptions = {},
    attempt: (options: DriverCallOptions) => Promise<R>,
  ): Promise<R> {
    return retry(clock, {timeoutMs, signal}, attempt);
  }

  function write<R>(
    options: DriverCallOptions = {},
    attempt: (options: DriverCallOptions) => Promise<R>,
  ): Promise<R> {
    return starting.size === 0 ? read(options, attempt) : writeAfterWatches(options, attempt);
  }

  async function writeAfterWatches<R>(
    {timeoutMs = defaultTimeoutMs, signal}: DriverCallOptions,
    attempt: (options: DriverCallOptions) => Promise<R>,
  ): Promise<R> {
    const deadline = clock.now() + timeoutMs;
    await within(clock, {timeoutMs, signal}, (ended) => orAborted(Promise.allSettled(starting), ended));
    return read({timeoutMs: Math.max(1, deadline - clock.now()), signal}, attempt);
  }

  function watch(...args: Parameters<Driver['watch']>): DriverWatch {
    const started = driver.watch(...args);
    const settled = started.created
      .catch(() => undefined)
      .then(() => {
        starting.delete(settled);
      });
    starting.add(settled);
    return started;
  }

  return {
    clock,
    range: (request, options) => read(options, (limits) => driver.range(request, limits)),
    txn: (request, options) => write(options, (limits) => driver.txn(request, limits)),
    compact: (revision, options) => write(options, (limits) => driver.compact(revision, limits)),
    leaseGrant: (request, options) => write(options, (limits) => driver.leaseGrant(request, limits)),
    leaseRevoke: (id, options) => write(options, (limits) => driver.leaseRevoke(id, limits)),
    leaseKeepAlive: (id, options) => read(options, (limits) => driver.leaseKeepAlive(id, limits)),
    leaseTimeToLive: (request, options) => read(options, (limits) => driver.leaseTimeToLive(request, limits)),
    leaseLeases: (options) => read(options, (limits) => driver.leaseLeases(limits)),
    watch,
    close: () => driver.close(),
  };
}
