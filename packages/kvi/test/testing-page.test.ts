/** What docs/testing.md and docs/faults.md say beside their examples, which tools/docs runs. */
import {afterEach, beforeEach, describe, expect, it, jest} from '@jest/globals';
import {createKvi, type Kvi, noRetries, open} from 'kvi';
import {describeResources, Faults, ManualClock, MemStore, traceResources} from 'kvi-mem';

describe('Give the service its store', () => {
  it('as KVI_URL, and see the same store in the test', async () => {
    const store = MemStore.named('orders');
    await using kv = await open('mem:orders');
    await kv.store('k', 'v');
    await using same = await open('mem:orders');
    expect(await same.get('k')).toBe('v');
    expect(store.dump()).toEqual({k: 'v'});
    store.reset();
    expect(await kv.get('k')).toBeUndefined();
  });
});

describe('Time', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is advanced by hand, also on a store with a name', async () => {
    const clock = new ManualClock();
    const store = MemStore.named('timed orders', {clock});
    const kv = await open('mem:timed%20orders', {ttlSeconds: 10});
    const other = createKvi(store.driver());
    await kv.distLock('nightly');
    const waiting = other.distTimedLock(30, 'nightly').catch((error: unknown) => error);
    await clock.advance(30_000);
    expect(await waiting).toMatchObject({code: 'KVI_TIMEOUT'});
    await kv.close();
    await other.close();
  });

  it("is that of jest's fake timers", async () => {
    jest.useFakeTimers();
    const kv = await open('mem:');
    {
      await using lock = await kv.distLock('nightly');
      await jest.advanceTimersByTimeAsync(60_000);
      expect(lock.isHeld()).toBe(true);
    }
    await kv.close();
  });
});

describe('Faults', () => {
  let clock: ManualClock;
  let store: MemStore;
  let faults: Faults;
  let northKv: Kvi;
  let southKv: Kvi;

  beforeEach(() => {
    clock = new ManualClock();
    store = new MemStore({clock});
    faults = new Faults();
    northKv = createKvi(store.driver({faults}));
    southKv = createKvi(store.driver());
  });

  afterEach(async () => {
    faults.lift();
    await northKv.close();
    await southKv.close();
  });

  it('happen to the handles with the plan, and to no others', async () => {
    faults.next('txn').failAfterApplying();
    await expect(northKv.store('k', 'v')).rejects.toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
    expect(await southKv.get('k')).toBe('v');
  });

  it('are planned for a service that opens its handle itself, instance by instance', async () => {
    const [first, second] = [new Faults(), new Faults()];
    const named = MemStore.named('faulty orders');
    named.faults = first;
    await using north = await open('mem:faulty%20orders', {retryPolicy: noRetries});
    named.faults = second;
    await using south = await open('mem:faulty%20orders', {retryPolicy: noRetries});
    first.partition({calls: 'fail'});
    await expect(north.get('k')).rejects.toMatchObject({code: 'KVI_UNAVAILABLE'});
    expect(await south.get('k')).toBeUndefined();
  });

  it('are a script, which lets some calls through', async () => {
    await using kv = await open('mem:', {mem: {store, faults}, retryPolicy: noRetries});
    faults.next('txn').fail();
    faults.next('txn').pass();
    faults.next('txn').failAfterApplying();
    await expect(kv.store('k', '1')).rejects.toMatchObject({code: 'KVI_UNAVAILABLE'});
    await kv.store('k', '2');
    await expect(kv.store('k', '3')).rejects.toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
    expect(store.dump()).toEqual({k: '3'});
  });

  it('are not noticed when the retries of a call outlast them, and are otherwise', async () => {
    const fault = faults.next({operation: 'txn', prefix: 'stock/'}, 2).fail();
    const storing = northKv.store('stock/cups', '2');
    await clock.advance(1_000);
    await storing;
    expect(fault.hits).toBe(2);

    faults.every('txn').fail();
    const failing = northKv.store('k', 'v').catch((error: unknown) => error);
    await clock.advance(5_000);
    expect(await failing).toMatchObject({code: 'KVI_UNAVAILABLE'});
  });

  it('cut a handle off, and it gives its locks up when it is closed, in a second of the clock', async () => {
    await northKv.distLock('nightly');
    faults.partition();
    const closing = northKv.close();
    await clock.advance(1_000);
    await closing;
  });

  it('break watches while calls go on, and a write waits for the watch that is started meanwhile', async () => {
    const changes = northKv.changes('config');
    await changes.created;
    faults.dropWatches();
    await southKv.store('config', 'new');
    expect(await northKv.get('config')).toBe('new');
    await northKv.store('other', 'calls go on');

    const change = northKv.watch('other');
    const storing = northKv.store('other', 'seen');
    await clock.advance(1_000);
    expect(await southKv.get('other')).toBe('calls go on');
    faults.heal();
    await storing;
    expect(await change).toMatchObject({value: 'seen'});
    expect((await changes.next()).value).toMatchObject({events: [{key: 'config', value: 'new'}]});
  });

  it('end leases', async () => {
    const nightly = await northKv.distLock('locks/nightly');
    const weekly = await northKv.distLock('locks/weekly');
    await faults.loseLeases({prefix: 'locks/nightly'});
    await clock.advance(0);
    expect([nightly.signal.aborted, weekly.signal.aborted]).toEqual([true, false]);
    await faults.loseLeases();
    await clock.advance(0);
    expect(weekly.signal.aborted).toBe(true);
  });
});

describe('Leaks', () => {
  it('are told with who opened what', async () => {
    traceResources();
    const store = new MemStore();
    const kv = await open('mem:', {mem: {store}});
    kv.changes({prefix: 'orders/'});
    expect(describeResources(store.openResources()).split('\n\n')).toEqual([
      '2 resources are still open:',
      expect.stringMatching(/^ {2}a handle, opened by open\n {4}.*testing-page\.test\.ts:\d+:\d+/),
      expect.stringMatching(
        /^ {2}a watch of "\[orders\/, orders0\)", opened by kv\.changes\n {4}.*testing-page/,
      ),
    ]);
    await kv.close();
    expect(store.openResources()).toEqual([]);
  });
});

describe('Snapshots and dumps', () => {
  it('bring a store back, and show what it holds', async () => {
    const store = new MemStore({clock: new ManualClock()});
    await using kv = createKvi(store.driver());
    await using lock = await kv.distLock('nightly');
    await kv.store('orders/1', 'new');
    await kv.store('orders/1', 'paid');
    const seeded = store.snapshot();
    await kv.store('orders/2', 'new');
    expect(store.dump({prefix: 'orders/'})).toEqual({'orders/1': 'paid', 'orders/2': 'new'});
    store.restore(seeded);
    expect(store.dump({details: true})).toEqual({
      'nightly/<lease 1>': {value: '', createRevision: 2, modRevision: 2, version: 1, lease: '<lease 1>'},
      'orders/1': {value: 'paid', createRevision: 3, modRevision: 4, version: 2},
    });
    expect(lock.isHeld()).toBe(true);
  });
});
