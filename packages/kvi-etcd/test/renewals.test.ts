import {expect, it} from '@jest/globals';
import {describeWithEtcd, type Proxy, startEtcdCluster, startProxy} from 'kvi-testbed';
import {openEtcdDriver} from '../src/index.ts';
import {failure, leaderOf, untilAvailable} from './support/util.ts';

describeWithEtcd('a renewal that is answered by a leader which was replaced', () => {
  it('does not count', async () => {
    const proxies: Proxy[] = [];
    await using _proxies = {
      [Symbol.asyncDispose]: async () => {
        await Promise.all(proxies.map((proxy) => proxy.close()));
      },
    };
    await using cluster = await startEtcdCluster(3, {
      async peerEndpoint(endpoint, index) {
        const proxy = await startProxy(endpoint);
        proxies[index] = proxy;
        return proxy.endpoint;
      },
    });
    const leader = await leaderOf(cluster.nodes);
    const others = cluster.nodes.filter((node) => node !== leader);
    const toLeader = proxies[cluster.nodes.indexOf(leader)];
    const toOthers = others.map((node) => proxies[cluster.nodes.indexOf(node)]);
    const driver = await openEtcdDriver(leader.url);
    const other = await openEtcdDriver(`http://${others.map(({endpoint}) => endpoint).join(',')}`);
    const {id} = await untilAvailable(() => driver.leaseGrant({ttlSeconds: 60}));

    leader.signal('SIGSTOP');
    const renewed = failure(driver.leaseKeepAlive(id, {timeoutMs: 20_000}));
    // Nothing that the others agree on from now on waits for the leader when it continues.
    toLeader?.refuse();
    for (const proxy of proxies) proxy.cut();
    await Promise.all(others.map((node) => node.untilReady()));
    await untilAvailable(() => other.leaseRevoke(id));
    for (const proxy of toOthers) proxy?.freeze();
    leader.signal('SIGCONT');
    const error = await renewed;
    for (const proxy of toOthers) proxy?.thaw();
    await toLeader?.accept();

    expect(error).toMatchObject({code: expect.stringMatching(/^KVI_(UNAVAILABLE|TIMEOUT)$/)});
    await leader.untilReady();
    expect(await failure(untilAvailable(() => driver.leaseKeepAlive(id)))).toMatchObject({
      code: 'KVI_LEASE_NOT_FOUND',
    });
    await driver.close();
    await other.close();
  });
});
