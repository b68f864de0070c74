// The contract on a tenant's part of an etcd.
import {afterAll, beforeAll, describe, it} from '@jest/globals';
import {testDriver, testKvi} from 'kvi-contract';
import {openEtcdDriver} from 'kvi-etcd';
import {type Etcd, startEtcd} from 'kvi-testbed';
import {tenantTarget} from '../support/tenant-target.ts';

describe('On an etcd', () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.stop());

  const target = tenantTarget({open: () => openEtcdDriver(etcd.url)});
  testDriver('a tenant on kvi-etcd', target, {describe, it});
  testKvi('a tenant on kvi-etcd', target, {describe, it});
});
