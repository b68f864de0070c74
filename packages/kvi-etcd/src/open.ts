import {createKvi, type Kvi, type KviOptions} from 'kvi-core';
import {type Driver, invalidArgument, isKviError, KviError} from 'kvi-core/driver';
import {createClient} from './client.ts';
import {type Endpoint, parseEndpoint, parseUrl} from './endpoints.ts';
import {etcdDriver} from './etcd-driver.ts';

/** How to reach etcd, and what to expect of it. */
export interface EtcdOptions {
  /** Milliseconds until `open` gives up when nobody answers. Default 5,000. */
  timeoutMs?: number | undefined;
  /** Who calls; with `password`. Also as `USER:PASSWORD@` in the URL, which these override. */
  username?: string | undefined;
  password?: string | undefined;
  /** The certificates to trust, in PEM. Default: those that Node trusts. */
  ca?: string | Buffer | undefined;
  /** This client's certificate, in PEM; with `key`. */
  cert?: string | Buffer | undefined;
  key?: string | Buffer | undefined;
  /** How many events a watch keeps for a slow consumer. Default 100,000. */
  maxBufferedEvents?: number | undefined;
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
  'maxBufferedEvents',
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
    ca: pem(given.ca),
    cert: pem(given.cert),
    key: pem(given.key),
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

/** The options that are the handle's own affair. */
const kviOptionNames: readonly string[] = [
  'ttlSeconds',
  'lockName',
  'maxTxnOps',
  'maxRequestBytes',
] satisfies (keyof KviOptions)[];

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
  const ofEtcd = Object.entries(options).filter(([name]) => !kviOptionNames.includes(name));
  const driver = await openEtcdDriver(where, Object.fromEntries(ofEtcd));
  try {
    return createKvi(driver, options);
  } catch (error) {
    await driver.close();
    throw error;
  }
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
 * Asks each endpoint in turn, until one answers. Being refused a key is an answer too: what the user may read is not known
 * here.
 */
async function proveThatItAnswers(driver: Driver, timeoutMs: number, endpoints: number): Promise<void> {
  const deadline = driver.clock.now() + timeoutMs;
  for (let left = endpoints; ; left -= 1) {
    try {
      const remaining = Math.max(1, deadline - driver.clock.now());
      await driver.range({key: Uint8Array.of(0), countOnly: true}, {timeoutMs: remaining});
      return;
    } catch (error) {
      if (isKviError(error, 'KVI_PERMISSION_DENIED')) return;
      if (left <= 1 || !isKviError(error, 'KVI_UNAVAILABLE')) throw error;
    }
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
function checkOptions(options: EtcdOptions): void {
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknown !== undefined) {
    throw invalidArgument(`"${unknown}" is not an option of etcd; there are ${optionNames.join(', ')}`);
  }
  const {timeoutMs, username, password, cert, key, maxBufferedEvents} = options;
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
}

/** @throws `KVI_INVALID_ARGUMENT` */
function checkEndpoints(endpoints: readonly Endpoint[], {ca, cert}: EtcdOptions): void {
  if (endpoints.length === 0) throw invalidArgument('endpoints is empty; name at least one, as "HOST:PORT"');
  if ((ca !== undefined || cert !== undefined) && !endpoints.every(({tls}) => tls)) {
    throw invalidArgument('ca, cert and key are for TLS; write https:// or etcds:// endpoints');
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function pem(value: string | Buffer | undefined): Buffer | undefined {
  return typeof value === 'string' ? Buffer.from(value) : value;
}
