import type {Input} from '../etcd/bytes.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import type {CallOptions} from './call-options.ts';

/** Options of {@link Kvi.lease}. */
export interface LeaseOptions extends CallOptions {
  /** Seconds that the lease lives after each refresh; etcd may grant more. Default: the handle's `ttlSeconds`. */
  ttlSeconds?: number | undefined;
  /** The lease's id, in hexadecimal as `etcdctl` prints it. Default: one at random. */
  id?: LeaseId | undefined;
  /** Whether the handle refreshes it, three times in a TTL. Default true. */
  keepAlive?: boolean | undefined;
}

/** Options of {@link Kvi.attachLease}. */
export interface AttachLeaseOptions extends CallOptions {
  /** Whether the handle refreshes it, three times per TTL. Default false: its owner does. */
  keepAlive?: boolean | undefined;
}

/** Options of {@link Lease.timeToLive}. */
export interface TimeToLiveOptions extends CallOptions {
  /** Whether to list the lease's keys. Default false. */
  keys?: boolean | undefined;
}

/** What a lease has left. */
export interface TimeToLive<T extends Input = string> {
  /** Seconds left, rounded down. */
  ttlSeconds: number;
  /** Seconds that it has after each refresh. */
  grantedTtlSeconds: number;
  /** Its keys, in their order, if they were asked for. */
  keys: T[];
}

/**
 * A lease: keys that are stored under it go when it ends, all in one revision.
 *
 * ```ts
 * await using lease = await kv.lease({ttlSeconds: 30});
 * await kv.store('instances/a', 'up', {lease: lease.id});
 * ```
 *
 * @typeParam T - what {@link Lease.timeToLive} returns, as the handle does
 */
export interface Lease<T extends Input = string> extends AsyncDisposable {
  /** In hexadecimal, as `etcdctl` prints it: for {@link StoreOptions.lease}, and for {@link Kvi.attachLease} elsewhere. */
  readonly id: LeaseId;
  /** Seconds that it lives after each refresh, as the backend granted them. */
  readonly ttlSeconds: number;
  /**
   * Aborts when the lease may have ended: with `KVI_LEASE_NOT_FOUND` before the backend can have expired it, or as soon
   * as it is known to be revoked; with `KVI_CLOSED` when it was revoked or closed here, which
   * is no loss.
   */
  readonly signal: AbortSignal;
  /**
   * Whether the lease is certain to live now. Exact also after a stall of the event loop. False once it was revoked or closed
   * here.
   */
  isAlive(): boolean;
  /**
   * Gives the lease its whole TTL again.
   *
   * @throws `KVI_LEASE_NOT_FOUND` if it has ended; `KVI_CLOSED` once it was revoked or closed here
   */
  refresh(options?: CallOptions): Promise<void>;
  /**
   * Reads what it has left.
   *
   * @throws `KVI_LEASE_NOT_FOUND` if it has ended
   */
  timeToLive(options?: TimeToLiveOptions): Promise<TimeToLive<T>>;
  /**
   * Ends the lease for everybody, which deletes its keys and gives up the locks under it. Revoking twice is fine,
   * and so is a lease that has ended.
   *
   * @throws `KVI_UNAVAILABLE` and the like if the backend could not be told; the lease ends within its TTL then
   */
  revoke(): Promise<void>;
  /**
   * Ends it here: revokes a lease that the handle granted, and leaves one alone that it only attached. Locks and temporary
   * keys of this handle under it are given up in either case. The end of an `await using` block does the same.
   */
  close(): Promise<void>;
}
