import type {Driver} from '../driver/driver.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {isKviError} from '../etcd/errors.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import type {TxnResponse} from '../etcd/messages.ts';
import {type Granted, giveUpMs, grantLease} from './grant.ts';

/** Runs what grants a lease, and says when to give it up. */
type Within = (grant: (ended: AbortSignal) => Promise<Granted>) => Promise<Granted>;

/**
 * Sends a transaction that puts a key under a lease that nobody keeps alive. The lease is revoked if it is not used.
 *
 * @param seconds - how long the lease lives, counted from before the transaction; 0: there is none
 * @param send - sends it, again and again if it likes. It fails with `KVI_UNKNOWN_OUTCOME` if the lease may be used
 */
export async function underTimedLease(
  driver: Driver,
  seconds: number,
  within: Within,
  send: (lease: LeaseId | undefined) => Promise<TxnResponse<Bytes>>,
): Promise<TxnResponse<Bytes>> {
  if (seconds === 0) return send(undefined);
  for (;;) {
    const {id} = await within((ended) => grantLease(driver, seconds, ended));
    let mayBeUsed = false;
    try {
      const response = await send(id);
      mayBeUsed = response.succeeded;
      return response;
    } catch (error) {
      mayBeUsed = isKviError(error, 'KVI_UNKNOWN_OUTCOME');
      // The lease had ended when the transaction came: another may fare better.
      if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
    } finally {
      if (!mayBeUsed) await driver.leaseRevoke(id, {timeoutMs: giveUpMs}).catch(() => undefined);
    }
  }
}
