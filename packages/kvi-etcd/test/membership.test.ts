import {expect, it} from '@jest/globals';
import type {EtcdDiagnostics} from 'kvi-etcd';
import {describeWithEtcd, etcdctl, startEtcd, startEtcdCluster} from 'kvi-testbed';
import {openEtcdDriver} from '../src/index.ts';
import {
  bytes,
  put,
  putOnce,
  read,
  recordDiagnostics,
  take,
  text,
  until,
  untilAvailable,
} from './support/util.ts';

const membershipRefresh = {intervalMs: 100};

describeWithEtcd('a handle that follows the membership', () => {
  it('works on, and so do its watches and leases, while every original member is replaced', async () => {
    await using cluster = await startEtcdCluster(3);
    using changes = recordDiagnostics('kvi:etcd:membership');
    const driver = await openEtcdDriver(cluster.url, {membershipRefresh});
    const watch = driver.watch({key: bytes('moving')});
    await watch.created;
    const {id} = await driver.leaseGrant({ttlSeconds: 60});
    for (const [index, node] of cluster.nodes.entries()) {
      const added = await cluster.add();
      await until(() => names(changes.messages, 'added').includes(added.url));
      await cluster.remove(node);
      await until(() => names(changes.messages, 'removed').includes(node.url));
      await putOnce(driver, 'moving', String(index));
      const [event] = await take(watch, 1);
      expect(event && text(event.kv.value)).toBe(String(index));
      expect(await untilAvailable(() => driver.leaseKeepAlive(id))).toMatchObject({ttlSeconds: 60});
    }
    expect(await untilAvailable(() => read(driver, 'moving'))).toBe('2');
    await driver.close();
  });

  it('keeps to the addresses that it was given while the advertised ones cannot be reached', async () => {
    await using cluster = await startEtcdCluster(3, {
      args: ['--advertise-client-urls', 'http://127.0.0.1:1'],
    });
    using connections = recordDiagnostics('kvi:etcd:connection');
    using changes = recordDiagnostics('kvi:etcd:membership');
    const url = String(cluster.nodes[0]?.url);
    const driver = await openEtcdDriver(url, {membershipRefresh: {intervalMs: 20}});
    for (let round = 0; round < 50; round += 1) {
      await putOnce(driver, 'kept', String(round));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(connections.messages).toEqual([{endpoints: url, member: url, connected: true}]);
    expect(changes.messages).toEqual([]);
    await driver.close();
  });

  it('does not join an address at which another cluster answers', async () => {
    await using other = await startEtcd();
    await using cluster = await startEtcdCluster(3, {args: ['--advertise-client-urls', other.url]});
    using connections = recordDiagnostics('kvi:etcd:connection');
    using changes = recordDiagnostics('kvi:etcd:membership');
    const driver = await openEtcdDriver(String(cluster.nodes[0]?.url), {membershipRefresh});
    const tried = () => connections.messages.filter(({member}) => member === other.url).length;
    // Each of the two that are missing advertises it, and is tried again.
    await until(() => tried() >= 4);
    await driver.txn(put('here'));
    expect(changes.messages).toEqual([]);
    expect((await etcdctl(other.url, 'get', 'here')).stdout).toBe('');
    await driver.close();
  });

  it('leaves the endpoints alone unless it is asked to', async () => {
    await using cluster = await startEtcdCluster(3);
    const [one] = cluster.nodes;
    using connections = recordDiagnostics('kvi:etcd:connection');
    const driver = await openEtcdDriver(String(one?.url));
    await driver.txn(put('one'));
    expect(connections.messages.map(({member}) => member)).toEqual([one?.url]);
    await driver.close();
  });
});

function names(
  changes: readonly EtcdDiagnostics['kvi:etcd:membership'][],
  which: 'added' | 'removed',
): string[] {
  return changes.flatMap((change) => change[which]);
}
