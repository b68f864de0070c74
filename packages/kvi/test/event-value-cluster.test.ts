import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {open} from 'kvi';
import {eventValue, utf8} from 'kvi-core/recipes';
import {describeWithEtcd, type EtcdCluster, type Proxy, startEtcdCluster, startProxy} from 'kvi-testbed';

const key = 'event-value';

describeWithEtcd('an event value on three members', () => {
  let cluster: EtcdCluster;
  let proxies: Proxy[];

  beforeAll(async () => {
    cluster = await startEtcdCluster(3);
    proxies = await Promise.all(cluster.nodes.map(({endpoint}) => startProxy(endpoint)));
  });

  afterAll(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await cluster.stop();
  });

  /** A handle through the proxies, and one that nothing cuts off. */
  async function openBoth() {
    return [
      await open(`http://${proxies.map(({url}) => new URL(url).host).join(',')}`),
      await open(cluster.url),
    ] as const;
  }

  it('goes on where it was after a reconnection', async () => {
    const [cutOff, direct] = await openBoth();
    await direct.store(key, 'one');
    const watcher = eventValue(cutOff, key, utf8).watch();
    expect((await watcher.get()).value).toBe('one');
    for (const proxy of proxies) proxy.cut();
    await direct.store(key, 'two');
    expect((await watcher.get()).value).toBe('two');
    await cutOff.close();
    await direct.close();
  });

  it('waits through a partition, in which a get can be aborted, and then tells the newest state', async () => {
    const [cutOff, direct] = await openBoth();
    await direct.store(key, 'before');
    const value = eventValue(cutOff, key, utf8);
    const watcher = value.watch();
    expect((await watcher.get()).value).toBe('before');
    for (const proxy of proxies) {
      proxy.refuse();
      proxy.cut();
    }
    const early = value.watch();
    const controller = new AbortController();
    const waits = [watcher, early].map((each) => each.get({signal: controller.signal}));
    await direct.store(key, 'missed');
    await direct.store(key, 'newest');
    controller.abort();
    for (const wait of waits) await expect(wait).rejects.toMatchObject({code: 'KVI_ABORTED'});
    await Promise.all(proxies.map((proxy) => proxy.accept()));
    expect((await early.get()).value).toBe('newest');
    let seen = await watcher.get();
    while (seen.value !== 'newest') seen = await watcher.get();
    await cutOff.close();
    await direct.close();
  });

  it('goes on while a member does not answer', async () => {
    const [stopped, second] = cluster.nodes;
    const kv = await open(cluster.url);
    const direct = await open(second?.url ?? '');
    await direct.store(key, 'all');
    const watcher = eventValue(kv, key, utf8).watch();
    expect((await watcher.get()).value).toBe('all');
    stopped?.signal('SIGSTOP');
    // Its leader may be the one that was stopped: until there is another, a write is refused, or has no answer.
    for (let isWritten = false; !isWritten;) {
      isWritten = await direct.store(key, 'two of three', {timeoutMs: 2_000}).then(
        () => true,
        () => false,
      );
    }
    let seen = await watcher.get();
    while (seen.value !== 'two of three') seen = await watcher.get();
    stopped?.signal('SIGCONT');
    await kv.close();
    await direct.close();
  });
});
