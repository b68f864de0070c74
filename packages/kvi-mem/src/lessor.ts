import {
  type Bytes,
  type Clock,
  KviError,
  type LeaseId,
  type LeaseGrantRequest,
  type LeaseTimeToLiveRequest,
  type LeaseTimeToLiveResponse,
  noLease,
  randomLeaseId,
  type Timer,
} from 'kvi-core/driver';
import {type ByteString, compareByteStrings, toBytes} from './byte-string.ts';
import {SortedMap} from './sorted-map.ts';

/** The options of a {@link Lessor}. */
export interface LessorOptions {
  clock: Clock;
  /** The minimum TTL. A lease that asks for less gets this. */
  minTtlSeconds: number;
  /** Deletes the keys of a lease that has ended, in one revision and in this order. */
  deleteKeys: (keys: readonly ByteString[]) => void;
}

/** A lessor changes only leases that it owns, and copies others first: see {@link Lessor}. */
interface Lease {
  readonly id: LeaseId;
  readonly ttlSeconds: number;
  readonly keys: SortedMap<ByteString, undefined>;
  expiresAt: number;
  /** Leases are numbered from 1 in the order of granting, which breaks ties between those that expire at the same time. */
  readonly number: number;
  readonly owner: object;
}

/** The longest delay of a {@link Clock}. */
const maxDelayMs = 2 ** 31 - 1;

/**
 * The leases of a store.
 *
 * A lease expires by the clock, not when a timer fires: {@link Lessor.expire} is called before each access to the store, so
 * that no access sees an expired lease or keeps it alive. The one timer, for the lease that expires next, lets watches see
 * the expiry when nothing accesses the store.
 *
 * A lessor that starts from another shares all of its leases, whatever their number. From then on neither owns them, and
 * each copies a lease before changing it for the first time. Time continues from the other's, so that each lease keeps
 * its remaining time.
 */
export class Lessor {
  readonly #options: LessorOptions;
  readonly #leases: SortedMap<LeaseId, Lease>;
  /** The same leases, the one that expires next first. */
  readonly #byExpiry: SortedMap<Lease, undefined>;
  /** Clock reading at this lessor's time zero. */
  readonly #epoch: number = 0;
  #owner = {};
  #timer: Timer | undefined;
  #granted = 0;

  /** @param origin the lessor to start from; default: none. Neither sees later changes of the other. */
  constructor(options: LessorOptions, origin?: Lessor) {
    this.#options = options;
    this.#leases = origin ? origin.#leases.clone() : new SortedMap(compareByteStrings);
    this.#byExpiry = origin ? origin.#byExpiry.clone() : new SortedMap(compareExpiry);
    if (!origin) return;
    origin.#owner = {};
    this.#granted = origin.#granted;
    this.#epoch = options.clock.now() - origin.#now();
    this.#setTimer();
  }

