import type {RetryPolicy} from './retry-policy.ts';

/** The last argument of every call. */
export interface CallOptions {
  /** Milliseconds until the call gives up, more than 0 and less than 2 ** 31. Default: the handle's. */
  timeoutMs?: number | undefined;
  /** Ends the call early, with `KVI_ABORTED`. */
  signal?: AbortSignal | undefined;
  /**
   * When to try again after `KVI_UNAVAILABLE`. Default: the handle's. Temporary keys, locks and watches recover by
   * themselves, and ignore it.
   */
  retryPolicy?: RetryPolicy | undefined;
}

/**
 * What to do about a write that was sent and never answered.
 *
 * - `throw`: fail with `KVI_UNKNOWN_OUTCOME`.
 * - `resolve`: find out what happened. The call then returns what the answer would have been, or is tried again if
 *   nothing was applied. Each write costs one more put; `docs/unknown-outcomes.md` says when even this cannot know.
 */
export type OnUnknownOutcome = 'throw' | 'resolve';

/** Options of a write. */
export interface WriteOptions extends CallOptions {
  /** What to do when no answer came. Default: the handle's. */
  onUnknownOutcome?: OnUnknownOutcome | undefined;
}

/** Options of {@link Kvi.txn}. */
export interface TxnCallOptions extends WriteOptions {
  /**
   * Whether what it writes may have the same revision as what other calls of the handle write, as with {@link Kvi.store}:
   * under load, they are sent together. Default `false`, for transactions that build on a revision being theirs alone: the
   * create revisions of two locks must differ.
   */
  mayShareRevision?: boolean | undefined;
}
