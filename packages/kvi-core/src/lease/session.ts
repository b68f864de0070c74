import {backoffMs} from '../async/backoff.ts';
import {elapsedMs, type Moment, present} from '../async/moment.ts';
import type {Driver, DriverCallOptions} from '../driver/driver.ts';
import {isKviError, KviError} from '../etcd/errors.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import {publish, type SessionLostEvent} from '../telemetry/diagnostics.ts';
import {type Granted, grantLease} from './grant.ts';

/** A lease that is kept alive, and the moment from which it may be gone. */
export interface Session {
  readonly lease: LeaseId;
  /**
   * Aborts with `KVI_LEASE_NOT_FOUND` when the lease may have ended: before the server can have expired it, and
   * as soon as a keepalive learns that it was revoked. Not on {@link Session.close}; a session that is lent aborts with
   * `KVI_CLOSED` when the caller ends the lease.
   */
  readonly signal: AbortSignal;
  /** Whether the lease is still certain to live. Exact also where a stalled event loop held the signal up; aborts it then. */
  isAlive(): boolean;
  /**
   * Stops keeping the lease alive and revokes it, which deletes its keys. Closing twice is fine.
   *
   * @throws what {@link Driver.leaseRevoke} throws; the lease ends within its TTL then. A lease that is gone is no error.
   */
  close(options?: CloseOptions): Promise<void>;
}

/** How to close a {@link Session}. */
export interface CloseOptions {
  timeoutMs?: number;
  /** When the key was created. A session that is lent leaves a key alone that was put anew since. */
  createRevision?: number | undefined;
}

/** A session that its owner may also refresh, or leave. */
export interface LeaseSession extends Session {
  /** Seconds that the lease lives after each refresh. */
  readonly ttlSeconds: number;
  /**
   * Gives the lease its whole TTL again.
   *
   * @throws `KVI_LEASE_NOT_FOUND`, and loses the session then
   */
  refresh(options: DriverCallOptions): Promise<void>;
  /** Ends the session, and leaves the lease as it is. */
  leave(): void;
}

/** How {@link keepSession} looks after a lease. */
export interface KeepSessionOptions {
  /** False: only looks how long the lease lives. */
  keepAlive: boolean;
  /** Seconds that the lease has left, if it was not granted just now. */
  leftSeconds?: number | undefined;
}

/** Grants a lease and keeps it alive. */
export async function openSession(
  driver: Driver,
  ttlSeconds: number,
  signal: AbortSignal,
): Promise<LeaseSession> {
  return keepSession(driver, await grantLease(driver, ttlSeconds, signal), {keepAlive: true});
}

/**
 * Keeps a lease alive, or follows it.
 *
 * The lease is counted from the moment at which the last successful keepalive was *sent*: the server counts from when it
 * arrived, which is later, so this end always finds it lost first. Three keepalives fit into a TTL.
 */
export function keepSession(
  driver: Driver,
  granted: Granted,
  {keepAlive, leftSeconds = granted.ttlSeconds}: KeepSessionOptions,
): LeaseSession {
  const {clock} = driver;
  const lost = new AbortController();
  const closing = new AbortController();
  /** When the last successful keepalive, at first the grant, was sent. */
  let aliveAt = granted.sentAt;
  let ttlMs = leftSeconds * 1000;
  let loss = clock.setTimer(Math.max(0, leftMs()), expire).unref();
  let next = lookAfter(ttlMs);
  /** Keepalives that failed since the last one that succeeded. */
  let failures = 0;

  /** Milliseconds in which the lease is certain to live. */
  function leftMs() {
    return ttlMs - elapsedMs(clock, aliveAt);
  }

  function expire() {
    const message = keepAlive
      ? `no keepalive of lease ${granted.id} succeeded within its TTL`
      : `lease ${granted.id} has reached the end of its TTL`;
    lose('expired', new KviError('KVI_LEASE_NOT_FOUND', message));
  }

  function lose(reason: SessionLostEvent['reason'], error: KviError) {
    if (closing.signal.aborted) return;
    stop();
    tellLost(reason);
    lost.abort(error);
  }

  function tellLost(reason: SessionLostEvent['reason']) {
    // Nobody loses what was to end by itself.
    if (!keepAlive) return;
    publish('kvi:session-lost', () => ({
      lease: granted.id,
      ttlSeconds: granted.ttlSeconds,
      silentMs: elapsedMs(clock, aliveAt),
      reason,
    }));
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

  function lookAfter(ms: number) {
    return clock.setTimer(ms / 3, () => void look()).unref();
  }

  /** @param sentAt - when the keepalive was sent */
  function renewed(sentAt: Moment, seconds: number) {
    if (closing.signal.aborted) return;
    loss.cancel();
    next.cancel();
    failures = 0;
    aliveAt = sentAt;
    ttlMs = seconds * 1000;
    loss = clock.setTimer(Math.max(0, leftMs()), expire).unref();
    next = lookAfter(ttlMs);
  }

  async function look() {
    if (!isAlive()) return;
    const sentAt = present(clock);
    // A connection that hangs must not use up the whole TTL.
    const timeoutMs = Math.min(leftMs(), granted.ttlSeconds * 333);
    const limits = {timeoutMs, signal: closing.signal};
    try {
      const {ttlSeconds} = keepAlive
        ? await driver.leaseKeepAlive(granted.id, limits)
        : await driver.leaseTimeToLive({id: granted.id}, limits);
      renewed(sentAt, ttlSeconds);
    } catch (error) {
      if (closing.signal.aborted) return;
      if (isKviError(error, 'KVI_LEASE_NOT_FOUND')) lose('gone', error);
      else {
        // Whatever else went wrong may pass before the lease is lost.
        failures += 1;
        const waitMs = backoffMs(failures, Math.min(granted.ttlSeconds * 50, 1_000), 1_000);
        next = clock.setTimer(waitMs, () => void look()).unref();
      }
    }
  }

  /** Under way or done: one that failed may be tried again. */
  let revoked: Promise<void> | undefined;

  async function revoke({timeoutMs}: CloseOptions = {}) {
    const wasKept = !closing.signal.aborted;
    stop();
    try {
      await driver.leaseRevoke(granted.id, {timeoutMs});
    } catch (error) {
      if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) {
        revoked = undefined;
        throw error;
      }
      // Somebody else ended it: a holder whose key went with it closes the session before a keepalive could tell.
      if (wasKept) tellLost('gone');
    }
  }

  return {
    lease: granted.id,
    ttlSeconds: granted.ttlSeconds,
    signal: lost.signal,
    isAlive,
    async refresh(options) {
      const sentAt = present(clock);
      try {
        const {ttlSeconds} = await driver.leaseKeepAlive(granted.id, options);
        renewed(sentAt, ttlSeconds);
      } catch (error) {
        if (isKviError(error, 'KVI_LEASE_NOT_FOUND')) lose('gone', error);
        throw error;
      }
    },
    leave: stop,
    close: (closeOptions) => (revoked ??= revoke(closeOptions)),
  };
}
