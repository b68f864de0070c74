import {type Driver, invalidArgument, requestLimits} from 'kvi-core/driver';
import type {IncomingHttpHeaders} from 'node:http2';

import type {PeerCertificate, SecureContextOptions} from 'node:tls';
import type {Twin} from '../twin/twin.ts';

/** How a server is reached, by whom, and how much it takes on. */
export interface ServeOptions {
  /** Where to listen: `HOST:PORT`, with port 0 for any that is free, or `unix:///PATH`. Default `127.0.0.1:2379`. */
  listen?: string | undefined;
  /** Certificates, for TLS. Default: none. */
  tls?: ServerTls | undefined;
  /**
   * Chooses the driver of each call, once for a stream; refuses the call by throwing. A {@link KviError} is told as such, all
   * else as `etcdserver: permission denied`. Only clients with the driver that is served may administer it. Default: every call is
   * allowed.
   */
  authorize?: Authorize | undefined;
  limits?: ServerLimitOptions | undefined;
  /** The store that is served, for other processes to control. Calls on another driver, which `authorize` chose, may not. Default: none. */
  control?: Twin | undefined;
  /** The version of etcd that the server says it is, which decides what fields its responses have. Default `3.6.5`. */
  version?: string | undefined;
}

/** A server's certificates, and whose clients it trusts. */
export interface ServerTls extends Pick<SecureContextOptions, 'cert' | 'key'> {
  /** The authorities of clients' certificates. With them, every client needs one. */
  clientCa?: SecureContextOptions['ca'] | undefined;
}

/** What `authorize` is told of a call. */
export interface CallInfo {
  /** `/etcdserverpb.KV/Range`; `/metrics` for that page, which tells of the whole store. */
  readonly method: string;
  /** The headers of the call, in lower case. */
  readonly metadata: IncomingHttpHeaders;
  /** The client's certificate; undefined without TLS or if it has none. */
  readonly peerCertificate: PeerCertificate | undefined;
}

export type Authorize = (call: CallInfo) => Driver | Promise<Driver>;

/** How much a server takes on. */
export interface ServerLimits {
  /** Operations in a branch of a transaction, and compares; etcd's `--max-txn-ops`. Default 128. */
  maxTxnOps: number;
  /** Bytes of a request that writes; etcd's `--max-request-bytes`. Default 1.5 MiB. */
  maxRequestBytes: number;
  /** Calls under way on a connection; etcd's `--max-concurrent-streams`. More wait at the client. Default 10,000. */
  maxConcurrentStreams: number;
  /** Connections. Default 10,000. */
  maxConnections: number;
  /** Watches, of all clients. Default 100,000. */
  maxWatchers: number;
  /**
   * Bytes of events that wait for a client on one stream of watches. Its watches go on from the store's history when it has
   * taken them. Default 16 MiB.
   */
  maxWatchBacklogBytes: number;
  /** Bytes that wait for a client on one connection. Beyond it, its calls are refused. Default 256 MiB. */
  maxUnreadBytes: number;
  /** Milliseconds after which a connection without calls is closed. Default 10 minutes. */
  idleTimeoutMs: number;
  /** The least time between keepalives of one connection, in milliseconds: a client that is silent for as long is asked. Default 30,000. */
  keepaliveIntervalMs: number;
  /**
   * Milliseconds that a client has to answer a keepalive, or to read what it is told when its connection ends; etcd's
   * `--grpc-keepalive-timeout`. Default 20,000.
   */
  keepaliveTimeoutMs: number;
  /** Milliseconds between progress notifications; etcd's `--watch-progress-notify-interval`. Default 10 minutes. */
  progressNotifyIntervalMs: number;
  /** The shortest lease, in seconds. A lease that asks for less gets this. Default 2, as an etcd with default flags. */
  minLeaseTtlSeconds: number;
  /**
   * Bytes that may be written until the alarm `NOSPACE` is raised; etcd's `--quota-backend-bytes`. Compact, defragment and disarm
   * to go on. Default: no quota but the store's own.
   */
  quotaBackendBytes: number;
}

/** {@link ServerLimits}, each optional. */
export type ServerLimitOptions = {[Name in keyof ServerLimits]?: ServerLimits[Name] | undefined};

const mib = 1024 * 1024;

const defaults: ServerLimits = {
  ...requestLimits({}),
  maxConcurrentStreams: 10_000,
  maxConnections: 10_000,
  maxWatchers: 100_000,
  maxWatchBacklogBytes: 16 * mib,
  maxUnreadBytes: 256 * mib,
  idleTimeoutMs: 600_000,
  keepaliveIntervalMs: 30_000,
  keepaliveTimeoutMs: 20_000,
  progressNotifyIntervalMs: 600_000,
  minLeaseTtlSeconds: 2,
  quotaBackendBytes: Infinity,
};

/** What a longer message may hold beside its keys and values; etcd's. */
export const overheadBytes = 512 * 1024;

/** Fills in the defaults. @throws `KVI_INVALID_ARGUMENT` */
export function resolveLimits(options: ServerLimitOptions = {}): ServerLimits {
  const limits = {...defaults};
  for (const name of Object.keys(options)) {
    if (!isLimit(name)) {
      throw invalidArgument(`unknown limit ${name}; expected one of ${Object.keys(defaults).join(', ')}`);
    }
    const value = options[name];
    if (value === undefined) continue;
    if (!(Number.isSafeInteger(value) && value > 0)) {
      throw invalidArgument(`${name} must be a whole number above 0, not ${String(value)}`);
    }
    limits[name] = value;
  }
  return limits;
}

function isLimit(name: string): name is keyof ServerLimits {
  return Object.hasOwn(defaults, name);
}

/** Where to listen. */
export type Address = {readonly path: string} | {readonly host: string; readonly port: number};

/** @throws `KVI_INVALID_ARGUMENT` */
export function parseAddress(listen: string): Address {
  const [, path] = /^unix:\/\/(\/.+)$/.exec(listen) ?? [];
  if (path !== undefined) return {path};
  const [, host = '', digits = ''] = /^(\[[0-9a-fA-F:.]+\]|[^:/[\]]+):(\d+)$/.exec(listen) ?? [];
  const port = Number(digits);
  if (host === '' || port > 65_535) {
    throw invalidArgument(`listen must be HOST:PORT or unix:///PATH, not ${JSON.stringify(listen)}`);
  }
  return {host: host.replace(/^\[|\]$/g, ''), port};
}

const options: readonly string[] = ['listen', 'tls', 'authorize', 'limits', 'control', 'version'];

/** Refuses options that mean nothing. @throws `KVI_INVALID_ARGUMENT` */
export function checkServeOptions({authorize, version, ...others}: ServeOptions): void {
  const unknown = Object.keys(others).find((name) => !options.includes(name));
  if (unknown !== undefined) {
    throw invalidArgument(`unknown option ${unknown}; expected one of ${options.join(', ')}`);
  }
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw invalidArgument('authorize must be a function');
  }
  if (version !== undefined && !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
    throw invalidArgument(`version must be one of etcd, such as 3.6.5, not ${JSON.stringify(version)}`);
  }
}
