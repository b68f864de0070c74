import type {KviError} from '../etcd/errors.ts';

/** An attempt that failed. */
export interface FailedAttempt {
  /** Why. Its code is `KVI_UNAVAILABLE`; for the revocation of a lease or a compaction also `KVI_UNKNOWN_OUTCOME`. */
  error: KviError;
  /** How many attempts the call has made, from 1. */
  attempt: number;
  /** Milliseconds since the call began. */
  elapsedMs: number;
}

/**
 * Decides whether a failed call is tried again, and when.
 *
 * It is asked only where trying again is safe: no policy can make kvi repeat a write to a key whose outcome is unknown.
 * A wait that would outlast the call's `timeoutMs` is not begun.
 *
 * A policy may keep state, such as its last wait, so each call uses a clone of the one that it was given.
 */
export interface RetryPolicy {
  /** @returns milliseconds to wait before the next attempt, 0 or more, or `undefined` to give up */
  next(failed: FailedAttempt): number | undefined;
  /** A policy of the same kind, in its initial state. */
  clone(): RetryPolicy;
}
