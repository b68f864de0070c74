import {describe, expect, it} from '@jest/globals';
import {MemStore, openMem, openMemDriver, type OpenMemDriverOptions} from 'kvi-mem';
import {bytes, get, put, text, txnOf} from './tools.ts';

describe('A store in process', () => {
  it('is the same for every handle that a URL opens, and outlives them', async () => {
    const first = await openMemDriver('mem:orders');
    await put(first, 'k', 'v');
    await first.close();
    expect(await get(await openMemDriver('mem:orders'), 'k')).toBe('v');
    expect(await get(MemStore.named('orders').driver(), 'k')).toBe('v');
    expect(await get(await openMemDriver('mem:other'), 'k')).toBeUndefined();
    expect(await get(await openMemDriver('mem:'), 'k')).toBeUndefined();
  });

  it('may have a name with any characters, percent-encoded', async () => {
    await put(MemStore.named('a/b c').driver(), 'k', 'v');
    expect(await get(await openMemDriver('mem:a%2Fb%20c'), 'k')).toBe('v');
  });

  it.each(['mem://host', 'mem:a/b', 'mem:a?b=c', 'mem:a#b', 'mem:%', 'memory:', 'etcd://host', ''])(
    'is not what %j means, and the error says what to write',
    async (url) => {
      await expect(openMemDriver(url)).rejects.toMatchObject({
        code: 'KVI_INVALID_ARGUMENT',
        message: expect.stringContaining('"mem:NAME"'),
      });
    },
  );

  it('is apart when it is given', async () => {
    const store = new MemStore();
    await put(await openMemDriver('mem:', {store}), 'k', 'v');
    expect(await get(store.driver(), 'k')).toBe('v');
    expect(await get(await openMemDriver('mem:'), 'k')).toBeUndefined();
  });

  it('opens with one call', async () => {
    const kv = await openMem('mem:', {store: new MemStore()});
    await kv.store('k', 'v');
    expect(await kv.get('k')).toBe('v');
    await kv.close();
  });

  it('is as good as new after a reset, for the handles that were open too', async () => {
    const store = new MemStore();
    const driver = store.driver();
    const {id} = await driver.leaseGrant({ttlSeconds: 10});
    await put(driver, 'k', 'v', id);
    const watch = driver.watch({key: bytes('k')});
    store.reset();
    await expect(watch.next()).rejects.toMatchObject({code: 'KVI_COMPACTED', compactRevision: 1});
    expect(await driver.range({key: bytes('k')})).toEqual({revision: 1, kvs: [], more: false, count: 0});
    await expect(driver.leaseKeepAlive(id)).rejects.toMatchObject({code: 'KVI_LEASE_NOT_FOUND'});
    expect(await put(driver, 'k', 'v')).toBe(2);
  });

  it('is not changed by what a caller does to the bytes that it gave', async () => {
    const driver = new MemStore().driver();
    const value = bytes('v');
    await txnOf(driver, {type: 'put', key: bytes('k'), value});
    value.fill(0);
    expect(await get(driver, 'k')).toBe('v');
  });

  it.each([1, 5_000])(
    'keeps each version of a value of %d bytes apart, however often it is read',
    async (size) => {
      const driver = new MemStore().driver();
      for (const letter of ['a', 'b']) {
        await txnOf(driver, {type: 'put', key: bytes('k'), value: bytes(letter.repeat(size))});
        for (let reads = 0; reads < 2; reads += 1) expect(await get(driver, 'k')).toBe(letter.repeat(size));
      }
      const {kvs} = await driver.range({key: bytes('k'), revision: 2});
      expect(String(kvs[0]?.value)).toBe('a'.repeat(size));
    },
  );

  it('loses no change to a watch that resyncs after a reset, though revisions begin anew', async () => {
    const store = new MemStore();
    await using kv = await openMem('mem:', {store});
    for (let i = 0; i < 5; i += 1) await kv.store('a', String(i));
    await using changes = kv.changes('a', {onCompacted: 'resync'});
    await changes.created;
    await kv.store('a', 'old');
    expect((await changes.next()).value).toMatchObject({events: [{type: 'put', value: 'old'}]});
    store.reset();
    await kv.store('a', 'new');
    expect((await changes.next()).value).toMatchObject({resync: true, events: [{type: 'put', value: 'new'}]});
  });

  it.each([{maxBufferedEvents: 0}, {maxBuffered: 1}, {store: 5}])(
    'is not opened with %j',
    async (options) => {
      const opening = openMemDriver('mem:', options as unknown as OpenMemDriverOptions);
      await expect(opening).rejects.toMatchObject({code: 'KVI_INVALID_ARGUMENT'});
    },
  );

  it.each([5, null, 'store', {}])('is not %j', async (store) => {
    await expect(openMemDriver('mem:', {store} as never)).rejects.toMatchObject({
      code: 'KVI_INVALID_ARGUMENT',
      message: expect.stringContaining('MemStore'),
    });
    expect(() => new MemStore().driver({faults: store} as never)).toThrow(
      expect.objectContaining({
        code: 'KVI_INVALID_ARGUMENT',
        message: expect.stringContaining('Faults'),
      }),
    );
  });

  it('orders keys by their bytes, where the order of JavaScript strings differs', async () => {
    const driver = new MemStore().driver();
    const keys = ['\u{10000}', '\uffff', 'é', 'z'];
    for (const key of keys) await put(driver, key, '');
    const {kvs} = await driver.range({key: bytes('\0'), rangeEnd: bytes('\0')});
    expect(kvs.map((kv) => text(kv.key))).toEqual(['z', 'é', '\uffff', '\u{10000}']);
  });

  it('applies nothing when a call is closed or aborted before', async () => {
    const store = new MemStore();
    const driver = store.driver();
    const success = [{type: 'put' as const, key: bytes('k'), value: bytes('v')}];
    const aborted = driver.txn({success}, {signal: AbortSignal.abort('enough')});
    await expect(aborted).rejects.toMatchObject({code: 'KVI_ABORTED', cause: 'enough'});
    await driver.close();
    await driver.close();
    await expect(driver.txn({success})).rejects.toMatchObject({code: 'KVI_CLOSED'});
    expect((await store.driver().range({key: bytes('k')})).revision).toBe(1);
  });

  it.each([{historyLimit: 0}, {historyLimit: 1.5}, {minTtlSeconds: 0}, {progressIntervalMs: -1}])(
    'refuses the option %j',
    (options) => {
      expect(() => new MemStore(options)).toThrow(expect.objectContaining({code: 'KVI_INVALID_ARGUMENT'}));
    },
  );
});