  /** @throws `KVI_LEASE_EXISTS` */
  grant(request: LeaseGrantRequest): {id: LeaseId; ttlSeconds: number} {
    const id = request.id === undefined || request.id === noLease ? this.#freshId() : request.id;
    if (this.#leases.has(id)) {
      throw new KviError('KVI_LEASE_EXISTS', `lease ${id} already exists; grant without an id`);
    }
    const ttlSeconds = Math.max(request.ttlSeconds, this.#options.minTtlSeconds);
    this.#granted += 1;
    this.#put({
      id,
      ttlSeconds,
      keys: new SortedMap(compareByteStrings),
      expiresAt: this.#now() + ttlSeconds * 1000,
      number: this.#granted,
      owner: this.#owner,
    });
    // A test may have installed or removed fake timers since, and the timer with them.
    this.#cancelTimer();
    this.#setTimer();
    return {id, ttlSeconds};
  }

  /** @throws `KVI_LEASE_NOT_FOUND` */
  revoke(id: LeaseId): void {
    this.#end(this.#find(id));
    this.#setTimer();
  }

  /** @throws `KVI_LEASE_NOT_FOUND` */
  keepAlive(id: LeaseId): {ttlSeconds: number} {
    const lease = this.#own(this.#find(id));
    this.#byExpiry.delete(lease);
    lease.expiresAt = this.#now() + lease.ttlSeconds * 1000;
    this.#byExpiry.set(lease, undefined);
    this.#setTimer();
    return {ttlSeconds: lease.ttlSeconds};
  }

  /** @throws `KVI_LEASE_NOT_FOUND` */
  timeToLive(request: LeaseTimeToLiveRequest): Omit<LeaseTimeToLiveResponse, 'revision'> {
    const {id, ttlSeconds, expiresAt, keys} = this.#find(request.id);
    return {
      id,
      // etcd rounds down to whole seconds.
      ttlSeconds: Math.floor((expiresAt - this.#now()) / 1000),
      grantedTtlSeconds: ttlSeconds,
      keys: request.keys === true ? keys.keys().map(toBytes) : [],
    };
  }

  /** The ids, ascending. */
  leases(): LeaseId[] {
    return this.#leases.keys();
  }

  /** The leases with their keys, in no particular order. */
  list(): {id: LeaseId; keys: Bytes[]}[] {
    return this.#leases.values().map(({id, keys}) => ({id, keys: keys.keys().map(toBytes)}));
  }

  /** The position of this lease in the order of granting, from 1. */
  numberOf(id: LeaseId): number | undefined {
    return this.#leases.get(id)?.number;
  }

  /** @throws `KVI_LEASE_NOT_FOUND` if the lease does not exist */
  check(id: LeaseId): void {
    this.#find(id);
  }

  /** Moves a key from one lease to another; either may be {@link noLease}. */
  move(key: ByteString, from: LeaseId, to: LeaseId): void {
    // Stryker disable next-line ConditionalExpression: moving a key to its own lease changes nothing
    if (from === to) return;
    const [left, entered] = [this.#leases.get(from), this.#leases.get(to)];
    if (left) this.#own(left).keys.delete(key);
    if (entered) this.#own(entered).keys.set(key, undefined);
  }

  /** Ends the leases that have expired. */
  expire(): void {
    for (let next = this.#next(); next && next.expiresAt <= this.#now(); next = this.#next()) this.#end(next);
  }

  /** Discards all leases without changing the store. */
  stop(): void {
    this.#leases.clear();
    this.#byExpiry.clear();
    this.#setTimer();
  }

  #now(): number {
    return this.#options.clock.now() - this.#epoch;
  }

  #next(): Lease | undefined {
    return this.#byExpiry.minKey();
  }

  #find(id: LeaseId): Lease {
    const lease = this.#leases.get(id);
    if (!lease) {
      throw new KviError(
        'KVI_LEASE_NOT_FOUND',
        `lease ${id} not found: it expired, was revoked or never existed; grant another`,
      );
    }
    return lease;
  }

  #put(lease: Lease): void {
    this.#leases.set(lease.id, lease);
    this.#byExpiry.set(lease, undefined);
  }

  /** The lease, or a copy that replaces it, to be changed. */
  #own(lease: Lease): Lease {
    // Stryker disable next-line ConditionalExpression: another copy would only cost time
    if (lease.owner === this.#owner) return lease;
    const copy = {...lease, keys: lease.keys.clone(), owner: this.#owner};
    this.#put(copy);
    return copy;
  }

  #end(lease: Lease): void {
    this.#byExpiry.delete(lease);
    this.#leases.delete(lease.id);
    this.#options.deleteKeys(lease.keys.keys());
  }

  /** A timer that fires too early is kept and sets the next one: replacing it on each keepalive would cost more. */
  #setTimer(): void {
    const next = this.#next();
    if (!next) {
      this.#cancelTimer();
      return;
    }
    if (this.#timer) return;
    const delayMs = Math.min(Math.max(0, Math.ceil(next.expiresAt - this.#now())), maxDelayMs);
    this.#timer = this.#options.clock
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
  }

  /** 63 random bits that are not the id of a lease yet. */
  #freshId(): LeaseId {
    for (;;) {
      const id = randomLeaseId();
      // Stryker disable next-line ConditionalExpression: no test draws a taken id out of 2 ** 63
      if (!this.#leases.has(id)) return id;
    }
  }
}

function compareExpiry(a: Lease, b: Lease): number {
  return a.expiresAt - b.expiresAt || a.number - b.number;
}
