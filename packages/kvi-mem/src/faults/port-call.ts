import {
  type Bytes,
  type CompactRequest,
  describeRange,
  describeTxn,
  type KeyRange,
  keyRanges,
  type LeaseGrantRequest,
  type LeaseId,
  type LeaseTimeToLiveRequest,
  type RangeRequest,
  type TxnRequest,
  writes,
} from 'kvi-core/driver';

/**
 * A call of a driver, as a plan of faults sees it. The methods of a handle use these operations: `get`, `getRange` and
 * `range` use `range`; `store`, `delete`, `tas`, `transaction` and `txn` use `txn`; a lock or a temporary key uses
 * `leaseGrant`, `txn`, then `leaseKeepAlive`, and `leaseRevoke` at its end. Watches are not calls.
 */
export type PortCall =
  | {operation: 'range'; request: RangeRequest<Bytes>}
  | {operation: 'txn'; request: TxnRequest<Bytes>}
  | {operation: 'compact'; request: CompactRequest}
  | {operation: 'leaseGrant'; request: LeaseGrantRequest}
  | {operation: 'leaseRevoke' | 'leaseKeepAlive'; request: {id: LeaseId}}
  | {operation: 'leaseTimeToLive'; request: LeaseTimeToLiveRequest}
  | {operation: 'leaseLeases' | 'status'; request: Record<string, never>};

/** The name of a {@link PortCall}. */
export type Operation = PortCall['operation'];

/** All of them. */
export const operations: readonly string[] = Object.keys({
  range: true,
  txn: true,
  compact: true,
  leaseGrant: true,
  leaseRevoke: true,
  leaseKeepAlive: true,
  leaseTimeToLive: true,
  leaseLeases: true,
  status: true,
} satisfies Record<Operation, true>);

/** Whether the call can change something, so that its outcome is unknown if no answer arrives. */
export function isWrite(call: PortCall): boolean {
  switch (call.operation) {
    case 'txn':
      return writes(call.request);
    case 'compact':
    case 'leaseGrant':
    case 'leaseRevoke':
      return true;
    // A keepalive is safe to repeat.
    default:
      return false;
  }
}

/** Describes the call as kvi-etcd does. */
export function describeCall(call: PortCall): string {
  switch (call.operation) {
    case 'range':
      return `range ${describeRange(call.request)}`;
    case 'txn':
      return `txn on ${describeTxn(call.request)}`;
    case 'compact':
      return `compact ${call.request.revision}`;
    case 'leaseGrant':
      return 'grant a lease';
    case 'leaseRevoke':
      return `revoke lease ${call.request.id}`;
    case 'leaseKeepAlive':
      return 'keep leases alive';
    case 'leaseTimeToLive':
      return `read lease ${call.request.id}`;
    case 'leaseLeases':
      return 'list leases';
    case 'status':
      return 'ask for the status';
  }
}

/** The keys that the call names; none for lease operations. */
export function keysOf(call: PortCall): readonly KeyRange<Bytes>[] {
  if (call.operation === 'range') return [call.request];
  return call.operation === 'txn' ? keyRanges(call.request) : [];
}
