import {describe, expect, it} from '@jest/globals';
import type {Driver} from 'kvi-core/driver';
import {ManualClock, type MemSnapshot, MemStore, openMem} from 'kvi-mem';
import {bytes, cost, get, next, nextEvents, put, txnOf} from './tools.ts';

const all = {key: bytes('\0'), rangeEnd: bytes('\0')};

/** All that a handle can tell of a store. */
async function everything(driver: Driver) {
  const {leases} = await driver.leaseLeases();
  return {
    present: await driver.range(all),
    before: await driver.range({...all, revision: 3}),
    leases: await Promise.all(leases.map((id) => driver.leaseTimeToLive({id, keys: true}))),
    events: await nextEvents(driver.watch({...all, startRevision: 2})),
  };
}

async function seed(driver: Driver): Promise<void> {
  await driver.leaseGrant({id: 'a', ttlSeconds: 10});
  await put(driver, 'kept', '1', 'a');
  await put(driver, 'kept', '2', 'a');
  await put(driver, 'deleted', '');
  await txnOf(driver, {type: 'deleteRange', key: bytes('deleted')});
}

/** Changes everything that {@link seed} left. */
async function spoil(driver: Driver): Promise<void> {
  await put(driver, 'kept', 'changed');
  await put(driver, 'deleted', 'there again', 'a');
  await driver.leaseKeepAlive('a');
  await driver.leaseGrant({id: 'b', ttlSeconds: 10});
  await driver.compact({revision: 4});
  for (let i = 0; i < 300; i += 1) await put(driver, `new/${String(i)}`, '', 'b');
}

