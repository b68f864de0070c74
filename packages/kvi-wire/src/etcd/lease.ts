/** Leases. */
import {
  bool,
  bytes,
  id,
  int64,
  message,
  named,
  nested,
  type Received,
  repeated,
} from '../protobuf/protobuf.ts';
import {header} from './header.ts';
import {method} from './method.ts';

const lease = {id: named('ID', id(1))};
const leaseTtl = {header: nested(1, header), id: named('ID', id(2)), ttl: named('TTL', int64(3))};
const leaseStatus = message(lease, 'etcdserverpb.LeaseStatus');

export const leaseGrant = method(
  '/etcdserverpb.Lease/LeaseGrant',
  message({ttl: named('TTL', int64(1)), id: named('ID', id(2))}),
  message(leaseTtl),
);
export const leaseRevoke = method(
  '/etcdserverpb.Lease/LeaseRevoke',
  message(lease),
  message({header: nested(1, header)}),
);
export const leaseTimeToLive = method(
  '/etcdserverpb.Lease/LeaseTimeToLive',
  message({id: named('ID', id(1)), keys: bool(2)}),
  message({
    header: nested(1, header),
    id: named('ID', id(2)),
    ttl: named('TTL', int64(3)),
    grantedTtl: named('grantedTTL', int64(4)),
    keys: repeated(bytes(5)),
  }),
);
export const leaseLeases = method(
  '/etcdserverpb.Lease/LeaseLeases',
  message({}),
  message({header: nested(1, header), leases: repeated(nested(2, leaseStatus))}),
);
const keepAliveResponse = message(leaseTtl);

/** A stream of keepalives, each with its answer. */
export const leaseKeepAlive = method('/etcdserverpb.Lease/LeaseKeepAlive', message(lease), keepAliveResponse);

export type KeepAliveMessage = Received<typeof keepAliveResponse>;
