import {
  checkOptions as checkHandleOptions,
  createKvi,
  type Kvi,
  kviOptionNames,
  type KviOptions,
} from 'kvi-core';
import {type Driver, invalidArgument, isKviError, KviError, sleep} from 'kvi-core/driver';
import {backoffMs} from './async/backoff.ts';
import {createClient} from './client.ts';
import {isServiceError} from './cluster/connection.ts';
import {type Certificates, type CertificateSource, tlsCredentials} from './cluster/credentials.ts';
import {type Endpoint, parseEndpoint, parseUrl} from './cluster/endpoints.ts';
import {etcdDriver} from './etcd-driver.ts';
import {isNoLeader} from './wire/failures.ts';

/** How to reach etcd, and what to expect of it. */
export interface EtcdOptions extends Certificates {
  /** Milliseconds until `open` gives up when nobody answers. Default 5,000. */
  timeoutMs?: number | undefined;
  /** Who calls; with `password`. Also as `USER:PASSWORD@` in the URL, which these override. */
  username?: string | undefined;
  password?: string | undefined;
  /**
   * Gives the certificates with each new connection, in place of `ca`, `cert` and `key`: renewed ones are used without
   * reopening, while connections that are open go on with what they began with. When it fails, so does that attempt to
   * connect, and it is called again with the next.
   */
  certificates?: CertificateSource | undefined;
  /** The name that the members' certificates must hold. Default: the host of each endpoint. */
  serverName?: string | undefined;
  /**
   * Whether to follow the membership of the cluster: members that are added are used once they answer at an address that
   * they advertise, and those that were removed are let go of once another is connected. `true`: every 30 s, and 1 s after
   * a connection was lost.
   *
   * Default `false`, as for etcd's own client: members advertise addresses that need not be reachable from here, and a
   * handle must not go around a proxy or a load balancer that it was told to use.
   */
  membershipRefresh?: boolean | {intervalMs: number} | undefined;
  /** How many events a watch keeps for a slow consumer. Default 100,000. */
  maxBufferedEvents?: number | undefined;
  /** Whether what is told on `node:diagnostics_channel` names the keys that are watched. Default `false`. */
  diagnosticKeys?: boolean | undefined;
}

/** {@link EtcdOptions} with the endpoints, in place of a URL. */
export interface EtcdEndpointOptions extends EtcdOptions {
  /** `HOST:PORT`, `http://HOST:PORT` or `https://HOST:PORT` each. */
  endpoints: readonly string[];
}

const optionNames: readonly string[] = [
  'endpoints',
  'timeoutMs',
  'username',
  'password',
  'ca',
  'cert',
  'key',
  'certificates',
  'serverName',
  'membershipRefresh',
  'maxBufferedEvents',
  'diagnosticKeys',
] satisfies (keyof EtcdEndpointOptions)[];

/**
 * Opens a driver on an etcd cluster (3.4 or later), and proves that it answers.
 *
 * @param where a URL, `http://HOST:PORT`, `https://HOST:PORT` or `etcd://HOST1:PORT,HOST2` (`etcds://` for TLS; port
 *   2379 unless it says otherwise; `USER:PASSWORD@` before the first host), or the endpoints among the options
 * @throws `KVI_INVALID_ARGUMENT` for a URL or an option that means nothing; `KVI_UNAVAILABLE` or `KVI_TIMEOUT` when
 *   nobody answers, or not as etcd does; `KVI_UNAUTHENTICATED`
 */
export async function openEtcdDriver(
  where: string | EtcdEndpointOptions,
  options: EtcdOptions = {},
): Promise<Driver> {
  const {endpoints, ...given} = resolve(where, options);
  checkOptions(given);
  checkEndpoints(endpoints, given);
  const client = createClient({
    endpoints,
    username: given.username,
    password: given.password,
    certificates: given.certificates ?? (() => ({ca: given.ca, cert: given.cert, key: given.key})),
    serverName: given.serverName,
    membershipIntervalMs: membershipIntervalMs(given),
  });
  const driver = etcdDriver(client, given);
  try {
    await proveThatItAnswers(driver, given.timeoutMs ?? 5_000, endpoints.length);
    return driver;
  } catch (error) {
    await driver.close();
    if (!isKviError(error)) throw error;
    throw new KviError(error.code, `no etcd at ${client.name}: ${error.message}`, {cause: error});
  }
}

/** How {@link openEtcd} opens a handle. */
export type OpenEtcdOptions = EtcdOptions & KviOptions;

/**
 * Opens a handle on an etcd cluster; see {@link openEtcdDriver}.
 *
 * ```ts
 * await using kv = await openEtcd('http://127.0.0.1:2379');
 * await kv.store('greeting', 'hello');
 * ```
 *
 * @param options - `timeoutMs` holds for opening, and for each call that says nothing else
 */
