import type {Driver, DriverCallOptions, DriverWatch} from '../driver/driver.ts';
import {closed, isKviError, KviError} from '../etcd/errors.ts';
import type {RangeRequest, RangeResponse, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {retry} from './retry.ts';
import type {RetryPolicy} from './retry-policies.ts';
import {abortable, withDeadline} from '../async/deadline.ts';

/** How a call on the {@link PolicyDriver} is carried out. */
export interface PolicyCallOptions extends DriverCallOptions {
  /** Default: that of the handle. */
  retryPolicy?: RetryPolicy | undefined;
}

/** The driver as the recipes use it; see {@link withPolicy}. */
export interface PolicyDriver extends Driver {
  range(request: RangeRequest<Bytes>, options?: PolicyCallOptions): Promise<RangeResponse<Bytes>>;
  txn(request: TxnRequest<Bytes>, options?: PolicyCallOptions): Promise<TxnResponse<Bytes>>;
}

/** What holds for the calls that say nothing else. */
export interface PolicyDefaults {
  timeoutMs: number;
  retryPolicy: RetryPolicy;
}

/**
 * The driver as the recipes use it: with a default timeout, with retries (see {@link retry}), and with every change to
 * the store waiting until the watches that were asked for before it are in place, so that they see it.
 *
 * Without that last, `const change = kv.watch(key); await kv.store(key, value); await change` could wait for ever: a
 * watch and a write travel on different streams, and the write may arrive first.
 */
export function withPolicy(driver: Driver, defaults: PolicyDefaults): PolicyDriver {
  const {clock} = driver;
  const starting = new Set<Promise<unknown>>();
  const over = new AbortController();

  function read<R>(
    {
      timeoutMs = defaults.timeoutMs,
      signal,
      retryPolicy: policy = defaults.retryPolicy,
    }: PolicyCallOptions = {},
    attempt: (options: DriverCallOptions) => Promise<R>,
  ): Promise<R> {
    return retry(clock, {timeoutMs, signal, policy, closing: over.signal}, attempt);
  }

  function write<R>(
    options: PolicyCallOptions = {},
    attempt: (options: DriverCallOptions) => Promise<R>,
  ): Promise<R> {
    return starting.size === 0 ? read(options, attempt) : writeAfterWatches(options, attempt);
  }

  async function writeAfterWatches<R>(
    {timeoutMs = defaults.timeoutMs, ...options}: PolicyCallOptions,
    attempt: (options: DriverCallOptions) => Promise<R>,
  ): Promise<R> {
    const deadline = clock.now() + timeoutMs;
    const {signal} = options;
    try {
      await withDeadline(clock, {timeoutMs, signal, closing: over.signal}, (ended) =>
        abortable(Promise.allSettled(starting), ended),
      );
    } catch (cause) {
      if (!isKviError(cause, 'KVI_TIMEOUT')) throw cause;
      throw new KviError(
        'KVI_TIMEOUT',
        `the write waited ${timeoutMs} ms for the handle's watches to be in place, and was not sent`,
        {cause},
      );
    }
    return read({...options, timeoutMs: Math.max(1, deadline - clock.now())}, attempt);
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
    async close() {
      over.abort(closed());
      await driver.close();
    },
  };
}
