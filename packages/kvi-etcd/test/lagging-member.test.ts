import {expect, it} from '@jest/globals';
import {describeWithEtcd, type Proxy, startEtcdCluster, startProxy} from 'kvi-testbed';
import {openEtcdDriver} from '../src/index.ts';
import {bytes, leaderOf, put, putOnce, untilAvailable} from './support/util.ts';

describeWithEtcd('a member that is behind its leader', () => {
  it('answers no read with what was true before the read began', async () => {
    const proxies: Proxy[] = [];
    await using _proxies = {
      [Symbol.asyncDispose]: async () => {
        await Promise.all(proxies.map((proxy) => proxy.close()));
      },
    };
    await using cluster = await startEtcdCluster(3, {
      args: ['--heartbeat-interval', '50', '--election-timeout', '1000'],
      async peerEndpoint(endpoint, index) {
        const proxy = await startProxy(endpoint);
        proxies[index] = proxy;
        return proxy.endpoint;
      },
    });
    const leader = await leaderOf(cluster.nodes);
    const follower = cluster.nodes.find((node) => node !== leader);
    await using ahead = asDisposable(await openEtcdDriver(leader.url));
    await using behind = asDisposable(await openEtcdDriver(String(follower?.url)));
    // Followers fetch what the leader has to say from the leader.
    proxies[cluster.nodes.indexOf(leader)]?.delay(200);
    await putOnce(ahead, 'lagging', 'v');
    const {id} = await untilAvailable(() => ahead.leaseGrant({ttlSeconds: 60}));
    const exists = {key: bytes('lagging'), target: 'version', result: '>', version: 0} as const;
    expect(await behind.leaseLeases()).toMatchObject({leases: [id]});
    await putOnce(ahead, 'lagging', 'w');
    const isNew = {key: bytes('lagging'), target: 'version', result: '=', version: 2} as const;
    expect(await behind.txn({compare: [exists, isNew]})).toMatchObject({succeeded: true});
    const watch = behind.watch({key: bytes('another')});
    await watch.created;
    const {revision} = await untilAvailable(() => ahead.txn(put('lagging', 'x')));
    watch.requestProgress();
    const {value} = await watch.next();
    expect(value).toMatchObject({revision, events: []});
  });
});

function asDisposable<D extends {close(): Promise<void>}>(driver: D): D & AsyncDisposable {
  return {...driver, [Symbol.asyncDispose]: () => driver.close()};
}
