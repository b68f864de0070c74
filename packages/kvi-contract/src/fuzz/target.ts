import {type Bytes, type Driver, everyKey, isKviError} from 'kvi-core/driver';
import type {AcceptedDifferenceName} from './accepted-differences.ts';

/** A store to run programs on. A `ContractTarget` is one. */
export interface FuzzTarget {
  /** Opens a handle. All handles share one store, which nobody else uses meanwhile; each program empties it. */
  open(): Promise<Driver>;
  /** Lets time pass for the store's leases. Default: waits. */
  passTime?(ms: number): Promise<void>;
  /** Known differences to ignore when its answers are compared. Default: none. */
  accepted?: readonly AcceptedDifferenceName[];
}

/** The only key at the start of a program, and its value. */
export const firstKey: Bytes = Buffer.from('a');
export const firstValue: Bytes = Buffer.from('0');

/**
 * Brings a store to the initial state of every program: one key, no leases, and no earlier history.
 *
 * @returns the revision of the store
 */
export async function clearStore(driver: Driver): Promise<number> {
  for (const id of (await driver.leaseLeases()).leases) {
    await driver.leaseRevoke(id).catch((error: unknown) => {
      if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
    });
  }
  await driver.txn({success: [{type: 'deleteRange', ...everyKey}]});
  const {revision} = await driver.txn({success: [{type: 'put', key: firstKey, value: firstValue}]});
  await driver.compact({revision});
  return revision;
}
