import {expect, it} from '@jest/globals';
import type {Driver, DriverWatch} from 'kvi-core/driver';
import {describeWithEtcd, type Etcd, startEtcd, startProxy} from 'kvi-testbed';
import {openEtcd, openEtcdDriver} from '../src/index.ts';
import {bytes, failure, put, take, untilAvailable} from './support/util.ts';

/** How an operator brings an etcd back; each gets the snapshot that was taken before the writes. */
const returns: [string, (etcd: Etcd, snapshot: string) => Promise<void>][] = [
  ['restored from a snapshot', (etcd, snapshot) => etcd.restartFrom(snapshot)],
  ['wiped', (etcd) => etcd.restartFrom(undefined)],
];

describeWithEtcd('a store that comes back', () => {
  it.each(returns)('%s ends the watches that cannot go on', async (_, comeBack) => {
    await using etcd = await startEtcd();
    const snapshot = await etcd.snapshot();
    const driver = await openEtcdDriver(etcd.url);
    const watches = ['k', 'quiet'].map((key) => driver.watch({key: bytes(key)}));
    const first = driver.watch({key: bytes('k'), startRevision: 1});
    for (const watch of watches) await watch.created;
    await writeAndTake(driver, first, 50);
    await comeBack(etcd, snapshot);
    await untilAvailable(() => driver.txn(put('k')));
    const [busy, quiet] = watches;
    if (busy === undefined || quiet === undefined) throw new Error('two watches');
    expect(await take(busy, 50)).toHaveLength(50);
    for (const watch of [first, busy]) {
      expect(await failure(watch.next())).toMatchObject({
        code: 'KVI_COMPACTED',
        message: expect.stringContaining('wiped or restored'),
      });
    }
    expect(await failure(quiet.next())).toMatchObject({code: 'KVI_COMPACTED'});
    const anew = driver.watch({key: bytes('k')});
    await anew.created;
    await driver.txn(put('k', 'anew'));
    expect(await take(anew, 1)).toHaveLength(1);
    await driver.close();
  });

  it.each(returns)('%s is reported as it is now to who asked for a resync', async (_, comeBack) => {
    await using etcd = await startEtcd();
    const snapshot = await etcd.snapshot();
    const kv = await openEtcd(etcd.url);
    const changes = kv.changes({prefix: 'k'}, {onCompacted: 'resync'});
    await changes.created;
    for (let index = 0; index < 50; index += 1) {
      await kv.store(`k${index}`, 'before');
      await changes.next();
    }
    await comeBack(etcd, snapshot);
    await kv.store('k0', 'after');
    const {value} = await changes.next();
    expect(value?.resync).toBe(true);
    const puts = value?.events.filter(({type}) => type === 'put').map(({key}) => key);
    expect([[], ['k0']]).toContainEqual(puts);
    expect(value?.events.filter(({type}) => type === 'delete').length).toBeGreaterThanOrEqual(49);
    await kv.close();
  });

  it.each(returns)('%s has no lock and no temporary key of before', async (_, comeBack) => {
    await using etcd = await startEtcd();
    const snapshot = await etcd.snapshot();
    const kv = await openEtcd(etcd.url);
    const lock = await kv.distLock('nightly', {ttlSeconds: 60});
    const key = await kv.tempKey('workers/a', {value: 'up', ttlSeconds: 60});
    const lost = new Promise((resolve) => lock.signal.addEventListener('abort', resolve, {once: true}));
    await comeBack(etcd, snapshot);
    await lost;
    expect(lock.isHeld()).toBe(false);
    expect(lock.signal.reason).toMatchObject({code: 'KVI_LOCK_LOST'});
    expect(await failure(lock.release())).toMatchObject({code: 'KVI_LOCK_LOST'});
    await (await kv.distLock('nightly')).release();
    while ((await kv.get('workers/a')) !== 'up') continue;
    expect(key.signal.aborted).toBe(false);
    await kv.close();
  });
});

describeWithEtcd('a connection that is cut', () => {
  it('ends no watch of a store that has its history', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd.endpoint);
    const [driver, direct] = [await openEtcdDriver(proxy.url), await openEtcdDriver(etcd.url)];
    const watch = driver.watch({key: bytes('k')});
    const first = await watch.created;
    await writeAndTake(driver, watch, 3);
    proxy.cut();
    await direct.txn(put('k'));
    expect((await take(watch, 1)).map(({kv}) => kv.modRevision)).toEqual([first + 3]);
    await Promise.all([driver.close(), direct.close()]);
  });
});

async function writeAndTake(driver: Driver, watch: DriverWatch, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await driver.txn(put('k'));
  await take(watch, count);
}
