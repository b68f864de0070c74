// The contract through a server in front of an etcd.
import {afterAll, beforeAll, describe, it} from '@jest/globals';
import {testDriver, testKvi} from 'kvi-contract';
import type {Driver} from 'kvi-core/driver';
import {openEtcdDriver} from 'kvi-etcd';
import {serve, type ServerHandle} from 'kvi-server';
import {type Etcd, startEtcd} from 'kvi-testbed';

describe('Through a server', () => {
  let etcd: Etcd;
  let driver: Driver;
  let server: ServerHandle;
  beforeAll(async () => {
    etcd = await startEtcd();
    driver = await openEtcdDriver(etcd.url);
    // The etcd of tests has a short election, and with it a short minimum TTL.
    server = await serve(driver, {listen: '127.0.0.1:0', limits: {minLeaseTtlSeconds: 1}});
  });
  afterAll(async () => {
    await server.close();
    await driver.close();
    await etcd.stop();
  });

  const target = {open: () => openEtcdDriver(server.url)};
  testDriver('kvi-etcd on kvi-server on an etcd', target, {describe, it});
  testKvi('kvi-etcd on kvi-server on an etcd', target, {describe, it});
});
