import {randomBytes} from 'node:crypto';
import {
  type Clock,
  KviError,
  type LeaseId,
  type LeaseTimeToLiveResponse,
  noLease,
  type Timer,
} from 'kvi-core/driver';
import {type ByteString, compareByteStrings, toBytes} from './byte-string.ts';
import {type SortedMap, sortedMap} from './sorted-map.ts';

/** What a {@link Lessor} needs to know. */
export interface LessorOptions {
  clock: Clock;
  /** A lease that asks for less gets this. */
  minTtlSeconds: number;
  /** Deletes the keys of a lease that ends, in one revision and in this order. */
  deleteKeys: (keys: readonly ByteString[]) => void;
}

interface Lease {
  readonly id: LeaseId;
  readonly ttlSeconds: number;
  readonly keys: Set<ByteString>;
  expiresAt: number;
  /** Decides between leases that expire at the same time. */
  readonly sequence: number;
}

/** The longest delay that a {@link Clock} takes. */
const maxDelayMs = 2 ** 31 - 1;

/**
 * The leases of a store.
 *
 * A lease is over when its time is, not when a timer fires: {@link Lessor.expire} is called before each access to the
 * store, so that nothing is seen, or kept alive, that should be gone. The one timer, for the lease that expires next,
 * makes its end an event for those who watch and do not ask.
 */
export class Lessor {
  readonly #options: LessorOptions;
  readonly #leases = new Map<LeaseId, Lease>();
  /** The same leases, the one that expires next first. */
  readonly #byExpiry: SortedMap<Lease, undefined> = sortedMap(
    (a, b) => a.expiresAt - b.expiresAt || a.sequence - b.sequence,
  );
  #timer: Timer | undefined;
  #timerFiresAt = Infinity;
  #granted = 0;

  constructor(options: LessorOptions) {
    this.#options = options;
  }

  /** @throws `KVI_LEASE_EXISTS` */
  grant(request: {ttlSeconds: number; id?: LeaseId | undefined}): {id: LeaseId; ttlSeconds: number} {
    const id = request.id === undefined || request.id === noLease ? this.#freshId() : request.id;
    if (this.#leases.has(id)) {
      throw new KviError('KVI_LEASE_EXISTS', `lease ${id} exists already; grant without naming an id`);
    }
    const ttlSeconds = Math.max(request.ttlSeconds, this.#options.minTtlSeconds);
    this.#granted += 1;
    const lease: Lease = {id, ttlSeconds, keys: new Set(), expiresAt: 0, sequence: this.#granted};
    this.#leases.set(id, lease);
    this.#startTtl(lease);
    return {id, ttlSeconds};
  }

  /** @throws `KVI_LEASE_NOT_FOUND` */
  revoke(id: LeaseId): void {
    this.#end(this.#find(id));
    this.#setTimer();
  }

  /** @throws `KVI_LEASE_NOT_FOUND` */
  keepAlive(id: LeaseId): {ttlSeconds: number} {
    const lease = this.#find(id);
    this.#byExpiry.delete(lease);
    this.#startTtl(lease);
    return {ttlSeconds: lease.ttlSeconds};
  }

  /** @throws `KVI_LEASE_NOT_FOUND` */
  timeToLive(request: {id: LeaseId; keys?: boolean | undefined}): LeaseTimeToLiveResponse {
    const {id, ttlSeconds, expiresAt, keys} = this.#find(request.id);
    return {
      id,
      // etcd gives whole seconds, cut off.
      ttlSeconds: Math.floor((expiresAt - this.#options.clock.now()) / 1000),
      grantedTtlSeconds: ttlSeconds,
      keys: request.keys === true ? inOrder(keys).map(toBytes) : [],
    };
  }

  /** The ids, that of the lease that expires next first. */
  leases(): LeaseId[] {
    return this.#byExpiry.keysArray().map(({id}) => id);
  }

  /** @throws `KVI_LEASE_NOT_FOUND` unless there is this lease */
  check(id: LeaseId): void {
    this.#find(id);
  }

  /** Moves a key from one lease to another; either may be {@link noLease}. */
  move(key: ByteString, from: LeaseId, to: LeaseId): void {
    if (from === to) return;
    this.#leases.get(from)?.keys.delete(key);
    this.#leases.get(to)?.keys.add(key);
  }

  /** Ends the leases whose time is over. */
  expire(): void {
    if (this.#leases.size === 0) return;
    const now = this.#options.clock.now();
    for (let next = this.#next(); next && next.expiresAt <= now; next = this.#next()) this.#end(next);
  }

  /** Forgets all leases, without a change to the store. */
  stop(): void {
    this.#leases.clear();
    this.#byExpiry.clear();
    this.#setTimer();
  }

  #next(): Lease | undefined {
    return this.#byExpiry.minKey();
  }

  #find(id: LeaseId): Lease {
    const lease = this.#leases.get(id);
    if (!lease) {
      throw new KviError(
        'KVI_LEASE_NOT_FOUND',
        `lease ${id} has expired, was revoked or never was; grant another`,
      );
    }
    return lease;
  }

  #startTtl(lease: Lease): void {
    lease.expiresAt = this.#options.clock.now() + lease.ttlSeconds * 1000;
    this.#byExpiry.set(lease, undefined);
    this.#setTimer();
  }

  #end(lease: Lease): void {
    this.#byExpiry.delete(lease);
    this.#leases.delete(lease.id);
    this.#options.deleteKeys(inOrder(lease.keys));
  }

  /** A timer that fires too early is left to do so, and sets the next: keepalives come often, and each would cost two. */
  #setTimer(): void {
    const {clock} = this.#options;
    const expiresAt = this.#next()?.expiresAt ?? Infinity;
    if (expiresAt === Infinity || expiresAt < this.#timerFiresAt) this.#cancelTimer();
    if (expiresAt === Infinity || this.#timer) return;
    const delayMs = Math.min(Math.max(0, Math.ceil(expiresAt - clock.now())), maxDelayMs);
    this.#timerFiresAt = expiresAt;
    this.#timer = clock
      .setTimer(delayMs, () => {
        this.#cancelTimer();
        this.expire();
        this.#setTimer();
      })
      .unref();
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerFiresAt = Infinity;
  }

  /** 63 random bits that name no lease yet. */
  #freshId(): LeaseId {
    for (;;) {
      const id = (randomBytes(8).readBigUInt64BE() >> 1n).toString(16);
      if (id !== noLease && !this.#leases.has(id)) return id;
    }
  }
}

function inOrder(keys: ReadonlySet<ByteString>): ByteString[] {
  return [...keys].sort(compareByteStrings);
}
