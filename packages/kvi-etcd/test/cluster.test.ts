import {afterAll, beforeAll, expect, it} from '@jest/globals';
import type {Driver} from 'kvi-core/driver';
import {describeWithEtcd, type EtcdCluster, startEtcdCluster} from 'kvi-testbed';
import {openEtcd, openEtcdDriver} from '../src/index.ts';
import {bytes, failure, put, read, take, text, untilAvailable} from './support/util.ts';

describeWithEtcd('a cluster', () => {
  let cluster: EtcdCluster;
  let driver: Driver;

  beforeAll(async () => {
    cluster = await startEtcdCluster(3);
    driver = await openEtcdDriver(cluster.url);
  });

  afterAll(async () => {
    await driver.close();
    await cluster.stop();
  });

  it('serves on, and so do its watches, whichever member is gone', async () => {
    const watch = driver.watch({key: bytes('member')});
    await watch.created;
    for (const [index, node] of cluster.nodes.entries()) {
      node.signal('SIGKILL');
      await Promise.all(cluster.nodes.filter((other) => other !== node).map((other) => other.untilReady()));
      const before = await untilAvailable(() => read(driver, 'member'));
      expect(before).toBe(index === 0 ? undefined : String(index - 1));
      await untilAvailable(() => driver.txn(put('member', String(index))));
      const [event] = await take(watch, 1);
      expect(event && text(event.kv.value)).toBe(String(index));
      await node.restart();
    }
    await watch.return();
  });

  it('loses one call at most to a member that hangs', async () => {
    for (const node of cluster.nodes) {
      await node.untilReady();
      node.signal('SIGSTOP');
      await Promise.all(cluster.nodes.filter((other) => other !== node).map((other) => other.untilReady()));
      const reads = [];
      for (let index = 0; index < 3; index += 1) {
        const timeoutMs = 1_000;
        reads.push(await driver.range({key: bytes('member'), serializable: true}, {timeoutMs}).catch(String));
      }
      node.signal('SIGCONT');
      expect(reads.filter((result) => typeof result === 'string').length).toBeLessThanOrEqual(1);
    }
  });

  it('keeps leases alive past a member that hangs', async () => {
    const {id} = await driver.leaseGrant({ttlSeconds: 60});
    for (const node of cluster.nodes) {
      await node.untilReady();
      node.signal('SIGSTOP');
      await Promise.all(cluster.nodes.filter((other) => other !== node).map((other) => other.untilReady()));
      const first = await driver.leaseKeepAlive(id, {timeoutMs: 1_000}).catch(() => undefined);
      const answer = first ?? (await driver.leaseKeepAlive(id, {timeoutMs: 5_000}));
      node.signal('SIGCONT');
      expect(answer).toEqual({ttlSeconds: 60});
    }
  });

  it('gives a handle with everything else on it', async () => {
    await using kv = await openEtcd(
      {endpoints: cluster.nodes.map(({endpoint}) => endpoint)},
      {ttlSeconds: 5},
    );
    await kv.store('greeting', 'hello');
    expect(await kv.get('greeting')).toBe('hello');
    expect(await failure(openEtcd(cluster.url, {ttlSeconds: 0}))).toMatchObject({
      code: 'KVI_INVALID_ARGUMENT',
    });
  });
});
