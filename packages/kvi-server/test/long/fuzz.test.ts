// Generated programs through a server, and on the model of etcd.
import {afterAll, beforeAll, describe, it} from '@jest/globals';
import {skippingClock, testDriverAgainstModel} from 'kvi-contract/fuzz';
import {openEtcdDriver} from 'kvi-etcd';
import {startServer, type TestServer} from 'kvi-server/testing';

const clock = skippingClock();
let server: TestServer;
beforeAll(async () => {
  const storeOptions = {clock, minTtlSeconds: 1, historyLimit: Infinity};
  server = await startServer({storeOptions, limits: {minLeaseTtlSeconds: 1}});
});
afterAll(() => server.close());

const target = {
  open: () => openEtcdDriver(server.url),
  passTime(ms: number): Promise<void> {
    clock.skip(ms);
    return Promise.resolve();
  },
};

testDriverAgainstModel('kvi-etcd on kvi-server', target, {describe, it}, {runs: 1_000, timeoutMs: 900_000});
