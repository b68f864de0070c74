import {afterAll, beforeAll} from '@jest/globals';
import {setTimeout as sleep} from 'node:timers/promises';
import type {ContractTarget} from 'kvi-contract';
import {openEtcdDriver} from 'kvi-etcd';
import {startServer, type TestServer} from 'kvi-server/testing';

/** A client of etcd on a server of kvi, which the suite around the call has to itself. */
export function contractTarget(): ContractTarget {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.close());
  return {open: () => openEtcdDriver(server.url), leftovers: () => watchesLeft(server)};
}

/** Waits a little for the server to hear of what its clients have ended. */
async function watchesLeft({store}: TestServer): Promise<string[]> {
  for (let tries = 0; tries < 1_000 && store.watchCount > 0; tries += 1) await sleep(10);
  return store.watchCount === 0 ? [] : [`${store.watchCount} watches`];
}
