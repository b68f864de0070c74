import type {RetryPolicy} from '../api/retry-policy.ts';
import {abortable, withDeadline} from '../async/deadline.ts';
import {type Moment, present} from '../async/moment.ts';
import {retryUntil} from '../async/retry-until.ts';
import type {Driver} from '../driver/driver.ts';
import {isKviError, refusalOf} from '../etcd/errors.ts';
import {type LeaseId, randomLeaseId} from '../etcd/lease-id.ts';
import type {PolicyCallOptions} from '../policy/policy-driver.ts';

/** A lease that was granted. */
export interface Granted {
  id: LeaseId;
  /** What the backend granted, which may be more than was asked for. */
  ttlSeconds: number;
  /** When the request was sent: the lease counts from then at the earliest. */
  sentAt: Moment;
}

interface GrantRequest {
  id: LeaseId;
  ttlSeconds: number;
}

/** Milliseconds that giving something up takes at most; the lease's TTL does the rest. */
export const giveUpMs = 1_000;

/**
 * Grants a lease, and takes it back if the wait for the answer was given up meanwhile.
 *
 * @param retryPolicy - default: the handle's
 */
export async function grantLease(
  driver: Driver,
  ttlSeconds: number,
  signal: AbortSignal,
  retryPolicy?: RetryPolicy,
): Promise<Granted> {
  signal.throwIfAborted();
  // Not with the signal: only the answer tells when the lease is there to be revoked.
  const granting = grantOnce(driver, {id: randomLeaseId(), ttlSeconds}, signal, {retryPolicy});
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

/** Grants the lease, asking again if no answer came: there is one lease of an id, whichever request granted it. */
function grantOnce(
  driver: Driver,
  request: GrantRequest,
  signal: AbortSignal,
  options: PolicyCallOptions,
): Promise<Granted> {
  return retryUntil(
    driver.clock,
    signal,
    async () => {
      const sentAt = present(driver.clock);
      return {...(await grantOrFind(driver, request, options)), sentAt};
    },
    // No answer came, or the lease that was found has ended meanwhile.
    (error) => isKviError(error, 'KVI_UNKNOWN_OUTCOME', 'KVI_LEASE_NOT_FOUND'),
  );
}

async function grantOrFind(
  driver: Driver,
  request: GrantRequest,
  options: PolicyCallOptions,
): Promise<Omit<Granted, 'sentAt'>> {
  try {
    return await driver.leaseGrant(request, options);
  } catch (error) {
    const refusal = isKviError(error) ? refusalOf(error) : undefined;
    if (refusal === undefined && !isKviError(error, 'KVI_LEASE_EXISTS')) throw error;
    try {
      // Granted by a request whose answer was lost, or that was refused too late; a keepalive tells its TTL.
      return {id: request.id, ...(await driver.leaseKeepAlive(request.id, options))};
    } catch (notFound) {
      throw refusal !== undefined && isKviError(notFound, 'KVI_LEASE_NOT_FOUND') ? refusal : notFound;
    }
  }
}