describe('A snapshot of a store', () => {
  it('brings back keys, history, revisions and leases, as often as it is restored', async () => {
    const store = new MemStore({clock: new ManualClock()});
    const driver = store.driver();
    await seed(driver);
    const before = await everything(driver);
    const snapshot = store.snapshot();
    expect(snapshot.revision).toBe(5);
    expect(await everything(driver)).toEqual(before);
    for (let round = 0; round < 3; round += 1) {
      await spoil(driver);
      store.restore(snapshot);
      expect(await everything(driver)).toEqual(before);
    }
    expect(await put(driver, 'next', '')).toBe(6);
  });

  it('is changed neither by its store nor by another one that it was restored into', async () => {
    const origin = new MemStore({clock: new ManualClock()});
    await seed(origin.driver());
    const expected = await everything(origin.driver());
    const snapshot = origin.snapshot();
    const others = [new MemStore({clock: new ManualClock()}), new MemStore({clock: new ManualClock()})];
    const [first, second] = others.map((other) => {
      other.restore(snapshot);
      return other.driver();
    });
    if (!first || !second) throw new Error('there are two');
    await spoil(origin.driver());
    await spoil(first);
    expect(await everything(second)).toEqual(expected);
    origin.restore(snapshot);
    expect(await everything(origin.driver())).toEqual(expected);
  });

  it('can be taken of what was restored and changed, and both can be restored', async () => {
    const store = new MemStore();
    const driver = store.driver();
    await put(driver, 'k', 'one');
    const one = store.snapshot();
    store.restore(one);
    await put(driver, 'k', 'two');
    const two = store.snapshot();
    await put(driver, 'k', 'three');
    store.restore(one);
    expect(store.dump()).toEqual({k: 'one'});
    store.restore(two);
    expect(store.dump()).toEqual({k: 'two'});
    expect(await get(driver, 'k', 2)).toBe('one');
  });

  it('remembers what was compacted', async () => {
    const store = new MemStore();
    const driver = store.driver();
    for (const value of ['2', '3', '4']) await put(driver, 'k', value);
    await driver.compact({revision: 3});
    const snapshot = store.snapshot();
    store.reset();
    store.restore(snapshot);
    await expect(get(driver, 'k', 2)).rejects.toMatchObject({
      code: 'KVI_COMPACTED',
      message: expect.stringContaining('up to 3'),
    });
    expect(await get(driver, 'k', 3)).toBe('3');
  });

  it('gives each lease the time that it had left, and lets it end then', async () => {
    const clock = new ManualClock();
    const store = new MemStore({clock});
    const driver = store.driver();
    const {id} = await driver.leaseGrant({ttlSeconds: 10});
    await put(driver, 'k', 'v', id);
    await clock.advance(4_000);
    const snapshot = store.snapshot();
    await clock.advance(60_000);
    expect(await get(driver, 'k')).toBeUndefined();

    store.restore(snapshot);
    expect(await driver.leaseTimeToLive({id})).toMatchObject({ttlSeconds: 6, grantedTtlSeconds: 10});
    const watch = driver.watch({key: bytes('k')});
    await clock.advance(5_999);
    expect(await get(driver, 'k')).toBe('v');
    await clock.advance(1);
    expect(await nextEvents(watch)).toEqual(['delete k@3']);
    await watch.return();
  });

  it('has no lease that was over when it was taken', async () => {
    let now = 0;
    const timer = {cancel: () => undefined, unref: () => timer};
    const store = new MemStore({clock: {now: () => now, setTimer: () => timer}});
    const driver = store.driver();
    const {id} = await driver.leaseGrant({ttlSeconds: 10});
    await put(driver, 'k', 'v', id);
    now = 10_000;
    store.restore(store.snapshot());
    expect(store.dump()).toEqual({});
  });

  it('ends the watches that were open, with the revision from which the store can be read', async () => {
    const store = new MemStore();
    const driver = store.driver();
    await put(driver, 'k', 'v');
    const snapshot = store.snapshot();
    const watch = driver.watch({key: bytes('k')});
    await put(driver, 'k', 'seen');
    store.restore(snapshot);
    expect(await next(watch)).toMatchObject({revision: 3});
    await expect(watch.next()).rejects.toMatchObject({code: 'KVI_COMPACTED', compactRevision: 1});
    expect(store.watchCount).toBe(0);
  });

  it('is seen by a watch that resyncs, also where revisions have caught up with what it saw', async () => {
    const store = new MemStore();
    await using kv = await openMem('mem:', {store});
    await kv.store('k', 'seeded');
    const snapshot = store.snapshot();
    await using changes = kv.changes('k', {onCompacted: 'resync'});
    await changes.created;
    await kv.store('k', 'later');
    expect((await changes.next()).value).toMatchObject({revision: 3, events: [{value: 'later'}]});
    store.restore(snapshot);
    await kv.store('other', '');
    expect((await changes.next()).value).toMatchObject({
      revision: 3,
      resync: true,
      events: [{type: 'put', value: 'seeded'}],
    });
  });

  it('keeps a lock that was held then, and takes away one that was not', async () => {
    const clock = new ManualClock();
    const store = new MemStore({clock});
    await using kv = await openMem('mem:', {store});
    await using held = await kv.distLock('held', {ttlSeconds: 10});
    const snapshot = store.snapshot();
    const taken = await kv.distLock('taken', {ttlSeconds: 10});
    await clock.advance(60_000);
    store.restore(snapshot);
    await clock.advance(60_000);
    expect(held.signal.aborted).toBe(false);
    expect(taken.signal.reason).toMatchObject({code: 'KVI_LOCK_LOST'});
  });

  it('is taken and restored at a cost that does not depend on the size of the store', async () => {
    async function costAt(size: number): Promise<number> {
      const store = new MemStore();
      const driver = store.driver();
      const {id} = await driver.leaseGrant({ttlSeconds: 600});
      for (let first = 0; first < size; first += 100) {
        const ops = Array.from({length: 100}, (_, i) => ({
          type: 'put' as const,
          key: bytes(`key/${String(first + i)}`),
          value: bytes('v'),
          lease: i % 2 ? id : undefined,
        }));
        await txnOf(driver, ...ops);
      }
      const snapshot = store.snapshot();
      const rounds = await cost(async () => {
        for (let round = 0; round < 1_000; round += 1) {
          store.restore(snapshot);
          store.snapshot();
          await put(driver, 'key/5', 'changed');
        }
      });
      store.restore(snapshot);
      expect(await get(driver, 'key/5')).toBe('v');
      return rounds;
    }
    const small = await costAt(100);
    // Copying the entries of a map of 200,000 makes it hundreds of times as much.
    expect(await costAt(200_000)).toBeLessThan(10 * small);
  });

  it.each([undefined, {}, {revision: 1}])('is not %j', (snapshot) => {
    expect(() => {
      new MemStore().restore(snapshot as MemSnapshot);
    }).toThrow(expect.objectContaining({code: 'KVI_INVALID_ARGUMENT'}));
  });
});
