import type {RetryPolicy} from '../api/retry-policy.ts';
import type {Driver, DriverCallOptions, DriverWatch, TxnOptions} from '../driver/driver.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {closed, isKviError, type KviErrorCode} from '../etcd/errors.ts';
import type {
  RangeRequest,
  RangeResponse,
  ResponseHeader,
  TxnRequest,
  TxnResponse,
  WatchRequest,
} from '../etcd/messages.ts';
import {retry} from './retry.ts';
import {watchGate} from './watch-gate.ts';

/** How a call on a {@link PolicyDriver} is carried out. */
export interface PolicyCallOptions extends DriverCallOptions {
  /** Default: the handle's. */
  retryPolicy?: RetryPolicy | undefined;
}

/** How a watch on a {@link PolicyDriver} is started. */
export interface PolicyWatchOptions {
  signal?: AbortSignal | undefined;
  /** Whether writes that follow wait until a watch that starts now is in place. Default true. */
  holdsWrites?: boolean | undefined;
}

/** The driver as the primitives see it; see {@link withPolicy}. */
export interface PolicyDriver extends Driver {
  watch(request: WatchRequest<Bytes>, options?: PolicyWatchOptions): DriverWatch;
  range(request: RangeRequest<Bytes>, options?: PolicyCallOptions): Promise<RangeResponse<Bytes>>;
  txn(request: TxnRequest<Bytes>, options?: PolicyCallOptions & TxnOptions): Promise<TxnResponse<Bytes>>;
}

/** What holds for calls that do not say otherwise. */
export interface PolicyDefaults {
  timeoutMs: number;
  retryPolicy: RetryPolicy;
}

type Attempt<R> = (options: DriverCallOptions) => Promise<R>;

/**
 * The driver as the primitives see it: with a default timeout, with retries (see {@link retry}), and with writes that wait
 * until the watches that were asked for before are in place (see `WatchGate`).
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

  /**
   * A write that may be repeated if its outcome is unknown.
   *
   * @param done - what fails with this code after that has been applied
   */
  function repeatable(
    options: PolicyCallOptions | undefined,
    attempt: Attempt<ResponseHeader>,
    done: KviErrorCode,
  ): Promise<ResponseHeader> {
    let mayBeDone = false;
    async function unlessDone(limits: DriverCallOptions): Promise<ResponseHeader> {
      try {
        return await attempt(limits);
      } catch (error) {
        if (mayBeDone && isKviError(error, done)) {
          const {revision} = await driver.txn({}, limits);
          return {revision};
        }
        mayBeDone ||= isKviError(error, 'KVI_UNKNOWN_OUTCOME');
        throw error;
      }
    }
    return write(options, unlessDone, true);
  }

  return {
    clock,
    range: (request, options) => read(options, (attempt) => driver.range(request, attempt)),
    txn: (request, options) =>
      options?.mayShareRevision === true
        ? write(options, ({timeoutMs, signal}) =>
            driver.txn(request, {timeoutMs, signal, mayShareRevision: true}),
          )
        : write(options, (attempt) => driver.txn(request, attempt)),
    compact: (request, options) =>
      repeatable(options, (attempt) => driver.compact(request, attempt), 'KVI_COMPACTED'),
    leaseGrant: (request, options) => write(options, (attempt) => driver.leaseGrant(request, attempt)),
    leaseRevoke: (id, options) =>
      repeatable(options, (attempt) => driver.leaseRevoke(id, attempt), 'KVI_LEASE_NOT_FOUND'),
    leaseKeepAlive: (id, options) => read(options, (attempt) => driver.leaseKeepAlive(id, attempt)),
    leaseTimeToLive: (request, options) =>
      read(options, (attempt) => driver.leaseTimeToLive(request, attempt)),
    leaseLeases: (options) => read(options, (attempt) => driver.leaseLeases(attempt)),
    status: (options) => read(options, (attempt) => driver.status(attempt)),
    watch(request, {signal, holdsWrites = true} = {}) {
      const watch = driver.watch(request, {signal});
      // A watch from a given revision misses nothing, whenever it arrives.
      if (holdsWrites && (request.startRevision ?? 0) === 0) gate.add(watch);
      return watch;
    },
    async close() {
      over.abort(closed());
      await driver.close();
    },
  };
}