export async function openEtcd(
  where: string | EtcdEndpointOptions,
  options: OpenEtcdOptions = {},
): Promise<Kvi> {
  checkHandleOptions(options);
  // Those of the handle alone are not the driver's affair; `timeoutMs` holds for both.
  const ofEtcd = Object.entries(options).filter(([name]) => name === 'timeoutMs' || !isHandleOption(name));
  return createKvi(await openEtcdDriver(where, Object.fromEntries(ofEtcd)), options);
}

function isHandleOption(name: string): boolean {
  return kviOptionNames.includes(name);
}

/** Brings the ways to say it into one. What is undefined was not said. */
function resolve(
  where: string | EtcdEndpointOptions,
  options: EtcdOptions,
): EtcdOptions & {endpoints: Endpoint[]} {
  const said = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as EtcdOptions;
  if (typeof where === 'string') return {...parseUrl(where), ...said};
  const {endpoints} = where;
  if (!isTexts(endpoints)) throw invalidArgument('pass a URL, or endpoints: ["HOST:PORT"]');
  return {...where, ...said, endpoints: endpoints.map((endpoint) => parseEndpoint(endpoint))};
}

/**
 * Asks each endpoint in turn, until one answers; a cluster that has no leader yet may have one before the time is up. Being
 * refused a key is an answer too: what the user may read is not known here.
 */
async function proveThatItAnswers(driver: Driver, timeoutMs: number, endpoints: number): Promise<void> {
  const {clock} = driver;
  const deadline = clock.now() + timeoutMs;
  let left = endpoints;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const remaining = Math.max(1, deadline - clock.now());
      await driver.range({key: Uint8Array.of(0), countOnly: true}, {timeoutMs: remaining});
      return;
    } catch (error) {
      if (isKviError(error, 'KVI_PERMISSION_DENIED')) return;
      if (!isKviError(error, 'KVI_UNAVAILABLE')) throw error;
      const electing = isServiceError(error.cause) && isNoLeader(error.cause);
      if (!electing) left -= 1;
      if (left === 0 || clock.now() >= deadline) throw error;
      if (electing) await sleep(clock, backoffMs(attempt));
    }
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
function checkOptions(options: EtcdOptions): void {
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknown !== undefined) {
    throw invalidArgument(`"${unknown}" is not an option of etcd; there are ${optionNames.join(', ')}`);
  }
  const {timeoutMs, username, password, ca, cert, key, certificates, maxBufferedEvents} = options;
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs < 2 ** 31)) {
    throw invalidArgument(`timeoutMs must be above 0 and below 2 ** 31, not ${String(timeoutMs)}`);
  }
  if (maxBufferedEvents !== undefined && !(Number.isInteger(maxBufferedEvents) && maxBufferedEvents > 0)) {
    throw invalidArgument(
      `maxBufferedEvents must be a whole number above 0, not ${String(maxBufferedEvents)}`,
    );
  }
  if ((username === undefined) !== (password === undefined)) {
    throw invalidArgument('username and password go together; one of them is missing');
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw invalidArgument('cert and key go together; one of them is missing');
  }
  if (certificates !== undefined && [ca, cert, key].some((given) => given !== undefined)) {
    throw invalidArgument('certificates takes the place of ca, cert and key; give one or the other');
  }
  const intervalMs = membershipIntervalMs(options);
  if (intervalMs !== undefined && !(intervalMs > 0 && intervalMs < 2 ** 31)) {
    throw invalidArgument(
      `membershipRefresh.intervalMs must be above 0 and below 2 ** 31, not ${String(intervalMs)}`,
    );
  }
  // Making a TLS context takes 20 ms or more, for Node's own certificates are read each time.
  if ([ca, cert, key].some((given) => given !== undefined)) checkPem({ca, cert, key});
}

/** Certificates that cannot be read would otherwise show as a connection that fails, again and again. */
function checkPem(certificates: Certificates): void {
  try {
    tlsCredentials(certificates);
  } catch (cause) {
    throw new KviError('KVI_INVALID_ARGUMENT', `ca, cert or key cannot be read as PEM: ${String(cause)}`, {
      cause,
    });
  }
}

const defaultMembershipIntervalMs = 30_000;

function membershipIntervalMs({membershipRefresh = false}: EtcdOptions): number | undefined {
  if (typeof membershipRefresh === 'object') return membershipRefresh.intervalMs;
  return membershipRefresh ? defaultMembershipIntervalMs : undefined;
}

/** @throws `KVI_INVALID_ARGUMENT` */
function checkEndpoints(endpoints: readonly Endpoint[], options: EtcdOptions): void {
  if (endpoints.length === 0) throw invalidArgument('endpoints is empty; name at least one, as "HOST:PORT"');
  const {ca, cert, certificates, serverName} = options;
  const forTls = [ca, cert, certificates, serverName].some((given) => given !== undefined);
  if (forTls && !endpoints.every(({tls}) => tls)) {
    throw invalidArgument('certificates are for TLS; write https:// or etcds:// endpoints');
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
