import type {RetryPolicy} from '../api/retry-policy.ts';
import {backoffMs} from '../async/backoff.ts';
import {showValue} from '../etcd/bad-input.ts';
import {invalidArgument} from '../etcd/errors.ts';

/**
 * Waits twice as long each time, with jitter, so that clients that lost the same server do not come back in step.
 *
 * @param options - `initialDelayMs`: the longest first wait, default 20; `maxDelayMs`: the longest wait, default 1,000
 * @throws `KVI_INVALID_ARGUMENT` for a number that is not above 0
 */
export function exponentialBackoff(
  options: {initialDelayMs?: number | undefined; maxDelayMs?: number | undefined} = {},
): RetryPolicy {
  const {initialDelayMs = 20, maxDelayMs = 1_000} = options;
  checkPositive('initialDelayMs', initialDelayMs);
  checkPositive('maxDelayMs', maxDelayMs);
  return stateless(({attempt}) => backoffMs(attempt, initialDelayMs, maxDelayMs));
}

/**
 * Gives up after `attempts` attempts, the first included; tries again at once until then. Put a backoff beside it with
 * {@link allOf}.
 *
 * @throws `KVI_INVALID_ARGUMENT` for a number that is not above 0
 */
export function limitAttempts(attempts: number): RetryPolicy {
  checkPositive('attempts', attempts);
  return stateless(({attempt}) => (attempt < attempts ? 0 : undefined));
}

/**
 * Gives up when a call has lasted `ms` milliseconds; tries again at once until then. Put a backoff beside it with {@link allOf}.
 *
 * @param ms - milliseconds
 * @throws `KVI_INVALID_ARGUMENT` for a number that is not above 0
 */
export function limitTime(ms: number): RetryPolicy {
  checkPositive('ms', ms);
  return stateless(({elapsedMs}) => (elapsedMs < ms ? 0 : undefined));
}

/** Tries again while all of the policies do, after the longest of their waits: `allOf(exponentialBackoff(), limitAttempts(5))`. */
export function allOf(...policies: readonly RetryPolicy[]): RetryPolicy {
  return {
    next(failed) {
      const waits = policies.map((policy) => policy.next(failed));
      return waits.includes(undefined) ? undefined : Math.max(0, ...waits.filter(isNumber));
    },
    clone: () => allOf(...policies.map((policy) => policy.clone())),
  };
}

/** Tries again while any of the policies does, after the shortest of their waits. */
export function anyOf(...policies: readonly RetryPolicy[]): RetryPolicy {
  return {
    next(failed) {
      const waits = policies.map((policy) => policy.next(failed)).filter(isNumber);
      return waits.length === 0 ? undefined : Math.min(...waits);
    },
    clone: () => anyOf(...policies.map((policy) => policy.clone())),
  };
}

/** Never tries again. */
export const noRetries: RetryPolicy = stateless(() => undefined);

/** @throws `KVI_INVALID_ARGUMENT` for what is no policy */
export function checkRetryPolicy(policy: RetryPolicy): void {
  if (typeof policy?.next !== 'function' || typeof policy.clone !== 'function') {
    throw invalidArgument('retryPolicy must have the methods next and clone, as exponentialBackoff() has');
  }
}

function stateless(next: RetryPolicy['next']): RetryPolicy {
  const policy: RetryPolicy = {next, clone: () => policy};
  return policy;
}

function isNumber(wait: number | undefined): wait is number {
  return wait !== undefined;
}

function checkPositive(what: string, value: number): void {
  if (!(typeof value === 'number' && value > 0)) {
    throw invalidArgument(`${what} must be a number above 0, not ${showValue(value)}`);
  }
}
