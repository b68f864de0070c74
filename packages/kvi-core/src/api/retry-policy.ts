import type {KviError} from '../etcd/errors.ts';

/** An attempt that failed. */
export interface FailedAttempt {
  /** Why. Its code is always `KVI_UNAVAILABLE`. */
  error: KviError;
  /** How many attempts the call has made, from 1. */
  attempt: number;
  /** Milliseconds since the call began. */
  elapsedMs: number;
}

/**
 * Decides whether a failed call is tried again, and when.
 *
 * It is asked only about `KVI_UNAVAILABLE`, which promises that nothing was applied: no policy can make kvi repeat a write
 * whose outcome is unknown. A wait that would outlast the call's `timeoutMs` is not begun.
 *
 * A policy may keep state, such as its last wait, so each call uses a clone of the one that it was given.
 */
export interface RetryPolicy {
  /** @returns milliseconds to wait before the next attempt, 0 or more, or `undefined` to give up */
  next(failed: FailedAttempt): number | undefined;
  /** A policy of the same kind, in its initial state. */
  clone(): RetryPolicy;
}
