/** A server for a test, on a store of its own. */
import {MemStore, type MemStoreOptions} from 'kvi-mem';
import type {ServeOptions} from '../options/options.ts';
import {serve, type ServerHandle} from '../serve.ts';

/** A server that a test started. */
export interface TestServer extends ServerHandle {
  /** What it serves: a test looks into it, advances its clock, or lets calls fail. */
  readonly store: MemStore;
}

/** What may be said of a {@link TestServer}. */
export interface TestServerOptions extends Omit<ServeOptions, 'authorize'> {
  /** The store to serve. Default: a new one. */
  store?: MemStore | undefined;
  /** How to create the store, if none is passed. */
  storeOptions?: MemStoreOptions | undefined;
}

/**
 * Starts a server on a free port of this machine, with an empty store. It stands in for an etcd in tests, of clients in any
 * language.
 *
 * ```ts
 * await using server = await startServer();
 * spawn('my-service', {env: {ETCD_URL: server.url}});
 * ```
 *
 * @throws `KVI_INVALID_ARGUMENT` for an invalid option
 */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const {storeOptions, store = new MemStore(storeOptions), listen = '127.0.0.1:0', ...others} = options;
  const driver = store.driver();
  const server = await serve(driver, {listen, ...others});

  async function close(): Promise<void> {
    await server.close();
    await driver.close();
  }

  return {url: server.url, port: server.port, store, close, [Symbol.asyncDispose]: close};
}
