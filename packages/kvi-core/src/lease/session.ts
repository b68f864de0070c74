import {randomBytes} from 'node:crypto';
import type {Driver} from '../driver/driver.ts';
import {publish, type SessionLostEvent} from '../telemetry/diagnostics.ts';
import {isKviError, KviError} from '../etcd/errors.ts';
import type {LeaseId} from '../etcd/messages.ts';
import {abortable, withDeadline} from '../async/deadline.ts';

/** A lease that is kept alive, and the moment from which it may be gone. */
export interface Session {
  readonly lease: LeaseId;
  /**
   * Aborts with `KVI_LEASE_NOT_FOUND` when the lease may have ended: before the server can have ended it for want of
   * keepalives, and as soon as a keepalive learns that it did for another reason. Not on {@link Session.close}.
   */
  readonly signal: AbortSignal;
  /** Whether the lease is still certain to live. Exact also where a stalled event loop held the signal up; aborts it then. */
  isAlive(): boolean;
  /**
   * Stops keeping the lease alive and revokes it, which deletes its keys. Closing twice is fine.
   *
   * @throws what {@link Driver.leaseRevoke} throws; the lease ends within its TTL then. A lease that is gone is no error.
   */
  close(options?: {timeoutMs?: number}): Promise<void>;
}

interface LeaseRequest {
  id: LeaseId;
  ttlSeconds: number;
}

interface Granted extends LeaseRequest {
  /** When the request was sent that the lease counts from at the earliest. */
  sentAt: number;
}

/** Milliseconds that giving something up takes at most; the lease's TTL sees to it otherwise. */
export const giveUpMs = 1_000;

/**
 * Grants a lease and keeps it alive.
 *
 * The lease is counted from the moment at which the last successful keepalive was *sent*: the server counts from when it
 * arrived, which is later, so this end always finds it lost first. Three keepalives fit into a TTL.
 */
export async function openSession(driver: Driver, ttlSeconds: number, signal: AbortSignal): Promise<Session> {
  const {clock} = driver;
  const lost = new AbortController();
  const closing = new AbortController();
  const granted = await grantLease(driver, ttlSeconds, signal);
  /** When the last successful keepalive, at first the grant, was sent. */
  let aliveAt = granted.sentAt;
  let deadline = aliveAt + granted.ttlSeconds * 1000;
  let loss = clock.setTimer(Math.max(0, deadline - clock.now()), expire).unref();
  let next = keepAliveAfter(granted.ttlSeconds * 1000);

  function expire() {
    const error = new KviError(
      'KVI_LEASE_NOT_FOUND',
      `no keepalive of lease ${granted.id} succeeded within its TTL`,
    );
    lose('expired', error);
  }

  function lose(reason: SessionLostEvent['reason'], error: KviError) {
    stop();
    publish('kvi:session-lost', () => ({
      lease: granted.id,
      ttlSeconds: granted.ttlSeconds,
      silentMs: clock.now() - aliveAt,
      reason,
    }));
    lost.abort(error);
  }

  function stop() {
    loss.cancel();
    next.cancel();
    closing.abort();
  }

  function isAlive() {
    if (!closing.signal.aborted && clock.now() >= deadline) expire();
    return !closing.signal.aborted;
  }

  function keepAliveAfter(ttlMs: number) {
    return clock.setTimer(ttlMs / 3, () => void keepAlive()).unref();
  }

  async function keepAlive() {
    if (!isAlive()) return;
    const sentAt = clock.now();
    try {
      const {ttlSeconds: ttl} = await driver.leaseKeepAlive(granted.id, {
        // A connection that hangs must not use up the whole TTL.
        timeoutMs: Math.min(deadline - sentAt, granted.ttlSeconds * 333),
        signal: closing.signal,
      });
      if (closing.signal.aborted) return;
      loss.cancel();
      aliveAt = sentAt;
      deadline = aliveAt + ttl * 1000;
      loss = clock.setTimer(Math.max(0, deadline - clock.now()), expire).unref();
      next = keepAliveAfter(ttl * 1000);
    } catch (error) {
      if (closing.signal.aborted) return;
      if (isKviError(error, 'KVI_LEASE_NOT_FOUND')) lose('gone', error);
      // Whatever else went wrong may pass before the lease is lost.
      else next = clock.setTimer(Math.min(granted.ttlSeconds * 50, 1000), () => void keepAlive()).unref();
    }
  }

  let revoked: Promise<void> | undefined;

  async function revoke(closeOptions?: {timeoutMs?: number}) {
    stop();
    try {
      await driver.leaseRevoke(granted.id, closeOptions);
    } catch (error) {
      if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
    }
  }

  return {
    lease: granted.id,
    signal: lost.signal,
    isAlive,
    close: (closeOptions) => (revoked ??= revoke(closeOptions)),
  };
}

/** Grants a lease, and takes it back if the wait for the answer was given up meanwhile. */
async function grantLease(driver: Driver, ttlSeconds: number, signal: AbortSignal): Promise<Granted> {
  signal.throwIfAborted();
  // Not with the signal: the answer tells when the lease is there to be revoked.
  const granting = grantOnce(driver, {id: randomLeaseId(), ttlSeconds}, signal);
  try {
    return await abortable(granting, signal);
  } catch (error) {
    const takeBack = granting.then(({id}) => driver.leaseRevoke(id, {timeoutMs: giveUpMs}));
    await withDeadline(driver.clock, {timeoutMs: giveUpMs}, (ended) => abortable(takeBack, ended)).catch(
      () => undefined,
    );
    throw error;
  }
}

/** Grants the lease, asking again when no answer came: of one id there is one lease, whichever request granted it. */
async function grantOnce(driver: Driver, request: LeaseRequest, signal: AbortSignal): Promise<Granted> {
  for (;;) {
    const sentAt = driver.clock.now();
    try {
      return {...(await grantOrFind(driver, request)), sentAt};
    } catch (error) {
      // No answer came, or the lease that was found has ended meanwhile.
      const mayPass = isKviError(error, 'KVI_UNKNOWN_OUTCOME', 'KVI_LEASE_NOT_FOUND');
      if (signal.aborted || !mayPass) throw error;
    }
  }
}

async function grantOrFind(driver: Driver, request: LeaseRequest): Promise<Omit<Granted, 'sentAt'>> {
  try {
    return await driver.leaseGrant(request);
  } catch (error) {
    if (!isKviError(error, 'KVI_LEASE_EXISTS')) throw error;
    // Granted by a request whose answer was lost; a keepalive tells its TTL.
    return {id: request.id, ...(await driver.leaseKeepAlive(request.id))};
  }
}

/** 63 random bits, as etcd's own ids; 0 would mean no lease. */
function randomLeaseId(): LeaseId {
  const id = randomBytes(8).readBigUInt64BE() >> 1n;
  return (id || 1n).toString(16);
}
