import {describe, expect, it} from '@jest/globals';
import {MemStore} from 'kvi-mem';
import {HandClock} from './hand-clock.ts';
import {bytes, next, nextEvents, put, txnOf} from './tools.ts';

const everything = {key: bytes('\0'), rangeEnd: bytes('\0')};

function setUp() {
  const clock = new HandClock();
  return {clock, driver: new MemStore({clock}).driver()};
}

describe('Progress notifications', () => {
  it('come once in an interval, to each watch that asked for them and had no events in it', async () => {
    const {clock, driver} = setUp();
    const plain = driver.watch({key: bytes('k')});
    expect(clock.pending).toBe(0);
    const quiet = driver.watch({key: bytes('other'), progressNotify: true});
    const busy = driver.watch({key: bytes('k'), progressNotify: true});
    expect(clock.pending).toBe(1);
    clock.fire();
    expect(clock.pending).toBe(1);
    expect(await next(quiet)).toEqual({revision: 1, events: []});
    expect(await next(busy)).toEqual({revision: 1, events: []});
    await put(driver, 'k', 'v');
    clock.fire();
    await put(driver, 'k', 'w');
    expect(await next(quiet)).toEqual({revision: 2, events: []});
    for (const watch of [plain, busy]) {
      expect(await nextEvents(watch)).toEqual(['put k=v@2']);
      expect(await nextEvents(watch)).toEqual(['put k=w@3']);
    }
    await Promise.all([plain, quiet].map((watch) => watch.return()));
    expect(clock.pending).toBe(1);
    await busy.return();
    expect(clock.pending).toBe(0);
  });

  it('do not come to a watch that starts later, nor to one that catches up', async () => {
    const {clock, driver} = setUp();
    for (let i = 2; i <= 1500; i += 1) await put(driver, i === 1500 ? 'last' : 'k', '');
    const later = driver.watch({key: bytes('k'), startRevision: 1502, progressNotify: true});
    const behind = driver.watch({key: bytes('last'), startRevision: 2, progressNotify: true});
    clock.fire();
    clock.fire();
    expect(await nextEvents(behind)).toEqual(['put last=@1500']);
    await put(driver, 'k', 'before');
    await put(driver, 'k', 'v');
    expect(await nextEvents(later)).toEqual(['put k=v@1502']);
    await Promise.all([later.return(), behind.return()]);
  });
});

describe('A watch that starts in the past', () => {
  it('is sent whole revisions, and how far each response goes', async () => {
    const {driver} = setUp();
    const keys = ['a', 'b', 'c'];
    for (let n = 0; n < 700; n += 1) {
      await txnOf(driver, ...keys.map((key) => ({type: 'put' as const, key: bytes(key), value: bytes('')})));
    }
    const watch = driver.watch({...everything, startRevision: 2});
    let reached = 1;
    while (reached < 701) {
      const {revision, events} = await next(watch);
      const revisions = events.map(({kv}) => kv.modRevision);
      expect(revisions).toEqual(
        Array.from({length: 3 * (revision - reached)}, (_, n) => reached + 1 + Math.floor(n / 3)),
      );
      reached = revision;
    }
    await watch.return();
  });

  it('leaves no timer behind if its past is compacted', async () => {
    const {clock, driver} = setUp();
    for (const value of ['2', '3', '4']) await put(driver, 'k', value);
    await driver.compact({revision: 3});
    const watch = driver.watch({key: bytes('k'), startRevision: 2, progressNotify: true});
    await expect(watch.next()).rejects.toMatchObject({code: 'KVI_COMPACTED'});
    expect(clock.pending).toBe(0);
  });

  it('gives no response for a past in which nothing happened to its keys', async () => {
    const {driver} = setUp();
    await put(driver, 'other', '');
    const watch = driver.watch({key: bytes('k'), startRevision: 2});
    await put(driver, 'k', 'v');
    expect(await nextEvents(watch)).toEqual(['put k=v@3']);
    await watch.return();
  });

  it('has caught up as soon as it is returned when its past is short, and needs no history from then on', async () => {
    const driver = new MemStore({historyLimit: 2}).driver();
    await put(driver, 'k', 'v');
    const watch = driver.watch({...everything, startRevision: 2});
    for (let i = 0; i < 50; i += 1) await put(driver, 'k', String(i));
    expect(await nextEvents(watch)).toEqual(['put k=v@2']);
    for (let i = 0; i < 50; i += 1) {
      expect(await nextEvents(watch)).toEqual([`put k=${String(i)}@${String(i + 3)}`]);
    }
    await watch.return();
  });

  it('knows what a key held before, unless that is compacted', async () => {
    const {driver} = setUp();
    for (const value of ['2', '3', '4']) await put(driver, 'k', value);
    await driver.compact({revision: 3});
    const watch = driver.watch({key: bytes('k'), startRevision: 3, prevKv: true});
    const {events} = await next(watch);
    expect(events.map(({prevKv}) => prevKv?.value)).toEqual([undefined, bytes('3')]);
    await watch.return();
  });
});
