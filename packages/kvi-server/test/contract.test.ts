// The contract's third run: what kvi-etcd does with an etcd, it does with a server of kvi.
import {afterAll, beforeAll, describe, it} from '@jest/globals';
import {setTimeout as sleep} from 'node:timers/promises';
import {testDriver, testKvi} from 'kvi-contract';
import {openEtcdDriver} from 'kvi-etcd';
import {startServer, type TestServer} from 'kvi-server/testing';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

const target = {open: () => openEtcdDriver(server.url), leftovers: watchesLeft};

/** Waits a little for the server to hear of what its clients have ended. */
async function watchesLeft(): Promise<string[]> {
  for (let tries = 0; tries < 1_000 && server.store.watchCount > 0; tries += 1) await sleep(10);
  return server.store.watchCount === 0 ? [] : [`${server.store.watchCount} watches`];
}

describe('Through a server', () => {
  testDriver('kvi-etcd on kvi-server on kvi-mem', target, {describe, it});
  testKvi('kvi-etcd on kvi-server on kvi-mem', target, {describe, it});
});
