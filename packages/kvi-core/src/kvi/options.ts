import {isAbortSignal} from '../async/abort.ts';
import {invalidArgument} from '../etcd/errors.ts';
import type {CallOptions, OnUnknownOutcome, WriteOptions} from '../api/call-options.ts';
import type {RetryPolicy} from '../api/retry-policy.ts';
import {checkRetryPolicy, exponentialBackoff} from '../policy/retry-policies.ts';
import {checkOneOf, defaultLimits, type RequestLimits} from '../etcd/validate.ts';

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

/** Fills in the defaults. @throws `KVI_INVALID_ARGUMENT` */
export function resolveOptions(options: KviOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options must be an object');
  const resolved = {
    timeoutMs: options.timeoutMs ?? 5_000,
    ttlSeconds: options.ttlSeconds ?? 10,
    lockName: options.lockName ?? 'kvi_dist_lock',
    retryPolicy: options.retryPolicy ?? exponentialBackoff(),
    onUnknownOutcome: options.onUnknownOutcome ?? 'throw',
    maxTxnOps: options.maxTxnOps ?? defaultLimits.maxTxnOps,
    maxRequestBytes: options.maxRequestBytes ?? defaultLimits.maxRequestBytes,
  };
  checkTimeout(resolved.timeoutMs);
  checkTtl(resolved.ttlSeconds);
  checkLockName(resolved.lockName);
  checkRetryPolicy(resolved.retryPolicy);
  checkOnUnknownOutcome(resolved.onUnknownOutcome);
  checkPositiveInteger('maxTxnOps', resolved.maxTxnOps);
  checkPositiveInteger('maxRequestBytes', resolved.maxRequestBytes);
  return resolved;
}

/** The names of {@link KviOptions}, for those who take them together with options of their own. */
export const kviOptionNames: readonly string[] = Object.keys(resolveOptions({}));

/**
 * Refuses options that are out of bounds, so that who opens a driver can do it before anything is opened.
 *
 * @throws `KVI_INVALID_ARGUMENT`
 */
export function checkOptions(options: KviOptions): void {
  resolveOptions(options);
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkCallOptions(options: CallOptions & WriteOptions): void {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options must be an object');
  const {timeoutMs, signal, retryPolicy, onUnknownOutcome} = options;
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
      `timeoutMs must be more than 0 and at most ${String(maxTimerMs)}, not ${String(timeoutMs)}`,
    );
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkTtl(ttlSeconds: number): void {
  const maxTtlSeconds = Math.floor(maxTimerMs / 1000);
  if (!(Number.isInteger(ttlSeconds) && ttlSeconds >= 1 && ttlSeconds <= maxTtlSeconds)) {
    throw invalidArgument(
      `ttlSeconds must be a whole number from 1 to ${String(maxTtlSeconds)}, not ${String(ttlSeconds)}`,
    );
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkLockWait(seconds: number): void {
  const maxSeconds = maxTimerMs / 1000;
  if (!(typeof seconds === 'number' && seconds >= 0 && seconds <= maxSeconds)) {
    throw invalidArgument(`seconds must be from 0 to ${String(maxSeconds)}, not ${String(seconds)}`);
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkLockName(name: string): void {
  if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
    throw invalidArgument(`a lock's name must be a text that is not empty, not ${JSON.stringify(name)}`);
  }
}

function checkPositiveInteger(what: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value > 0)) {
    throw invalidArgument(`${what} must be a whole number above 0, not ${String(value)}`);
  }
}
