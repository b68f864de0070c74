import {describe, expect, it} from '@jest/globals';
import {MemStore} from 'kvi-mem';
import {bytes, get, next, nextEvents, put, txnOf} from './tools.ts';

describe('The history of a store in process', () => {
  it('keeps the latest revisions up to its limit, and forgets older ones', async () => {
    const driver = new MemStore({historyLimit: 10}).driver();
    for (let revision = 2; revision <= 50; revision += 1) await put(driver, 'k', String(revision));
    expect(await get(driver, 'k', 41)).toBe('41');
    await expect(get(driver, 'k', 40)).rejects.toMatchObject({
      code: 'KVI_COMPACTED',
      message: expect.stringContaining('up to 41'),
    });
  });

  it('never exceeds its limit by more than a sixteenth', async () => {
    const driver = new MemStore({historyLimit: 160}).driver();
    for (let revision = 2; revision <= 1000; revision += 1) {
      await put(driver, `k${String(revision % 7)}`, '');
      const oldest = Math.max(1, revision - 159);
      await expect(driver.range({key: bytes('k'), revision: oldest})).resolves.toBeDefined();
      if (revision > 171)
        await expect(get(driver, 'k', revision - 170)).rejects.toMatchObject({code: 'KVI_COMPACTED'});
    }
  });

  it('keeps keys that have not changed for longer', async () => {
    const driver = new MemStore({historyLimit: 5}).driver();
    await put(driver, 'old', 'kept');
    await put(driver, 'gone', '');
    await txnOf(driver, {type: 'deleteRange', key: bytes('gone')});
    for (let i = 0; i < 100; i += 1) await put(driver, 'k', '');
    const {kvs} = await driver.range({key: bytes('old')});
    expect(kvs[0]).toMatchObject({createRevision: 2, modRevision: 2, version: 1});
    expect(await get(driver, 'gone')).toBeUndefined();
  });

  it('ends no watch that has caught up, however much is forgotten', async () => {
    const driver = new MemStore({historyLimit: 2}).driver();
    const watch = driver.watch({key: bytes('k')});
    for (let i = 0; i < 50; i += 1) await put(driver, 'other', '');
    await put(driver, 'k', 'v');
    expect(await nextEvents(watch)).toEqual(['put k=v@52']);
    await watch.return();
  });

  it('can be compacted by hand, up to a deletion, which a watch from there still sees', async () => {
    const driver = new MemStore().driver();
    await put(driver, 'k', 'v');
    await txnOf(driver, {type: 'deleteRange', key: bytes('k')});
    await driver.compact({revision: 3});
    const watch = driver.watch({key: bytes('k'), startRevision: 3, prevKv: true});
    const {events} = await next(watch);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      type: 'delete',
      kv: {modRevision: 3, version: 0, createRevision: 0},
    });
    expect(events[0]).not.toHaveProperty('prevKv');
    await watch.return();
  });
});
