import type {Input} from '../etcd/bytes.ts';
import type {TxnRequest, TxnResponse} from '../etcd/messages.ts';
import type {WriteOptions} from './call-options.ts';
import type {Lease} from './lease.ts';

/** What locks, permits and elections have in common. */
export interface ContendOptions {
  /** Ends the wait with `KVI_ABORTED`. */
  signal?: AbortSignal | undefined;
  /** Seconds within which the lock is free again after its holder crashed. Default: the handle's. */
  ttlSeconds?: number | undefined;
  /**
   * Put the lock's key under this lease of the handle's, instead of one of its own. Losing the lease loses the lock, and
   * closing or revoking it gives the lock up; releasing the lock leaves the lease alone. To etcd, one lease is one holder, in
   * any process. Not together with `ttlSeconds`.
   */
  lease?: Lease<Input> | undefined;
}

/** Options of {@link Kvi.distLock}. */
export interface DistLockOptions extends ContendOptions {
  /**
   * The value of the lock's key, while the holder waits too: for people and tools that look at the store, who it is, for
   * example. Default: empty.
   */
  value?: Input | undefined;
}

/**
 * A lock that is held.
 *
 * @typeParam T - what {@link DistLock.guard} returns, as the handle that took the lock does
 */
export interface DistLock<T extends Input = string> extends AsyncDisposable {
  /** The lock's name. */
  readonly name: string;
  /** The holder's key in the store, `<name>/<lease>`. */
  readonly key: string;
  /**
   * The fencing token: each holder's is higher than the one before. A resource that remembers the highest token it has
   * seen, and refuses a lower one, is safe from a holder that was paused and does not know yet that its lock is lost.
   */
  readonly token: number;
  /**
   * Aborts when the lock is no longer held though it was not released: with `KVI_LOCK_LOST` when it was lost, before its
   * lease can have ended on the server; with `KVI_CLOSED` when the handle, or the `lease` that was passed, was closed or
   * revoked here, which gives it up. Pass it to the work that the lock protects. After a stall of the event loop, reading
   * `aborted` tells the truth even though the event comes late.
   */
  readonly signal: AbortSignal;
  /**
   * Whether the lock is certain to be held now. Exact also after the process was stopped or the machine slept; only what an
   * operator does, who deletes the lock's key or revokes its lease, is noticed afterwards. Ask before each step that must
   * not be done twice, above all after one that may have taken long. Time can pass between the answer and the step: what
   * must never go wrong goes through {@link DistLock.guard}, or to a resource that checks the {@link DistLock.token}.
   */
  isHeld(): boolean;
  /**
   * A fenced transaction: runs only if the lock is still held, which the backend checks in the same revision. It uses one
   * of the compares and operations that a transaction may have; one that writes in both branches counts twice.
   *
   * @returns as {@link Kvi.txn}; `succeeded` is about the request's own compares
   * @throws `KVI_LOCK_LOST` when the lock is no longer held; nothing was written
   * @throws what {@link Kvi.txn} throws
   */
  guard(request: TxnRequest<Input>, options?: WriteOptions): Promise<TxnResponse<T>>;
  /**
   * Releases the lock, within about two seconds. Releasing twice is fine.
   *
   * @throws `KVI_LOCK_LOST` when it was lost before; what it protected may have been done twice
   * @throws `KVI_UNAVAILABLE` and the like when the server could not be told; the lock is free when its TTL is over
   */
  release(): Promise<void>;
}
