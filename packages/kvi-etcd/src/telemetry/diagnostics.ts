/**
 * What happens between a handle and its cluster, on `node:diagnostics_channel`, for logging, metrics and tracing:
 *
 * ```ts
 * import {subscribe} from 'node:diagnostics_channel';
 * subscribe('kvi:etcd:failover', (message) => console.warn(message));
 * ```
 *
 * Messages are built only for who listens. They never hold a value or a password, and keys only where the option
 * `diagnosticKeys` asks for them; nor an error's message, which may name a key. A subscriber runs in the middle of the driver's work: it should be quick.
 */
import {channel} from 'node:diagnostics_channel';
import type {KviErrorCode} from 'kvi-core/driver';

/** What every message of the driver says. */
interface OfHandle {
  /** The endpoints that the handle was opened with: `http://a:2379, http://b:2379`. */
  endpoints: string;
}

/** Each channel's name, and what is published there. */
export interface EtcdDiagnostics {
  /** A connection to a member was made, or was lost. */
  'kvi:etcd:connection': OfHandle & {member: string; connected: boolean};
  /** Calls and new streams go to another member than before. */
  'kvi:etcd:failover': OfHandle & {
    from: string;
    to: string;
    /** Why: what was wrong with `from`. */
    reason: string;
  };
  /** The handle follows a change of the cluster's membership: see the option `membershipRefresh`. */
  'kvi:etcd:membership': OfHandle & {
    /** The endpoints that joined those in use, and those that left them. */
    added: string[];
    removed: string[];
  };
  /** The stream of the watches broke and was opened again; no event was lost, or a watch has ended with an error. */
  'kvi:etcd:watch-resume': OfHandle & {
    /** How many watches go on. */
    watches: number;
    /** The first revision that is asked for again: the lowest of all watches. */
    fromRevision: number;
    /** With the option `diagnosticKeys`: what they watch. */
    keys?: {key: Uint8Array; rangeEnd?: Uint8Array | undefined; fromRevision: number}[];
  };
  /** The stream of the keepalives broke while answers were due. The leases live on, and are asked for again. */
  'kvi:etcd:keep-alive-lost': OfHandle & {
    /** How many answers were due. */
    waiting: number;
    code: KviErrorCode;
  };
}

const channels = {
  'kvi:etcd:connection': channel('kvi:etcd:connection'),
  'kvi:etcd:failover': channel('kvi:etcd:failover'),
  'kvi:etcd:membership': channel('kvi:etcd:membership'),
  'kvi:etcd:watch-resume': channel('kvi:etcd:watch-resume'),
  'kvi:etcd:keep-alive-lost': channel('kvi:etcd:keep-alive-lost'),
};

/** Publishes what `message` builds, if anybody listens. */
export function publish<Name extends keyof EtcdDiagnostics>(
  name: Name,
  message: () => EtcdDiagnostics[Name],
): void {
  if (channels[name].hasSubscribers) channels[name].publish(message());
}
