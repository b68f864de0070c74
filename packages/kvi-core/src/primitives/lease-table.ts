import {isAborted, lookBeforeTelling, type Signals} from '../async/abort.ts';
import {withDeadline} from '../async/deadline.ts';
import {present} from '../async/moment.ts';
import type {Driver, DriverCallOptions} from '../driver/driver.ts';
import {KviError} from '../etcd/errors.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import {type Granted, giveUpMs, grantLease} from '../lease/grant.ts';
import {keepSession, type KeepSessionOptions, type LeaseSession, type Session} from '../lease/session.ts';
import type {PolicyCallOptions} from '../policy/policy-driver.ts';
import type {Holdings} from './holdings.ts';

/** Which lease to grant. */
export interface LeaseRequest {
  ttlSeconds: number;
  /** Absent: one at random. */
  id?: LeaseId | undefined;
  keepAlive: boolean;
}

type LeaseCallOptions = PolicyCallOptions & {timeoutMs: number};

/** A lease of a handle. */
export interface HeldLease {
  /** What a lock or a temporary key under the lease uses: a session that ends with it in every way, as its signal tells. */
  readonly session: Session;
  readonly ttlSeconds: number;
  /** See `Lease.signal`. */
  readonly signal: AbortSignal;
  isAlive(): boolean;
  refresh(options: DriverCallOptions): Promise<void>;
  /** Ends the lease for everybody. */
  revoke(): Promise<void>;
  /** Ends it here, and for everybody if the handle granted it. */
  close(): Promise<void>;
  /** Ends it here because the handle closes, and for everybody if the handle granted it and kept it alive. */
  abandon(): Promise<void>;
}

/** The leases of a handle that a caller asked for. */
export interface LeaseTable {
  /** Grants a lease. */
  grant(request: LeaseRequest, options: LeaseCallOptions): Promise<HeldLease>;
  /** Looks for a lease of somebody else's. */
  attach(id: LeaseId, options: LeaseCallOptions & {keepAlive: boolean}): Promise<HeldLease>;
}

/**
 * @param closing - aborts when the handle closes, and ends every wait
 * @param holdings - of the handle: its leases are given up with it
 */
export function leaseTable(driver: Driver, closing: Signals, holdings: Holdings): LeaseTable {
  const {clock} = driver;

  function hold(granted: Granted, options: KeepSessionOptions & {isOwn: boolean}): HeldLease {
    const session = keepSession(driver, granted, options);
    const release = holdings.add(() => lease.abandon());
    const lease = heldLease(session, options, release);
    if (isAborted(closing)) void lease.abandon().catch(() => undefined);
    return lease;
  }

  /** A lease whose id the caller chose: without an answer, it cannot be told from somebody else's. */
  async function grantNamed(
    request: {id: LeaseId; ttlSeconds: number},
    options: LeaseCallOptions,
  ): Promise<Granted> {
    const sentAt = present(clock);
    return {...(await driver.leaseGrant(request, options)), sentAt};
  }

  return {
    async grant({id, ttlSeconds, keepAlive}, options) {
      const granted =
        id === undefined
          ? await withDeadline(clock, {...options, closing}, (ended) =>
              grantLease(driver, ttlSeconds, ended, options.retryPolicy),
            )
          : await grantNamed({id, ttlSeconds}, options);
      return hold(granted, {keepAlive, isOwn: true});
    },
    async attach(id, {keepAlive, ...options}) {
      const sentAt = present(clock);
      if (keepAlive) {
        const {ttlSeconds} = await driver.leaseKeepAlive(id, options);
        return hold({id, ttlSeconds, sentAt}, {keepAlive, isOwn: false});
      }
      const {ttlSeconds: leftSeconds, grantedTtlSeconds} = await driver.leaseTimeToLive({id}, options);
      return hold({id, ttlSeconds: grantedTtlSeconds, sentAt}, {keepAlive, leftSeconds, isOwn: false});
    },
  };
}

/** @param onEnd - called when the lease has ended here */
function heldLease(
  session: LeaseSession,
  {isOwn, keepAlive}: {isOwn: boolean; keepAlive: boolean},
  onEnd: () => void,
): HeldLease {
  const ended = new AbortController();
  const {signal} = ended;

  function end(reason: unknown): void {
    ended.abort(reason);
    onEnd();
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- as `revoke`, which takes its place
  async function leave(): Promise<void> {
    session.leave();
    end(new KviError('KVI_CLOSED', `lease ${session.lease} was closed`));
  }

  async function revoke(): Promise<void> {
    await leave();
    await session.close({timeoutMs: giveUpMs});
  }

  session.signal.addEventListener('abort', () => end(session.signal.reason), {once: true});
  lookBeforeTelling(signal, () => session.isAlive());

  return {
    session: {...session, signal},
    ttlSeconds: session.ttlSeconds,
    signal,
    isAlive: () => session.isAlive(),
    async refresh(options) {
      signal.throwIfAborted();
      await session.refresh(options);
    },
    revoke,
    close: isOwn ? revoke : leave,
    abandon: isOwn && keepAlive ? revoke : leave,
  };
}
