import {isAbortSignal} from '../async/abort.ts';
import {checkNames, checkText, reading, showValue} from '../etcd/bad-input.ts';
import {aborted, invalidArgument} from '../etcd/errors.ts';
import type {OnUnknownOutcome, WriteOptions} from '../api/call-options.ts';
import type {RetryPolicy} from '../api/retry-policy.ts';
import {checkRetryPolicy, exponentialBackoff} from '../policy/retry-policies.ts';
import {checkOneOf, requestLimits, type RequestLimits} from '../etcd/validate.ts';

/** What a handle does unless a call says otherwise. */
export interface KviOptions extends Partial<RequestLimits> {
  /** Milliseconds until a call gives up. Default 5,000. */
  timeoutMs?: number | undefined;
  /** Seconds that locks and temporary keys outlive a crashed process. Default 10, as `etcdctl lock`. */
  ttlSeconds?: number | undefined;
  /** The lock that is meant when none is named. Default `kvi_dist_lock`. */
  lockName?: string | undefined;
  /** When a call that the backend could not carry out is tried again. Default: {@link exponentialBackoff}. */
  retryPolicy?: RetryPolicy | undefined;
  /** What to do when a write was sent and no answer came; see {@link OnUnknownOutcome}. Default `throw`. */
  onUnknownOutcome?: OnUnknownOutcome | undefined;
}

/** {@link KviOptions} with their defaults. */
export type ResolvedOptions = {[Name in keyof KviOptions]-?: NonNullable<KviOptions[Name]>};

/** The longest that a timer can run, in milliseconds; about 24 days. */
const maxTimerMs = 2 ** 31 - 1;
const maxTtlSeconds = Math.floor(maxTimerMs / 1000);

/** Fills in the defaults. @throws `KVI_INVALID_ARGUMENT` */
export function resolveOptions(options: KviOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options must be an object');
  const resolved = {
    timeoutMs: options.timeoutMs ?? 5_000,
    ttlSeconds: options.ttlSeconds ?? 10,
    lockName: options.lockName ?? 'kvi_dist_lock',
    retryPolicy: options.retryPolicy ?? exponentialBackoff(),
    onUnknownOutcome: options.onUnknownOutcome ?? 'throw',
    ...requestLimits(options),
  };
  checkTimeout(resolved.timeoutMs);
  checkTtl(resolved.ttlSeconds);
  checkLockName(resolved.lockName);
  checkRetryPolicy(resolved.retryPolicy);
  checkOnUnknownOutcome(resolved.onUnknownOutcome);
  return resolved;
}

/** The names of {@link KviOptions}, for functions that take them along with other options. */
export const kviOptionNames: readonly string[] = Object.keys(resolveOptions({}));

/**
 * Refuses options that are out of bounds, before a driver is opened.
 *
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function checkOptions(options: KviOptions): void {
  resolveOptions(options);
}

/**
 * Begins a call: reads what the caller passed.
 *
 * @param names - the options that the call takes
 * @param read - reads its other arguments, and is passed a copy of the options
 * @throws `KVI_INVALID_ARGUMENT`, `KVI_ABORTED`
 */
export function beginCall<O extends WriteOptions, R>(
  given: O | undefined,
  names: readonly string[],
  read: (options: O | undefined) => R,
): R {
  return reading(() => {
    const own = given === undefined ? undefined : readOptions(given, names);
    if (own?.signal?.aborted === true) throw aborted(own.signal);
    return read(own);
  });
}

/**
 * A copy of a call's options, so that they are read once.
 *
 * @param names - the options that the call takes
 * @throws `KVI_INVALID_ARGUMENT`
 */
function readOptions<O extends WriteOptions>(given: O, names: readonly string[]): O {
  if (typeof given !== 'object' || given === null) {
    throw invalidArgument(`options must be an object, not ${showValue(given)}`);
  }
  const options = {...given};
  checkNames('option', options, names);
  checkCallOptions(options);
  return options;
}

function checkCallOptions({timeoutMs, signal, retryPolicy, onUnknownOutcome}: WriteOptions): void {
  if (timeoutMs !== undefined) checkTimeout(timeoutMs);
  if (signal !== undefined && !isAbortSignal(signal)) {
    throw invalidArgument('signal must be an AbortSignal');
  }
  if (retryPolicy !== undefined) checkRetryPolicy(retryPolicy);
  if (onUnknownOutcome !== undefined) checkOnUnknownOutcome(onUnknownOutcome);
}

function checkOnUnknownOutcome(value: OnUnknownOutcome): void {
  checkOneOf('onUnknownOutcome', value, ['throw', 'resolve']);
}

function checkTimeout(timeoutMs: number): void {
  if (!(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= maxTimerMs)) {
    throw invalidArgument(
      `timeoutMs must be more than 0 and at most ${String(maxTimerMs)}, not ${showValue(timeoutMs)}`,
    );
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkTtl(ttlSeconds: number): void {
  if (!(Number.isInteger(ttlSeconds) && ttlSeconds >= 1 && ttlSeconds <= maxTtlSeconds)) {
    throw invalidArgument(
      `ttlSeconds must be a whole number from 1 to ${String(maxTtlSeconds)}, not ${showValue(ttlSeconds)}`,
    );
  }
}

/**
 * Whole seconds that a lease is to live for something to last at least that long.
 *
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function leaseSeconds(what: string, seconds: number): number {
  if (!(typeof seconds === 'number' && seconds >= 0 && seconds <= maxTtlSeconds)) {
    throw invalidArgument(`${what} must be from 0 to ${String(maxTtlSeconds)}, not ${showValue(seconds)}`);
  }
  return Math.ceil(seconds);
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkLockWait(seconds: number): void {
  const maxSeconds = maxTimerMs / 1000;
  if (!(typeof seconds === 'number' && seconds >= 0 && seconds <= maxSeconds)) {
    throw invalidArgument(`seconds must be from 0 to ${String(maxSeconds)}, not ${showValue(seconds)}`);
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkLockName(name: string, whose = "a lock's"): void {
  checkText(`${whose} name`, name);
}
