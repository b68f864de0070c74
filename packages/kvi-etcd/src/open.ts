import {
  checkOptions as checkHandleOptions,
  createKvi,
  type Kvi,
  kviOptionNames,
  type KviOptions,
} from 'kvi-core';
import {
  backoffMs,
  coalesced,
  describeRange,
  type Driver,
  invalidArgument,
  isKviError,
  KviError,
  sleep,
  trace,
} from 'kvi-core/driver';
import {type Endpoint, showEndpoint} from './cluster/endpoints.ts';
import {speaksTheOther} from './cluster/probe.ts';
import {etcdDriver, type EtcdDriver} from './etcd-driver.ts';
import type {EtcdEndpointOptions, EtcdOptions} from './options.ts';
import {resolveOptions} from './resolve-options.ts';
import {GrpcError} from './failures/grpc-failures.ts';
import {isClosedUnanswered, isNoLeader, isNotEtcd, tlsFailure} from './failures/kvi-errors.ts';

/** What opening asks for, to see whether there is an answer. */
const probe = {key: Uint8Array.of(0), countOnly: true};

/**
 * Opens a driver on an etcd cluster (3.4 or later). Resolves once the cluster answers.
 *
 * @param where a URL, `http://HOST:PORT`, `https://HOST:PORT` or `etcd://HOST1:PORT,HOST2` (`etcds://` for TLS; port
 *   2379 by default; `USER:PASSWORD@` before the first host) or `unix:///PATH` (`unixs://` for TLS), or an object with
 *   `endpoints`
 * @throws `KVI_INVALID_ARGUMENT` for an invalid URL or option; `KVI_UNAVAILABLE` or `KVI_TIMEOUT` if no endpoint answers as
 *   etcd does; `KVI_TLS` if there is no secure connection to any; `KVI_UNAUTHENTICATED`
 */
export async function openEtcdDriver(
  where: string | EtcdEndpointOptions,
  options: EtcdOptions = {},
): Promise<Driver> {
  const {timeoutMs, failFast, coalescing, ...driverOptions} = resolveOptions(where, options);
  const {endpoints} = driverOptions;
  const driver = etcdDriver(driverOptions);
  try {
    await untilAnswered(driver, {timeoutMs, failFast}, endpoints);
    await refuseStrangers(driver);
    return coalescing === undefined ? driver : coalesced(driver, coalescing);
  } catch (error) {
    await driver.close();
    if (!isKviError(error)) throw error;
    const names = endpoints.map(showEndpoint).join(', ');
    const reason = error.message.replace(`range ${describeRange(probe)}: `, '');
    throw new KviError(error.code, `cannot open etcd at ${names}: ${reason}`, {cause: error});
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
 * @param options - `timeoutMs` applies to opening and is the default for calls
 */
export async function openEtcd(
  where: string | EtcdEndpointOptions,
  options: OpenEtcdOptions = {},
): Promise<Kvi> {
  checkHandleOptions(options);
  // The driver refuses options of the handle.
  const ofEtcd = Object.entries(options).filter(([name]) => isOfBoth(name) || !isHandleOption(name));
  const opening = trace('openEtcd', undefined, () => openEtcdDriver(where, Object.fromEntries(ofEtcd)));
  return createKvi(await opening, options);
}

function isOfBoth(name: string): boolean {
  return ['timeoutMs', 'maxTxnOps', 'maxRequestBytes'].includes(name);
}

function isHandleOption(name: string): boolean {
  return kviOptionNames.includes(name);
}

/**
 * Asks until an endpoint answers or the time is up: a service may start before its store. "Permission denied" is an answer
 * too: what the user may read is unknown here.
 *
 * @param failFast - give up when each endpoint has failed, unless the cluster is electing a leader
 */
async function untilAnswered(
  driver: Driver,
  {timeoutMs, failFast}: {timeoutMs: number; failFast: boolean},
  endpoints: readonly Endpoint[],
): Promise<void> {
  const {clock} = driver;
  const deadline = clock.now() + timeoutMs;
  let left = failFast ? endpoints.length : Infinity;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const remaining = Math.max(1, deadline - clock.now());
      await driver.range(probe, {timeoutMs: remaining});
      return;
    } catch (error) {
      if (isKviError(error, 'KVI_PERMISSION_DENIED')) return;
      if (!isKviError(error, 'KVI_UNAVAILABLE')) throw error;
      const electing = error.cause instanceof GrpcError && isNoLeader(error.cause);
      if (!electing) left -= 1;
      const hasAskedAll = attempt >= endpoints.length;
      const tls = hasAskedAll ? await tlsError(error, endpoints) : undefined;
      if (tls !== undefined) throw tls;
      const isHopeless = error.cause instanceof GrpcError && isNotEtcd(error.cause);
      const waitMs = failFast && !electing ? 0 : backoffMs(attempt);
      if (left === 0 || (isHopeless && hasAskedAll) || clock.now() + waitMs >= deadline) throw error;
      if (waitMs > 0) await sleep(clock, waitMs);
    }
  }
}

/** How long opening waits for the members that have not answered yet, in milliseconds: they may be gone. */
const othersMs = 500;

/** @throws `KVI_INVALID_ARGUMENT` if some endpoints belong to another cluster: each would get a part of the writes */
async function refuseStrangers(driver: EtcdDriver): Promise<void> {
  const strangers = await driver.strangers(othersMs);
  if (strangers.length === 0) return;
  throw invalidArgument(
    `${strangers.join(', ')} belongs to another cluster than the others; name the members of one cluster`,
  );
}

/** The error to throw if TLS is why no endpoint could be reached: trying again does not help. */
async function tlsError(error: KviError, endpoints: readonly Endpoint[]): Promise<KviError | undefined> {
  const {cause} = error;
  if (!(cause instanceof GrpcError)) return undefined;
  const failed = tlsFailure(cause);
  if (failed !== undefined) return new KviError('KVI_TLS', failed, {cause: error});
  if (!isClosedUnanswered(cause)) return undefined;
  const others = await Promise.all(endpoints.map(speaksTheOther));
  const index = others.indexOf(true);
  const endpoint = endpoints[index];
  if (endpoint === undefined) return undefined;
  const use = endpoint.tls
    ? 'does not speak TLS; use http://, etcd:// or unix://'
    : 'speaks TLS; use https://, etcds:// or unixs://';
  return new KviError('KVI_TLS', `${showEndpoint(endpoint)} ${use}`, {cause: error});
}
