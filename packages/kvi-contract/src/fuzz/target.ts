import {type Bytes, type Driver, everyKey, isKviError} from 'kvi-core/driver';
import type {AcceptedDifferenceName} from './accepted-differences.ts';

/** A store that programs are played on. A `ContractTarget` is one. */
export interface FuzzTarget {
  /** Opens a handle. All handles are on one store, which nobody else uses meanwhile; each program empties it. */
  open(): Promise<Driver>;
  /** Lets so much time pass for the store's leases. Default: waits for it. */
  passTime?(ms: number): Promise<void>;
  /** What is known to be different, and left out when its answers are compared. Default: nothing. */
  accepted?: readonly AcceptedDifferenceName[];
}

/** The one key that is there when a program starts, and its value. */
export const firstKey: Bytes = Buffer.from('a');
export const firstValue: Bytes = Buffer.from('0');

/**
 * Brings a store to where every program starts: one key, no leases, and no history before.
 *
 * @returns the revision of the store
 */
export async function clearStore(driver: Driver): Promise<number> {
  for (const id of await driver.leaseLeases()) {
    await driver.leaseRevoke(id).catch((error: unknown) => {
      if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
    });
  }
  await driver.txn({success: [{type: 'deleteRange', ...everyKey}]});
  const {revision} = await driver.txn({success: [{type: 'put', key: firstKey, value: firstValue}]});
  await driver.compact(revision);
  return revision;
}
