import type {RetryPolicy} from '../api/retry-policy.ts';
import type {Driver, DriverCallOptions} from '../driver/driver.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {closed, isKviError} from '../etcd/errors.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import type {RangeRequest, RangeResponse, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {retry} from './retry.ts';
import {watchGate} from './watch-gate.ts';

/** How a call on a {@link PolicyDriver} is carried out. */
export interface PolicyCallOptions extends DriverCallOptions {
  /** Default: the handle's. */
  retryPolicy?: RetryPolicy | undefined;
}

/** The driver as the primitives see it; see {@link withPolicy}. */
export interface PolicyDriver extends Driver {
  range(request: RangeRequest<Bytes>, options?: PolicyCallOptions): Promise<RangeResponse<Bytes>>;
  txn(request: TxnRequest<Bytes>, options?: PolicyCallOptions): Promise<TxnResponse<Bytes>>;
}

/** What holds for calls that do not say otherwise. */
export interface PolicyDefaults {
  timeoutMs: number;
  retryPolicy: RetryPolicy;
}

type Attempt<R> = (options: DriverCallOptions) => Promise<R>;

/**
 * The driver as the primitives see it: with a default timeout, with retries (see {@link retry}), and with writes that wait
 * until the watches that were asked for before are in place (see {@link WatchGate}).
 */
export function withPolicy(driver: Driver, defaults: PolicyDefaults): PolicyDriver {
  const {clock} = driver;
  const gate = watchGate(clock);
  const over = new AbortController();

  function read<R>(
    options: PolicyCallOptions | undefined,
    attempt: Attempt<R>,
    isIdempotent = false,
  ): Promise<R> {
    return retry(
      clock,
      {
        timeoutMs: options?.timeoutMs ?? defaults.timeoutMs,
        signal: options?.signal,
        policy: options?.retryPolicy ?? defaults.retryPolicy,
        closing: over.signal,
        isIdempotent,
      },
      attempt,
    );
  }

  function write<R>(
    options: PolicyCallOptions | undefined,
    attempt: Attempt<R>,
    isIdempotent = false,
  ): Promise<R> {
    return gate.isOpen
      ? read(options, attempt, isIdempotent)
      : writeAfterWatches(options, attempt, isIdempotent);
  }

  async function writeAfterWatches<R>(
    options: PolicyCallOptions | undefined,
    attempt: Attempt<R>,
    isIdempotent: boolean,
  ): Promise<R> {
    const {timeoutMs = defaults.timeoutMs, signal} = options ?? {};
    const deadline = clock.now() + timeoutMs;
    await gate.wait({timeoutMs, signal, closing: over.signal});
    return read({...options, timeoutMs: Math.max(1, deadline - clock.now())}, attempt, isIdempotent);
  }

  /** A lease is gone after the first revocation that arrives, so that one whose outcome is unknown may be repeated. */
  function revoke(id: LeaseId, options?: PolicyCallOptions): Promise<void> {
    let mayBeGone = false;
    const attempt: Attempt<void> = async (limits) => {
      try {
        await driver.leaseRevoke(id, limits);
      } catch (error) {
        if (mayBeGone && isKviError(error, 'KVI_LEASE_NOT_FOUND')) return;
        mayBeGone ||= isKviError(error, 'KVI_UNKNOWN_OUTCOME');
        throw error;
      }
    };
    return write(options, attempt, true);
  }

  return {
    clock,
    range: (request, options) => read(options, (attempt) => driver.range(request, attempt)),
    txn: (request, options) => write(options, (attempt) => driver.txn(request, attempt)),
    compact: (revision, options) => write(options, (attempt) => driver.compact(revision, attempt)),
    leaseGrant: (request, options) => write(options, (attempt) => driver.leaseGrant(request, attempt)),
    leaseRevoke: revoke,
    leaseKeepAlive: (id, options) => read(options, (attempt) => driver.leaseKeepAlive(id, attempt)),
    leaseTimeToLive: (request, options) =>
      read(options, (attempt) => driver.leaseTimeToLive(request, attempt)),
    leaseLeases: (options) => read(options, (attempt) => driver.leaseLeases(attempt)),
    watch(request, options) {
      const watch = driver.watch(request, options);
      // A watch from a given revision misses nothing, whenever it arrives.
      if ((request.startRevision ?? 0) === 0) gate.add(watch);
      return watch;
    },
    async close() {
      over.abort(closed());
      await driver.close();
    },
  };
}
