import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {type Driver, open} from 'kvi';
import {openEtcdDriver} from 'kvi-etcd';
import {describeWithEtcd, type Etcd, startEtcd, startProxy} from 'kvi-testbed';
import {spawnScript} from './support/spawn-script.ts';

describeWithEtcd('close in the middle of everything', () => {
  let etcd: Etcd;
  let driver: Driver;
  beforeAll(async () => {
    etcd = await startEtcd();
    driver = await openEtcdDriver(etcd.url);
  });
  afterAll(async () => {
    await driver.close();
    await etcd.stop();
  });

  it('ends when the backend answers, and leaves no lease', async () => {
    await using script = spawnScript('close-anywhere', etcd.url);
    await script.hear();
    script.say('close');
    await script.hear();
    expect(await script.exited).toBe(0);
    expect(await driver.leaseLeases()).toMatchObject({leases: []});
  });

  it('does not wait for a backend that is frozen: calls fail, the process exits, and the TTL ends the leases', async () => {
    await using proxy = await startProxy(etcd.endpoint);
    await using script = spawnScript('close-anywhere', proxy.url);
    await script.hear();
    proxy.freeze();
    script.say('close');
    const codes = (await script.hear()) as string[];
    // A write that was sent may have been applied; whatever else waited was closed.
    expect(new Set(codes)).toEqual(new Set(['KVI_CLOSED', 'KVI_UNKNOWN_OUTCOME']));
    expect(codes.filter((code) => code === 'KVI_UNKNOWN_OUTCOME').length).toBeLessThanOrEqual(2);
    expect(await script.exited).toBe(0);
    proxy.cut();
    await using kv = await open(etcd.url);
    await using lock = await kv.distLock('close/held');
    expect(lock.isHeld()).toBe(true);
  });
});
