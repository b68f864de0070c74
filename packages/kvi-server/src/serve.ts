import type {Driver} from 'kvi-core/driver';
import {etcdErrors} from 'kvi-wire';
import {jsonGateway} from './gateway/gateway.ts';
import {operatorsOnly} from './gateway/operators-only.ts';
import type {CallRules} from './grpc/call.ts';
import type {Route} from './grpc/route.ts';
import {httpHandler} from './http/handler.ts';
import {http1Connections} from './http/http1-connections.ts';
import {http2Connections} from './http/http2-connections.ts';
import {listen, type Listener} from './http/listener.ts';
import {
  type Address,
  checkServeOptions,
  overheadBytes,
  parseAddress,
  resolveLimits,
  type ServeOptions,
} from './options/options.ts';
import {createAlarms} from './store/alarms.ts';
import {authService} from './services/auth.ts';
import {clusterService} from './services/cluster.ts';
import type {ServiceContext} from './store/context.ts';
import {controlService} from './services/control.ts';
import {electionService} from './services/election.ts';
import {healthService} from './services/health.ts';
import {identityOf} from './store/identity.ts';
import {kvService} from './services/kv.ts';
import {leaseService} from './services/lease.ts';
import {lockService} from './services/lock.ts';
import {maintenanceService} from './services/maintenance.ts';
import {operatorPages} from './services/pages.ts';
import {reflectionService} from './services/reflection.ts';
import {watchService} from './services/watch.ts';
import type {Twin} from './twin/twin.ts';

/** A server that listens. */
export interface ServerHandle extends AsyncDisposable {
  /** Where clients reach it: `http://127.0.0.1:2379`, `https:` with TLS, `unix:///PATH` for a socket. */
  readonly url: string;
  /** Its port; 0 for a unix socket. */
  readonly port: number;
  /**
   * Stops listening, ends streams with `etcdserver: server stopped`, gives calls under way a second to end, and resolves when all
   * connections are gone. The driver stays open. Never throws; closing twice is fine.
   */
  close(): Promise<void>;
}

/** How long calls may take to end when the server closes, in milliseconds. */
const graceMs = 1_000;

const defaultVersion = '3.6.5';

/**
 * Serves a driver to clients of etcd, in any language.
 *
 * ```ts
 * await using server = await serve(new MemStore().driver(), {listen: '127.0.0.1:0'});
 * console.log(server.url);
 * ```
 *
 * @param driver stays the caller's: the server never closes it
 * @throws `KVI_INVALID_ARGUMENT` for an invalid option; `KVI_UNAVAILABLE` if it cannot listen there
 */
export async function serve(driver: Driver, options: ServeOptions = {}): Promise<ServerHandle> {
  checkServeOptions(options);
  const {listen: where = '127.0.0.1:2379', tls, authorize, version = defaultVersion} = options;
  const limits = resolveLimits(options.limits);
  const address = parseAddress(where);
  const identity = identityOf(driver);
  const context: ServiceContext = {
    driver,
    identity,
    limits,
    version,
    alarms: createAlarms(limits.quotaBackendBytes, () => identity.status.memberId),
    url: () => listener.url,
  };
  const rules: CallRules = {
    routes: routesOf(context, options.control),
    prepare: () => identity.prepare(),
    authorize: (metadata, peerCertificate) =>
      authorize === undefined
        ? driver
        : authorize({method: metadata[':path'] ?? '', metadata, peerCertificate}),
    maxMessageBytes: limits.maxRequestBytes + overheadBytes,
    endings: new Set(),
  };
  const pages = httpHandler(operatorPages(driver, context), jsonGateway(rules));
  const handler = operatorsOnly(new Set(['/metrics']), driver, rules, pages);
  const http2 = http2Connections(limits, rules, handler);
  const http1 = http1Connections(handler, limits);
  const listener: Listener = await listen(address, tls, limits.maxConnections, {
    http2: (socket) => http2.add(socket),
    http1: (socket) => http1.add(socket),
  });
  if (tls === undefined && !isLocal(address)) {
    process.emitWarning(
      `kvi-server listens on ${listener.url} without TLS: everybody who reaches it can read and write`,
    );
  }
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    listener.stop();
    for (const end of [...rules.endings]) end(etcdErrors.stopped);
    await Promise.all([http2.close(graceMs), http1.close(graceMs)]);
    await listener.close();
  }

  const handle: ServerHandle = {
    url: listener.url,
    port: listener.port,
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => handle.close(),
  };
  return handle;
}

function routesOf(context: ServiceContext, twin: Twin | undefined): Map<string, Route> {
  const routes = [
    ...kvService(context),
    ...watchService(context),
    ...leaseService(context),
    ...lockService(context),
    ...electionService(context),
    ...clusterService(context),
    ...maintenanceService(context),
    ...authService(context),
    ...(twin === undefined ? [] : controlService(twin, context.driver)),
  ];
  const names = new Set(['', ...routes.map(({path}) => path.split('/')[1] ?? '')]);
  const all = [...routes, ...healthService(names)];
  return new Map([...all, ...reflectionService(all)].map((route) => [route.path, route]));
}

function isLocal(address: Address): boolean {
  return 'path' in address || /^(127\.|::1$|localhost$)/.test(address.host);
}
