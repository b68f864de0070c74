import {expect, it} from '@jest/globals';
import {describeWithEtcd, startEtcd, startGrpcProxy} from 'kvi-testbed';
import {openEtcd, openEtcdDriver} from '../src/index.ts';
import {bytes, put, take, until, untilLeaseExpired} from './support/util.ts';

describeWithEtcd("etcd's own proxy", () => {
  it('serves watches, each its own events', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startGrpcProxy(etcd.endpoint);
    const driver = await openEtcdDriver(proxy.url);
    const keys = Array.from({length: 20}, (_, index) => `k${index % 10}`);
    const watches = keys.map((key) => driver.watch({key: bytes(key)}));
    await Promise.all(watches.map(({created}) => created));
    for (let index = 0; index < 10; index += 1) await driver.txn(put(`k${index}`, String(index)));
    const events = await Promise.all(watches.map((watch) => take(watch, 1)));
    expect(events.map(([event]) => String(event?.kv.key))).toEqual(keys);
    await driver.close();
  });

  it('serves locks, which are lost when their key is deleted', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startGrpcProxy(etcd.endpoint);
    const [kv, direct] = [await openEtcd(proxy.url), await openEtcd(etcd.url)];
    const driver = await openEtcdDriver(etcd.url);
    const lock = await kv.distLock('nightly', {ttlSeconds: 2});
    const next = direct.distLock('nightly');
    await untilLeaseExpired(driver, 'time', 3);
    expect(lock.isHeld()).toBe(true);
    await direct.delete(lock.key);
    const other = await next;
    await until(() => !lock.isHeld());
    expect(lock.signal.reason).toMatchObject({code: 'KVI_LOCK_LOST'});
    await other.release();
    const waiting = await direct.distLock('second');
    const second = kv.distLock('second');
    await waiting.release();
    await (await second).release();
    await Promise.all([kv.close(), direct.close(), driver.close()]);
  });
});
