import type {Bytes, LeaseId, RangeRequest, TxnRequest, WatchRequest} from 'kvi-core/driver';

/**
 * A list of calls on handles of one store, as data, so that it can be run on two stores, repeated, and shrunk to the few
 * calls that matter.
 *
 * What differs between stores is named: revisions count from the start of the program, and leases are {@link LeaseName}s.
 * Otherwise requests are those of the port.
 */
export type Program = readonly Command[];

/** One call or event. */
export type Command = HandleCommand | CancelCommand | SyncCommand;

/** A call on a handle, which is opened when it is first used. */
export type HandleCommand = {handle: number} & (
  | {do: 'range'; request: RangeRequest<Bytes>}
  | {do: 'txn'; request: TxnRequest<Bytes>}
  | {do: 'compact'; revision: number}
  | {do: 'leaseGrant'; lease: LeaseName; ttlSeconds: number}
  | {do: 'leaseRevoke'; lease: LeaseName}
  | {do: 'leaseKeepAlive'; lease: LeaseName}
  | {do: 'leaseTimeToLive'; lease: LeaseName; keys: boolean}
  | {do: 'leaseLeases'}
  /** Grants the lease with a short TTL, puts keys under it, and waits until it has expired. */
  | {do: 'expire'; lease: LeaseName; keys: readonly Bytes[]}
  /** Starts a watch in a slot, replacing the one that is there. */
  | {do: 'watch'; slot: number; request: WatchRequest<Bytes>}
  /** Closes the handle. Calls on it fail until the program opens another one in its place. */
  | {do: 'close'}
  | {do: 'open'}
);

/** Ends the watch in a slot. */
export interface CancelCommand {
  do: 'cancel';
  slot: number;
}

/** Waits until every watch has delivered what is due, and records it. */
export interface SyncCommand {
  do: 'sync';
}

/**
 * The leases of a program: `chosenN` get an id that the program names, `freshN` one that the backend chooses, and
 * `unknown` is an id that no lease has. A `fresh` name stands for the last lease granted under it.
 */
export type LeaseName = 'chosen0' | 'chosen1' | 'fresh0' | 'fresh1' | 'unknown';

/** The ids of the leases that do not depend on the store. `chosen1` has the highest id that there is. */
export const fixedLeases: Partial<Record<LeaseName, LeaseId>> = {
  chosen0: '5eed',
  chosen1: '7fffffffffffffff',
  unknown: 'badc0de',
};
