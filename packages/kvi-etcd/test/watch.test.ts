import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {type Bytes, type Driver, prefixEnd, type WatchResponse} from 'kvi-core/driver';
import {describeWithEtcd, startEtcd, startProxy, type Etcd, type Proxy} from 'kvi-testbed';
import {openEtcd, openEtcdDriver} from '../src/index.ts';
import {bytes, failure, put, recordDiagnostics, take, text} from './support/util.ts';

describeWithEtcd('watches', () => {
  let etcd: Etcd;
  let proxy: Proxy;
  let driver: Driver;

  beforeAll(async () => {
    etcd = await startEtcd();
    proxy = await startProxy(etcd.endpoint);
    driver = await openEtcdDriver(proxy.url);
  });

  afterAll(async () => {
    await driver.close();
    await proxy.close();
    await etcd.stop();
  });

  it('deliver every event once and in order, though the connection breaks again and again while they catch up', async () => {
    const count = 6_000;
    const prefix = bytes('history/');
    const value = 'x'.repeat(200);
    const first = await driver.txn(put('history/', value));
    for (let sent = 1; sent < count; sent += 500) {
      const batch = Math.min(500, count - sent);
      await Promise.all(Array.from({length: batch}, () => driver.txn(put(`history/${String(sent)}`, value))));
    }
    const watch = driver.watch({key: prefix, rangeEnd: prefixEnd(prefix), startRevision: first.revision});
    const taking = take(watch, count);
    for (let cuts = 0; cuts < 5; cuts += 1) await proxy.cutAfter(100_000);
    const revisions = (await taking).map(({kv}) => kv.modRevision);
    expect(revisions).toEqual(Array.from({length: count}, (_, index) => first.revision + index));
    expect(proxy.connections).toBeGreaterThanOrEqual(5);
    await watch.return();
  });

  it('go on where they were when the server restarts', async () => {
    const watch = driver.watch({key: bytes('restart')});
    await watch.created;
    await driver.txn(put('restart', '1'));
    expect(await take(watch, 1)).toHaveLength(1);
    await etcd.restart();
    const other = await openEtcdDriver(etcd.url);
    await other.txn(put('restart', '2'));
    const [event] = await take(watch, 1);
    expect(event && text(event.kv.value)).toBe('2');
    await other.close();
    await watch.return();
  });

  it('lose, repeat and reorder nothing while the connection is cut at random', async () => {
    const own = await startProxy(etcd.endpoint);
    const random = seeded(20_261_120);
    const watching = await openEtcdDriver(own.url);
    const prefix = bytes('random/');
    const watch = watching.watch({key: prefix, rangeEnd: prefixEnd(prefix)});
    const first = await watch.created;
    const count = 3_000;
    const direct = await openEtcdDriver(etcd.url);
    const writing = (async () => {
      for (let index = 0; index < count; index += 1) await direct.txn(put(`random/${String(index % 7)}`));
    })();
    const taking = take(watch, count);
    let over = false;
    void writing.finally(() => (over = true));
    while (!over) {
      if (random() < 0.5) own.cut();
      else await Promise.race([own.cutAfter(Math.ceil(random() * 20_000)), writing]);
      await new Promise((resolve) => setTimeout(resolve, random() * 100));
    }
    const revisions = (await taking).map(({kv}) => kv.modRevision);
    expect(revisions).toEqual(Array.from({length: count}, (_, index) => first + index));
    expect(own.connections).toBeGreaterThan(5);
    await Promise.all([watching.close(), direct.close()]);
    await own.close();
  });

  it('say that they cannot go on when what is due was compacted while they were away', async () => {
    const own = await startProxy(etcd.endpoint);
    const watching = await openEtcdDriver(own.url);
    const watch = watching.watch({key: bytes('away')});
    await watch.created;
    own.refuse();
    own.cut();
    await driver.txn(put('away', '1'));
    const {revision} = await driver.txn(put('away', '2'));
    await driver.compact({revision});
    await own.accept();
    expect(await failure(watch.next())).toMatchObject({code: 'KVI_COMPACTED', compactRevision: revision});
    await watching.close();
    await own.close();
  });

  it('deliver a backlog above the 4 MiB that gRPC would refuse', async () => {
    const value = Buffer.alloc(1_000_000, 'x');
    const {revision} = await driver.txn(put('backlog'));
    for (let index = 0; index < 8; index += 1) {
      await driver.txn({success: [{type: 'put', key: bytes('backlog'), value}]});
    }
    const watch = driver.watch({key: bytes('backlog'), startRevision: revision + 1, prevKv: true});
    const events = await take(watch, 8);
    expect(events.map(({kv}) => kv.value.length)).toEqual(Array(8).fill(1_000_000));
    await watch.return();
  });

  it('tell that they went on, and with their keys only who asked for them', async () => {
    const own = await startProxy(etcd.endpoint);
    const [plain, telling] = [
      await openEtcdDriver(own.url),
      await openEtcdDriver(own.url, {diagnosticKeys: true}),
    ];
    using resumed = recordDiagnostics('kvi:etcd:watch-resume');
    const key = bytes('told');
    const watches = [plain.watch({key}), telling.watch({key})];
    const [fromRevision] = await Promise.all(watches.map(({created}) => created));
    own.cut();
    await driver.txn(put('told'));
    for (const watch of watches) expect(await take(watch, 1)).toHaveLength(1);
    const message = {endpoints: own.url, watches: 1, fromRevision};
    const keys = [{key, rangeEnd: undefined, fromRevision}];
    expect(resumed.messages).toHaveLength(2);
    expect(resumed.messages).toEqual(expect.arrayContaining([message, {...message, keys}]));
    await Promise.all([plain.close(), telling.close()]);
    await own.close();
  });

  it('share one connection, ten thousand of them, each with its own events', async () => {
    const own = await startProxy(etcd.endpoint);
    const many = await openEtcdDriver(own.url);
    const keys = Array.from({length: 10_000}, (_, index) => `many/${String(index)}`);
    const watches = keys.map((key) => many.watch({key: bytes(key)}));
    await Promise.all(watches.map(({created}) => created));
    for (let i = 0; i < keys.length; i += 100) {
      const success = keys.slice(i, i + 100).flatMap((key) => put(key, key).success ?? []);
      await many.txn({success});
    }
    const events = await Promise.all(watches.map((watch) => take(watch, 1)));
    expect(events.flat().map(({kv}) => text(kv.value))).toEqual(keys);
    expect(own.connections).toBe(1);
    await many.close();
    await own.close();
  });

  it('that end leave the others alone', async () => {
    const key = bytes('ending');
    const kept = driver.watch({key});
    const ended = driver.watch({key});
    const aborted = new AbortController();
    const abandoned = driver.watch({key}, {signal: aborted.signal});
    await Promise.all([kept.created, ended.created, abandoned.created]);
    await ended.return();
    aborted.abort();
    await driver.txn(put('ending'));
    expect(await take(kept, 1)).toHaveLength(1);
    expect(await ended.next()).toMatchObject({done: true});
    expect(await failure(abandoned.next())).toMatchObject({code: 'KVI_ABORTED'});
    await kept.return();
  });

  it('that the server refuses fail alone, though it does not say which it refuses', async () => {
    const good = [driver.watch({key: bytes('b')}), driver.watch({key: bytes('c')})];
    const bad = driver.watch({key: bytes('b'), rangeEnd: bytes('a'), startRevision: 1});
    const later = driver.watch({key: bytes('d')});
    expect(await failure(bad.next())).toMatchObject({code: 'KVI_INVALID_ARGUMENT'});
    await Promise.all([...good, later].map(({created}) => created));
    await driver.txn(put('d'));
    expect(await take(later, 1)).toHaveLength(1);
    await Promise.all([...good, later].map((watch) => watch.return()));
  });

  it('give a revision whole, however large it is', async () => {
    const prefix = bytes('whole/');
    const value = Buffer.alloc(20_000, 'x');
    const puts = (round: number) => ({
      success: Array.from({length: 60}, (_, index) => ({
        type: 'put' as const,
        key: bytes(`whole/${String(index)}`),
        value: Buffer.concat([value, bytes(String(round))]),
      })),
    });
    const watch = driver.watch({key: prefix, rangeEnd: prefixEnd(prefix), prevKv: true});
    await watch.created;
    await driver.txn(puts(1));
    await driver.txn(puts(2));
    for (let round = 1; round <= 2; round += 1) {
      const {value: response} = (await watch.next()) as IteratorYieldResult<WatchResponse<Bytes>>;
      expect(response.events).toHaveLength(60);
      expect(new Set(response.events.map(({kv}) => kv.modRevision))).toEqual(new Set([response.revision]));
    }
    await watch.return();
  });

  it('say which revision is the oldest when they start from one that was compacted', async () => {
    const {revision} = await driver.txn(put('compacted'));
    await driver.compact({revision});
    const watch = driver.watch({key: bytes('compacted'), startRevision: revision - 1});
    expect(await failure(watch.next())).toMatchObject({code: 'KVI_COMPACTED', compactRevision: revision});
  });

  it('advance by whole revisions, though no response ever arrives whole', async () => {
    const own = await startProxy(etcd.endpoint);
    const slow = await openEtcdDriver(own.url);
    const [count, value] = [12, 'x'.repeat(1_000_000)];
    const {revision: first} = await driver.txn(put('fragments', value));
    for (let index = 1; index < count; index += 1) await driver.txn(put('fragments', value));
    const watch = slow.watch({key: bytes('fragments'), startRevision: first});
    const taking = take(watch, count);
    let isOver = false;
    void taking.then(() => (isOver = true));
    // etcd sends all that is due as one response, in fragments of 2 MB or less.
    while (!isOver) await Promise.race([own.cutAfter(4_500_000), taking]);
    const revisions = (await taking).map(({kv}) => kv.modRevision);
    expect(revisions).toEqual(Array.from({length: count}, (_, index) => first + index));
    await slow.close();
    await own.close();
  });

  it('start while others write and compact', async () => {
    const other = await openEtcdDriver(etcd.url);
    let isOver = false;
    const busy = (async () => {
      while (!isOver) {
        const {revision} = await other.txn(put('busy'));
        await other.compact({revision}).catch(() => undefined);
      }
    })();
    for (let round = 0; round < 20; round += 1) {
      const watches = Array.from({length: 20}, () => driver.watch({key: bytes('compacted while it starts')}));
      await Promise.all(watches.map(({created}) => created));
      await Promise.all(watches.map((watch) => watch.return()));
    }
    isOver = true;
    await busy;
    await other.close();
  });

  it('start two thousand at once, beside as many writes', async () => {
    const keys = Array.from({length: 2_000}, (_, index) => `many/${String(index)}`);
    const kv = await openEtcd(etcd.url, {timeoutMs: 60_000});
    const first = await Promise.all(
      keys.map((key) => {
        const change = kv.watch(key, {timeoutMs: 60_000});
        return Promise.all([change, kv.store(key, 'v')]);
      }),
    );
    expect(first).toHaveLength(keys.length);
    await kv.close();
  });

  it.each([{maxBufferedEvents: 2}, {maxBufferedBytes: 11}])(
    'fail with where to go on when their consumer is too slow: %j',
    async (limits) => {
      const slow = await openEtcdDriver(etcd.url, limits);
      const watch = slow.watch({key: bytes('slow')});
      const first = await watch.created;
      for (let index = 0; index < 4; index += 1) await slow.txn(put('slow'));
      // The fence: when its event is here, those before it have arrived.
      const fence = slow.watch({key: bytes('slow'), startRevision: first + 3});
      await take(fence, 1);
      expect(await take(watch, 2)).toHaveLength(2);
      expect(await failure(watch.next())).toMatchObject({code: 'KVI_SLOW_CONSUMER', revision: first + 2});
      await slow.close();
    },
  );
});

/** Numbers from 0 to 1 that are the same each time (a linear congruential generator). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
