import {describe, expect, it} from '@jest/globals';
import {ManualClock, MemStore} from 'kvi-mem';
import {get, nextEvents, put, bytes} from './tools.ts';

function setUp() {
  const clock = new ManualClock();
  const store = new MemStore({clock});
  return {clock, store, driver: store.driver()};
}

describe('A lease of the store in process', () => {
  it('ends when its time is over, and not before', async () => {
    const {clock, driver} = setUp();
    const {id} = await driver.leaseGrant({ttlSeconds: 10});
    await put(driver, 'k', 'v', id);
    await clock.advance(9_999);
    expect(await get(driver, 'k')).toBe('v');
    await clock.advance(1);
    expect(await get(driver, 'k')).toBeUndefined();
    await expect(driver.leaseTimeToLive({id})).rejects.toMatchObject({code: 'KVI_LEASE_NOT_FOUND'});
  });

  it('takes its keys with it in one revision and in key order, which a watch sees without anybody asking', async () => {
    const {clock, driver} = setUp();
    const watch = driver.watch({key: bytes('a'), rangeEnd: bytes('z'), filters: ['noput']});
    const {id} = await driver.leaseGrant({ttlSeconds: 5});
    for (const key of ['c', 'a', 'b']) await put(driver, key, '', id);
    await put(driver, 'd', '');
    await clock.advance(5_000);
    expect(await nextEvents(watch)).toEqual(['delete a@6', 'delete b@6', 'delete c@6']);
    await watch.return();
  });

  it('cannot be kept alive after its time, even if no timer has fired yet', async () => {
    let now = 0;
    const stalled = {
      now: () => now,
      setTimer: () => ({
        cancel: () => undefined,
        unref() {
          return this;
        },
      }),
    };
    const driver = new MemStore({clock: stalled}).driver();
    const {id} = await driver.leaseGrant({ttlSeconds: 10});
    await put(driver, 'k', 'v', id);
    now = 9_999;
    expect(await driver.leaseKeepAlive(id)).toMatchObject({ttlSeconds: 10});
    now = 19_999;
    await expect(driver.leaseKeepAlive(id)).rejects.toMatchObject({code: 'KVI_LEASE_NOT_FOUND'});
    expect(await get(driver, 'k')).toBeUndefined();
  });

  it('lives on as long as it is kept alive in time', async () => {
    const {clock, driver} = setUp();
    const {id} = await driver.leaseGrant({ttlSeconds: 3});
    const keepAlive = () => {
      void driver.leaseKeepAlive(id);
      clock.setTimer(2_000, keepAlive);
    };
    clock.setTimer(2_000, keepAlive);
    await clock.advance(60_000);
    expect(await driver.leaseTimeToLive({id})).toMatchObject({ttlSeconds: 3, grantedTtlSeconds: 3});
  });

  it('outlives the handle that it was granted to', async () => {
    const {clock, store, driver} = setUp();
    const {id} = await driver.leaseGrant({ttlSeconds: 10});
    await put(driver, 'k', 'v', id);
    await driver.close();
    const other = store.driver();
    expect(await get(other, 'k')).toBe('v');
    await clock.advance(10_000);
    expect(await get(other, 'k')).toBeUndefined();
  });

  it('is granted at least the minimum of the store', async () => {
    const driver = new MemStore({minTtlSeconds: 7}).driver();
    expect(await driver.leaseGrant({ttlSeconds: 1})).toMatchObject({ttlSeconds: 7});
    expect(await driver.leaseGrant({ttlSeconds: 8})).toMatchObject({ttlSeconds: 8});
  });

  it('may last longer than a timer can run', async () => {
    const {clock, driver} = setUp();
    const thirtyDays = 30 * 24 * 3600;
    const {id} = await driver.leaseGrant({ttlSeconds: thirtyDays});
    await put(driver, 'k', 'v', id);
    await clock.advance(thirtyDays * 1000 - 1);
    expect(await get(driver, 'k')).toBe('v');
    await clock.advance(1);
    expect(await get(driver, 'k')).toBeUndefined();
  });

  it('keeps no process alive, as an open watch does', async () => {
    const pending = () =>
      process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const before = pending();
    const driver = new MemStore().driver();
    await driver.leaseGrant({ttlSeconds: 60});
    expect(pending()).toBe(before);
    const watch = driver.watch({key: bytes('k'), progressNotify: true});
    expect(pending()).toBe(before + 1);
    await watch.return();
    expect(pending()).toBe(before);
  });
});
