/**
 * Events from etcd handles, on `node:diagnostics_channel`, for logging, metrics and tracing:
 *
 * ```ts
 * import {subscribe} from 'node:diagnostics_channel';
 * subscribe('kvi:etcd:failover', (message) => console.warn(message));
 * ```
 *
 * Messages are built only if there are subscribers. They never hold a value, a password or an error's message, and keys
 * only with the option `diagnosticKeys`. Subscribers run within the driver's work, so they should be quick.
 */
import {channel} from 'node:diagnostics_channel';
import type {KviErrorCode} from 'kvi-core/driver';

/** What every message holds. */
interface OfHandle {
  /** The endpoints that the handle was opened with: `http://a:2379, http://b:2379`. */
  endpoints: string;
}

/** Each channel's name, and its messages. */
export interface EtcdDiagnostics {
  /** A connection to a member was made or lost. */
  'kvi:etcd:connection': OfHandle & {member: string; connected: boolean};
  /** Calls and new streams go to another member. */
  'kvi:etcd:failover': OfHandle & {
    from: string;
    to: string;
    /** What was wrong with `from`. */
    reason: string;
  };
  /** A member is not used, because it belongs to another cluster than the others. */
  'kvi:etcd:other-cluster': OfHandle & {member: string};
  /** The handle followed a change of the cluster's membership; see the option `membershipRefresh`. */
  'kvi:etcd:membership': OfHandle & {
    /** The endpoints that are used from now on, and those that no longer are. */
    added: string[];
    removed: string[];
  };
  /** The watch stream broke and was reopened. No event is lost; a watch that cannot resume ends with an error. */
  'kvi:etcd:watch-resume': OfHandle & {
    /** How many watches resume. */
    watches: number;
    /** The revision from which they resume: the lowest of all. */
    fromRevision: number;
    /** With the option `diagnosticKeys`: what they watch. */
    keys?: {key: Uint8Array; rangeEnd?: Uint8Array | undefined; fromRevision: number}[];
  };
  /** The keepalive stream broke while responses were due. The leases still exist, and are kept alive on another stream. */
  'kvi:etcd:keep-alive-lost': OfHandle & {
    /** How many responses were due. */
    waiting: number;
    code: KviErrorCode;
  };
}

const channels = {
  'kvi:etcd:connection': channel('kvi:etcd:connection'),
  'kvi:etcd:failover': channel('kvi:etcd:failover'),
  'kvi:etcd:other-cluster': channel('kvi:etcd:other-cluster'),
  'kvi:etcd:membership': channel('kvi:etcd:membership'),
  'kvi:etcd:watch-resume': channel('kvi:etcd:watch-resume'),
  'kvi:etcd:keep-alive-lost': channel('kvi:etcd:keep-alive-lost'),
};

/** Publishes what `message` builds, if there are subscribers. */
export function publish<Name extends keyof EtcdDiagnostics>(
  name: Name,
  message: () => EtcdDiagnostics[Name],
): void {
  if (channels[name].hasSubscribers) channels[name].publish(message());
}
