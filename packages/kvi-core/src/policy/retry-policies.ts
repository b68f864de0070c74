import {ExponentialBackoff} from 'cockatiel';
import {invalidArgument, type KviError} from '../etcd/errors.ts';

/** An attempt that failed. */
export interface FailedAttempt {
  /** Why; its code is always `KVI_UNAVAILABLE`. */
  error: KviError;
  /** How many attempts the call has made by now, from 1. */
  attempt: number;
  /** Milliseconds since the call began. */
  elapsedMs: number;
}

/**
 * Decides whether a call that failed is tried again, and after how long.
 *
 * It is asked only about `KVI_UNAVAILABLE`, which promises that nothing was applied: no policy can have a write sent again
 * whose outcome is unknown. And it decides only within the call's `timeoutMs`: a wait that would end later is not begun.
 *
 * A policy may keep state, such as how long it waited last. So the one that was handed in is never asked itself: each call
 * asks a clone.
 */
export interface RetryPolicy {
  /** @returns milliseconds to wait before the next attempt, 0 or more, or `undefined` to give up */
  next(failed: FailedAttempt): number | undefined;
  /** A policy of the same kind, at its beginning. */
  clone(): RetryPolicy;
}

/**
 * Waits longer each time, and never as long as another client, so that those that lost one server do not come back in step.
 *
 * @param options - `initialDelayMs`: about the first wait, default 20; `maxDelayMs`: the longest, default 1,000
 * @throws `KVI_INVALID_ARGUMENT` for a number that is not above 0
 */
export function exponentialBackoff(
  options: {initialDelayMs?: number | undefined; maxDelayMs?: number | undefined} = {},
): RetryPolicy {
  const {initialDelayMs = 20, maxDelayMs = 1_000} = options;
  checkPositive('initialDelayMs', initialDelayMs);
  checkPositive('maxDelayMs', maxDelayMs);
  const backoff = new ExponentialBackoff({initialDelay: initialDelayMs, maxDelay: maxDelayMs});
  let wait: ReturnType<typeof backoff.next> | undefined;
  return {
    next() {
      wait = wait === undefined ? backoff.next() : wait.next(undefined);
      return Math.min(wait.duration, maxDelayMs);
    },
    clone: () => exponentialBackoff(options),
  };
}

/**
 * Gives up after so many attempts, the first included; tries again at once until then. Put a backoff beside it with
 * {@link allOf}.
 *
 * @throws `KVI_INVALID_ARGUMENT` for a number that is not above 0
 */
export function limitAttempts(attempts: number): RetryPolicy {
  checkPositive('attempts', attempts);
  return stateless(({attempt}) => (attempt < attempts ? 0 : undefined));
}

/**
 * Gives up when a call has lasted so long; tries again at once until then. Put a backoff beside it with {@link allOf}.
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
    throw invalidArgument(`${what} must be a number above 0, not ${String(value)}`);
  }
}
