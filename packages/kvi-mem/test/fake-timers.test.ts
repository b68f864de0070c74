import {afterEach, beforeEach, describe, expect, it, jest} from '@jest/globals';
import {MemStore, openMem} from 'kvi-mem';
import {bytes, get, nextEvents, put} from './tools.ts';

async function openTwo() {
  const store = new MemStore();
  return {store, north: await openMem('mem:', {store}), south: await openMem('mem:', {store})};
}

describe("With jest's fake timers", () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('a lease expires when time is advanced, and a watch is told', async () => {
    const driver = new MemStore().driver();
    const {id} = await driver.leaseGrant({ttlSeconds: 10});
    await put(driver, 'k', 'v', id);
    const watch = driver.watch({key: bytes('k')});
    jest.advanceTimersByTime(9_999);
    expect(await get(driver, 'k')).toBe('v');
    jest.advanceTimersByTime(1);
    expect(await nextEvents(watch)).toEqual(['delete k@3']);
    await watch.return();
  });

  it('a temporary key is kept for hours, and goes when it is closed', async () => {
    const {store, north} = await openTwo();
    await using key = await north.tempKey('workers/a', {value: 'up', ttlSeconds: 10});
    await jest.advanceTimersByTimeAsync(2 * 3600 * 1000);
    expect(store.dump()).toEqual({'workers/a': 'up'});
    await key.close();
    expect(store.dump()).toEqual({});
    await north.close();
  });

  it('a lock is held for as long as its holder lives, and its loss is told at once', async () => {
    const {store, north, south} = await openTwo();
    const lock = await north.distLock('nightly', {ttlSeconds: 10});
    await jest.advanceTimersByTimeAsync(60_000);
    expect(lock.signal.aborted).toBe(false);

    const driver = store.driver();
    const {leases} = await driver.leaseLeases();
    for (const id of leases) await driver.leaseRevoke(id);
    await jest.advanceTimersByTimeAsync(0);
    expect(lock.signal.aborted).toBe(true);
    await using other = await south.distTimedLock(0, 'nightly');
    expect(other.token).toBeGreaterThan(lock.token);
    await Promise.all([north.close(), south.close()]);
  });

  it('a wait for a lock times out', async () => {
    const {north, south} = await openTwo();
    await using lock = await north.distLock('nightly');
    const waiting = south.distTimedLock(30, 'nightly').then(
      () => 'taken',
      (error: unknown) => error,
    );
    await jest.advanceTimersByTimeAsync(29_999);
    await expect(Promise.race([waiting, Promise.resolve('waits')])).resolves.toBe('waits');
    await jest.advanceTimersByTimeAsync(1);
    expect(await waiting).toMatchObject({code: 'KVI_TIMEOUT'});
    expect(lock.signal.aborted).toBe(false);
  });

  it('watches work as ever, from the past and with a callback', async () => {
    const {north, south} = await openTwo();
    for (let i = 0; i < 3_000; i += 1) await north.store('k', String(i));
    await using changes = south.changes('k', {startRevision: 2});
    let count = 0;
    for await (const {events} of changes) {
      count += events.length;
      if (count === 3_000) break;
    }

    const first = south.watch('k');
    const told = new Promise<string>((resolve) => {
      void south.watchWithCB('k', 'put', (_key, value) => {
        resolve(value);
        return false;
      });
    });
    await north.store('k', 'new');
    expect(await first).toMatchObject({type: 'put', value: 'new'});
    expect(await told).toBe('new');
    await Promise.all([north.close(), south.close()]);
  });

  it('a call on a handle that is closed meanwhile ends', async () => {
    const {north} = await openTwo();
    const watching = north.watch('k');
    await Promise.all([
      expect(watching).rejects.toMatchObject({code: 'KVI_CLOSED'}),
      jest.advanceTimersByTimeAsync(1).then(() => north.close()),
    ]);
  });
});

describe("When jest's fake timers begin or end while a store is in use", () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('no time is lost or gained: what is left of a lease stays left', async () => {
    const driver = new MemStore().driver();
    const {id} = await driver.leaseGrant({ttlSeconds: 10});
    const secondsLeft = async () => (await driver.leaseTimeToLive({id})).ttlSeconds;
    jest.useFakeTimers();
    expect([9, 10]).toContain(await secondsLeft());
    jest.advanceTimersByTime(3_000);
    expect([6, 7]).toContain(await secondsLeft());
    jest.useFakeTimers(); // begins at 0 once more
    expect([6, 7]).toContain(await secondsLeft());
    jest.useRealTimers();
    expect([6, 7]).toContain(await secondsLeft());
  });

  it('a store that was made before counts leases that are granted then by the fake time', async () => {
    const {store, north} = await openTwo();
    jest.useFakeTimers();
    const key = await north.tempKey('workers/a', {ttlSeconds: 10});
    await jest.advanceTimersByTimeAsync(60_000);
    expect(Object.keys(store.dump())).toEqual(['workers/a']);
    await key.close();
    await north.close();
  });

  it('a lease that is granted afterwards expires, though another one lost its timer', async () => {
    jest.useFakeTimers();
    const driver = new MemStore().driver();
    await driver.leaseGrant({ttlSeconds: 2});
    jest.useFakeTimers(); // drops what was set
    const {id} = await driver.leaseGrant({ttlSeconds: 5});
    await put(driver, 'k', 'v', id);
    const watch = driver.watch({key: bytes('k')});
    jest.advanceTimersByTime(5_000);
    expect(await nextEvents(watch)).toEqual(['delete k@3']);
    await watch.return();
  });
});
