import {describe, expect, it} from '@jest/globals';
import {ManualClock, MemStore, openMem} from 'kvi-mem';
import {bytes, put, txnOf} from './tools.ts';

describe('The dump of a store', () => {
  it('shows what is there now, in the order of keys', async () => {
    const store = new MemStore();
    const driver = store.driver();
    for (const key of ['b', 'gone', 'a/2', 'a/1']) await put(driver, key, `value of ${key}`);
    await put(driver, 'b', '');
    await txnOf(driver, {type: 'deleteRange', key: bytes('gone')});
    expect(store.dump()).toEqual({'a/1': 'value of a/1', 'a/2': 'value of a/2', b: ''});
    expect(Object.keys(store.dump())).toEqual(['a/1', 'a/2', 'b']);
    expect(store.dump({prefix: 'a/'})).toEqual({'a/1': 'value of a/1', 'a/2': 'value of a/2'});
    expect(new MemStore().dump()).toEqual({});
  });

  it('shows leases by number and revisions, when details are asked for', async () => {
    const store = new MemStore({clock: new ManualClock()});
    await using kv = await openMem('mem:', {store});
    await kv.store('plain', '1');
    await kv.store('plain', '2');
    await using lock = await kv.distLock('nightly');
    await using key = await kv.tempKey('workers/a', {value: 'up'});
    expect(store.dump({details: true})).toEqual({
      'nightly/<lease 1>': {value: '', createRevision: 4, modRevision: 4, version: 1, lease: '<lease 1>'},
      plain: {value: '2', createRevision: 2, modRevision: 3, version: 2},
      'workers/a': {value: 'up', createRevision: 5, modRevision: 5, version: 1, lease: '<lease 2>'},
    });
    await key.close();
    expect(store.dump()).toEqual({'nightly/<lease 1>': '', plain: '2'});
    await lock.release();
  });

  it('shows no key of a lease whose time is over', async () => {
    let now = 0;
    const timer = {cancel: () => undefined, unref: () => timer};
    const store = new MemStore({clock: {now: () => now, setTimer: () => timer}});
    const driver = store.driver();
    const {id} = await driver.leaseGrant({ttlSeconds: 10});
    await put(driver, 'k', 'v', id);
    now = 10_000;
    expect(store.dump()).toEqual({});
  });

  it.each([
    ['text', bytes('Käse\t“ok”\r\n𝄞 \\n {"a": "b\\\\c"}'), 'Käse\t“ok”\r\n𝄞 \\n {"a": "b\\\\c"}'],
    ['bytes that are not UTF-8', Buffer.from([0x61, 0xff, 0x5c, 0x62]), 'a\\xff\\\\b'],
    ['control characters', Buffer.from('a\0é'), 'a\\x00\\xc3\\xa9'],
    ['text that looks like an escaped byte', bytes('a\\x00'), 'a\\\\x00'],
  ])('shows %s so that nothing else reads the same', async (_what, raw, shown) => {
    const store = new MemStore();
    await txnOf(store.driver(), {type: 'put', key: raw, value: raw});
    expect(store.dump()).toEqual({[shown]: shown});
  });

  it('shows every key, whatever its name', async () => {
    const store = new MemStore();
    for (const key of ['__proto__', 'constructor', '1']) await put(store.driver(), key, key);
    expect(Object.entries(store.dump())).toEqual([
      ['1', '1'],
      ['__proto__', '__proto__'],
      ['constructor', 'constructor'],
    ]);
  });
});

describe('A store with a name', () => {
  it('can be given a clock before it is opened, and has all that any store has', async () => {
    const clock = new ManualClock();
    const store = MemStore.named('timed', {clock});
    await using kv = await openMem('mem:timed');
    await kv.store('k', 'v');
    const snapshot = store.snapshot();
    store.reset();
    store.restore(snapshot);
    expect(MemStore.named('timed').dump()).toEqual({k: 'v'});
    const {id} = await store.driver().leaseGrant({ttlSeconds: 5});
    await clock.advance(5_000);
    await expect(store.driver().leaseKeepAlive(id)).rejects.toMatchObject({code: 'KVI_LEASE_NOT_FOUND'});
  });

  it('cannot be given options when it is there already', () => {
    MemStore.named('there');
    expect(() => MemStore.named('there', {historyLimit: 5})).toThrow(
      expect.objectContaining({code: 'KVI_INVALID_ARGUMENT'}),
    );
  });
});
