/**
 * The port between what kvi does and where it does it. It speaks etcd's own semantics, and is small: everything that a
 * user sees is built on it once, in this package.
 *
 * What every driver owes:
 * - **Requests are valid.** The caller has checked them (`validate.ts`); a driver checks only what depends on the state
 *   of the store. Byte arrays that go in or out are never changed by either side.
 * - **Atomicity and order.** A `txn` is one revision or nothing. Calls take effect between their start and their end
 *   (linearizability), reads included, unless `serializable` was asked for.
 * - **Errors** are {@link KviError}s. `KVI_UNAVAILABLE` promises that nothing was applied: the caller may try again. A
 *   write without an answer is `KVI_UNKNOWN_OUTCOME` with that reason as its `cause`, and
 *   is never sent again by the driver.
 * - **Time.** A call ends within its `timeoutMs` with `KVI_TIMEOUT`, and at once when its `signal` aborts with
 *   `KVI_ABORTED` and the signal's reason as the cause; as `KVI_UNKNOWN_OUTCOME` if it is a write that was sent.
 * - **Closing.** After `close()`, and when `close()` cuts them short, calls and watches fail with `KVI_CLOSED`; again a
 *   write that was sent is `KVI_UNKNOWN_OUTCOME`.
 */
import type {Bytes} from '../etcd/bytes.ts';
import type {Clock} from '../async/clock.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import type {
  CompactRequest,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
  RangeRequest,
  RangeResponse,
  ResponseHeader,
  StatusResponse,
  TxnRequest,
  TxnResponse,
  WatchRequest,
  WatchResponse,
} from '../etcd/messages.ts';

/** How long a call on the port may take. */
export interface DriverCallOptions {
  /** Milliseconds from now. Absent: no limit. */
  timeoutMs?: number | undefined;
  /** Ends the call early. */
  signal?: AbortSignal | undefined;
}

/** How a transaction on the port is carried out. */
export interface TxnOptions extends DriverCallOptions {
  /**
   * Whether its changes may have the same revision as those of other transactions. Default false: a lock that shared its
   * create revision with another would be held twice.
   */
  mayShareRevision?: boolean | undefined;
}

/**
 * A backend, as kvi uses it.
 *
 * What a call is passed stays the caller's, and is not kept. What it returns must not be changed: others may have been given
 * the same bytes.
 */
export interface Driver {
  /** The time that the backend's leases count by, as well as this process can know it. */
  readonly clock: Clock;

  /**
   * Reads.
   *
   * @throws `KVI_COMPACTED` or `KVI_FUTURE_REVISION` for a revision that the store no longer or not yet has
   */
  range(request: RangeRequest<Bytes>, options?: DriverCallOptions): Promise<RangeResponse<Bytes>>;

  /**
   * Reads and writes in one revision. A put or a deletion is a transaction of one operation.
   *
   * @throws `KVI_LEASE_NOT_FOUND`, `KVI_KEY_NOT_FOUND` (`ignoreValue`, `ignoreLease`), `KVI_COMPACTED`,
   *   `KVI_FUTURE_REVISION` for operations that would run; those of the branch not taken are not looked at. Nothing is
   *   applied then.
   */
  txn(request: TxnRequest<Bytes>, options?: TxnOptions): Promise<TxnResponse<Bytes>>;

  /**
   * Forgets the history before a revision, so that reads and watches before it fail with `KVI_COMPACTED`.
   *
   * @throws `KVI_COMPACTED` when that is done already, `KVI_FUTURE_REVISION`
   */
  compact(request: CompactRequest, options?: DriverCallOptions): Promise<ResponseHeader>;

  /**
   * Grants a lease.
   *
   * @throws `KVI_LEASE_EXISTS`
   */
  leaseGrant(request: LeaseGrantRequest, options?: DriverCallOptions): Promise<LeaseGrantResponse>;

  /**
   * Ends a lease, and deletes the keys under it in one revision.
   *
   * @throws `KVI_LEASE_NOT_FOUND`
   */
  leaseRevoke(id: LeaseId, options?: DriverCallOptions): Promise<ResponseHeader>;

  /**
   * Gives the lease its whole TTL again. Safe to repeat, so never `KVI_UNKNOWN_OUTCOME`. It resolves only if the whole
   * store agrees: the answer of a leader that has been replaced meanwhile does not count.
   *
   * @returns the TTL that it now has
   * @throws `KVI_LEASE_NOT_FOUND`
   */
  leaseKeepAlive(id: LeaseId, options?: DriverCallOptions): Promise<LeaseKeepAliveResponse>;

  /**
   * Reads what a lease has left.
   *
   * @throws `KVI_LEASE_NOT_FOUND`
   */
  leaseTimeToLive(
    request: LeaseTimeToLiveRequest,
    options?: DriverCallOptions,
  ): Promise<LeaseTimeToLiveResponse>;

  /** Lists the leases. */
  leaseLeases(options?: DriverCallOptions): Promise<LeaseLeasesResponse>;

  /**
   * Asks the backend about itself. It answers without a leader too. Backends that are no cluster describe themselves as one of
   * one member.
   */
  status(options?: DriverCallOptions): Promise<StatusResponse>;

  /** Starts a watch. Never throws: what goes wrong, the watch reports. */
  watch(request: WatchRequest<Bytes>, options?: {signal?: AbortSignal | undefined}): DriverWatch;

  /**
   * Ends everything that the driver has under way, its timers and its sockets. Never throws; closing twice is fine. The
   * store and its leases live on.
   */
  close(): Promise<void>;
}

/**
 * A watch, read with `for await`, by one consumer. What etcd promises holds: events come in the order of their revisions,
 * each once, none left out, those of one revision together, and across a reconnection as if there had been none.
 *
 * It ends with an error only: `KVI_COMPACTED` (with the compact revision) when events that are due were compacted away,
 * `KVI_SLOW_CONSUMER` when more events wait than the driver keeps, `KVI_ABORTED`, `KVI_CLOSED`, `KVI_PERMISSION_DENIED`,
 * `KVI_UNAUTHENTICATED`. Responses that came before the error are delivered before it.
 */
export interface DriverWatch extends AsyncIterator<WatchResponse<Bytes>, undefined> {
  // Not `AsyncIterableIterator`, which has one type parameter before TypeScript 5.6.
  [Symbol.asyncIterator](): this;
  /**
   * Resolves with the first revision that is watched, once the backend has the watch in place: from then on every
   * event will be delivered. Rejects with the error that ends the watch if it ends before; nobody has to look at it.
   */
  readonly created: Promise<number>;
  /**
   * Asks for a progress notification: a response without events, whose revision is at least that of the store now. One
   * answers any number of requests, and the watch may be sent more than were asked for.
   */
  requestProgress(): void;
  /** Ends the watch; nothing is delivered after. Resolves when the driver has let go of it. */
  return(): Promise<IteratorReturnResult<undefined>>;
}
