import {backoffMs} from '../async/backoff.ts';
import {elapsedMs, present} from '../async/moment.ts';
import type {Driver} from '../driver/driver.ts';
import {isKviError, KviError} from '../etcd/errors.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import {publish, type SessionLostEvent} from '../telemetry/diagnostics.ts';
import {grantLease} from './grant.ts';

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
  let ttlMs = granted.ttlSeconds * 1000;
  let loss = clock.setTimer(Math.max(0, leftMs()), expire).unref();
  let next = keepAliveAfter(ttlMs);
  /** Keepalives that failed since the last one that succeeded. */
  let failures = 0;

  /** Milliseconds in which the lease is certain to live. */
  function leftMs() {
    return ttlMs - elapsedMs(clock, aliveAt);
  }

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
      silentMs: elapsedMs(clock, aliveAt),
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
    if (!closing.signal.aborted && leftMs() <= 0) expire();
    return !closing.signal.aborted;
  }

  function keepAliveAfter(ttlMs: number) {
    return clock.setTimer(ttlMs / 3, () => void keepAlive()).unref();
  }

  async function keepAlive() {
    if (!isAlive()) return;
    const sentAt = present(clock);
    try {
      const {ttlSeconds: ttl} = await driver.leaseKeepAlive(granted.id, {
        // A connection that hangs must not use up the whole TTL.
        timeoutMs: Math.min(leftMs(), granted.ttlSeconds * 333),
        signal: closing.signal,
      });
      if (closing.signal.aborted) return;
      loss.cancel();
      failures = 0;
      aliveAt = sentAt;
      ttlMs = ttl * 1000;
      loss = clock.setTimer(Math.max(0, leftMs()), expire).unref();
      next = keepAliveAfter(ttlMs);
    } catch (error) {
      if (closing.signal.aborted) return;
      if (isKviError(error, 'KVI_LEASE_NOT_FOUND')) lose('gone', error);
      else {
        // Whatever else went wrong may pass before the lease is lost.
        failures += 1;
        const waitMs = backoffMs(failures, Math.min(granted.ttlSeconds * 50, 1_000), 1_000);
        next = clock.setTimer(waitMs, () => void keepAlive()).unref();
      }
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
