import type {BufferLimits, RequestLimitOptions} from 'kvi-core/driver';
import type {Certificates, CertificateSource} from './cluster/certificates.ts';

/** How to reach etcd. */
export interface EtcdOptions extends Certificates, BufferLimits, RequestLimitOptions {
  /** Milliseconds until opening fails if no endpoint answers. Default 5,000. */
  timeoutMs?: number | undefined;
  /**
   * Whether opening fails as soon as no endpoint can be reached. Default `false`: it tries again until `timeoutMs` is up,
   * because a service may start before its store.
   */
  failFast?: boolean | undefined;
  /** Credentials, with `password`, if etcd requires them. They override `USER:PASSWORD@` in the URL. */
  username?: string | undefined;
  password?: string | undefined;
  /**
   * Returns the certificates for each new connection, instead of `ca`, `cert` and `key`. Renewed certificates are used
   * without reopening; open connections keep the certificates that they began with. If it fails, so does that attempt to
   * connect; it is called again for the next attempt.
   */
  certificates?: CertificateSource | undefined;
  /** The name that the members' certificates must hold. Default: the host of each endpoint. */
  serverName?: string | undefined;
  /**
   * Whether to follow the membership of the cluster. New members are used once they answer at an address that they
   * advertise; removed members are dropped once another member is connected. `true`: every 30 s, and 1 s after a
   * connection was lost.
   *
   * Default `false`, as in etcd's own client: advertised addresses need not be reachable from here, and a handle must not
   * bypass a proxy or a load balancer that it was told to use.
   */
  membershipRefresh?: boolean | {intervalMs: number} | undefined;
  /**
   * Whether calls that are made while others are under way are sent together. Default `true`: it makes a handle that is used
   * by many callers several times as fast, and costs a single caller nothing. What it means for revisions is in
   * `docs/guarantees.md`.
   */
  coalesce?: boolean | undefined;
  /** Whether diagnostics name the keys that are watched. Default `false`. */
  diagnosticKeys?: boolean | undefined;
}

/** {@link EtcdOptions} with endpoints instead of a URL. */
export interface EtcdEndpointOptions extends EtcdOptions {
  /** `HOST:PORT`, `http://HOST:PORT`, `https://HOST:PORT` or `unix:///PATH` each. */
  endpoints: readonly string[];
}
