import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {createKvi, type Kvi} from 'kvi-core';
import {openEtcdDriver} from 'kvi-etcd';
import {describeWithEtcd, type Direction, type Etcd, type Proxy, startEtcd, startProxy} from 'kvi-testbed';

describeWithEtcd('tas on an etcd whose answers are cut off', () => {
  let etcd: Etcd;
  let proxy: Proxy;
  let operator: Kvi;
  beforeAll(async () => {
    etcd = await startEtcd();
    proxy = await startProxy(etcd.endpoint);
    operator = createKvi(await openEtcdDriver(etcd.url));
  });
  afterAll(async () => {
    await operator.close();
    await proxy.close();
    await etcd.stop();
  });

  /** Calls `tas` while everything in one direction is lost, and cuts the connection when `isOnItsWay`. */
  async function tasWithoutAnswer(
    kv: Kvi,
    [test, value]: readonly [string, string],
    lost: Direction,
    isOnItsWay: () => Promise<boolean>,
  ): Promise<boolean> {
    proxy.swallow(lost);
    const setting = kv.tas('k', test, value);
    while (!(await isOnItsWay())) await new Promise((resolve) => setTimeout(resolve, 1));
    proxy.cut();
    proxy.swallow();
    return setting;
  }

  it('with onUnknownOutcome resolve tells the truth 20 times of 20, of writes that were applied and of writes that were not', async () => {
    const kv = createKvi(await openEtcdDriver(proxy.url), {onUnknownOutcome: 'resolve', timeoutMs: 20_000});
    await kv.store('k', '0');
    const results: boolean[] = [];
    for (let i = 0; i < 20; i += 1) {
      const step = [String(i), String(i + 1)] as const;
      const sent = proxy.bytes.toServer;
      results.push(
        i % 2 === 0
          ? await tasWithoutAnswer(kv, step, 'toClient', async () => (await operator.get('k')) === step[1])
          : await tasWithoutAnswer(kv, step, 'toServer', () => Promise.resolve(proxy.bytes.toServer > sent)),
      );
      expect(await operator.get('k')).toBe(step[1]);
    }
    expect(results).toEqual(Array.from({length: 20}, () => true));
    expect((await operator.getRange('k'))[0]?.version).toBe(21);
    await kv.close();
    expect(await operator.getRange({prefix: 'kvi/guard/'})).toEqual([]);
  }, 60_000);

  it('says that it does not know, by default, and has applied the write at most once', async () => {
    const kv = createKvi(await openEtcdDriver(proxy.url), {timeoutMs: 20_000});
    await kv.store('k', 'a');
    const setting = tasWithoutAnswer(
      kv,
      ['a', 'b'],
      'toClient',
      async () => (await operator.get('k')) === 'b',
    );
    await expect(setting).rejects.toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
    expect(await operator.get('k')).toBe('b');
    await kv.close();
  });
});
