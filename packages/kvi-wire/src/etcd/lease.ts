/** Leases. */
import {bool, bytes, id, int64, message, nested, type Received, repeated} from '../protobuf/protobuf.ts';
import {header} from './header.ts';
import {method} from './method.ts';

const lease = message({id: id(1)});
const keepAliveResponse = message({header: nested(1, header), id: id(2), ttl: int64(3)});

export const leaseGrant = method(
  '/etcdserverpb.Lease/LeaseGrant',
  message({ttl: int64(1), id: id(2)}),
  message({header: nested(1, header), id: id(2), ttl: int64(3)}),
);
export const leaseRevoke = method(
  '/etcdserverpb.Lease/LeaseRevoke',
  lease,
  message({header: nested(1, header)}),
);
export const leaseTimeToLive = method(
  '/etcdserverpb.Lease/LeaseTimeToLive',
  message({id: id(1), keys: bool(2)}),
  message({
    header: nested(1, header),
    id: id(2),
    ttl: int64(3),
    grantedTtl: int64(4),
    keys: repeated(bytes(5)),
  }),
);
export const leaseLeases = method(
  '/etcdserverpb.Lease/LeaseLeases',
  message({}),
  message({header: nested(1, header), leases: repeated(nested(2, lease))}),
);
/** A stream of keepalives, each with its answer. */
export const leaseKeepAlive = method('/etcdserverpb.Lease/LeaseKeepAlive', lease, keepAliveResponse);

export type KeepAliveMessage = Received<typeof keepAliveResponse>;
