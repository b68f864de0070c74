import {beforeAll, describe, expect, it} from '@jest/globals';
import {createKvi, type Kvi} from 'kvi-core';
import {describeResources, Faults, ManualClock, MemStore, openMem, traceResources} from 'kvi-mem';
import {bytes, put} from './tools.ts';

beforeAll(() => {
  traceResources();
});

/** Type and name of what is open on the store, apart from its handles. */
function openOn(store: MemStore): string[] {
  return store.openResources().flatMap(({type, name}) => (type === 'handle' ? [] : `${type} ${name}`));
}

/** The lines of this file that are in a stack. */
function linesOf(stack = ''): number[] {
  return Array.from(stack.matchAll(/resources\.test\.ts:(\d+)/g), ([, line]) => Number(line));
}

/** The line after the one that calls this. */
function nextLine(): number {
  const [, caller = NaN] = linesOf(new Error().stack);
  return caller + 1;
}

describe('What is open on a store', () => {
  it('is each handle, lock, temporary key and watch once, with the line that opened it', async () => {
    const store = new MemStore();
    const lines: number[] = [];
    lines.push(nextLine());
    const kv = createKvi(store.driver());
    lines.push(nextLine());
    await kv.distLock('nightly');
    lines.push(nextLine());
    await kv.distTimedLock(1, 'weekly');
    lines.push(nextLine());
    await kv.tempKey('instances/a');
    lines.push(nextLine());
    await kv.watchWithCB('config', 'put', () => undefined, undefined);
    lines.push(nextLine());
    const changes = kv.changes({prefix: 'orders/'});
    lines.push(nextLine());
    const change = kv.watch('rate');
    expect(openOn(store)).toEqual([
      'lock nightly',
      'lock weekly',
      'temporaryKey instances/a',
      'watch config',
      'watch [orders/, orders0)',
      'watch rate',
    ]);
    expect(store.openResources().map(({stack}) => linesOf(stack)[0])).toEqual(lines);
    await kv.close();
    await expect(change).rejects.toMatchObject({code: 'KVI_CLOSED'});
    await expect(changes.next()).rejects.toMatchObject({code: 'KVI_CLOSED'});
    expect(store.openResources()).toEqual([]);
  });

  it('is no more what was closed, released, cancelled or answered', async () => {
    const store = new MemStore();
    await using kv = await openMem('mem:', {store});
    const handle = await kv.watchWithCB('config', 'put', () => undefined, undefined);
    const change = kv.watch('rate');
    {
      await using _lock = await kv.distLock('nightly');
      await using _key = await kv.tempKey('instances/a');
      await using _changes = kv.changes('orders/1');
    }
    await kv.watchCBCancel(handle);
    await kv.store('rate', '2');
    await change;
    expect(openOn(store)).toEqual([]);
    expect(store.openResources()).toMatchObject([{type: 'handle', openedBy: 'openMem'}]);
  });

  it('is a lock that is waited for, with the line that waits', async () => {
    const store = new MemStore();
    await using north = createKvi(store.driver());
    await using south = createKvi(store.driver());
    const lock = await north.distLock('nightly');
    const waits = south.distLock('nightly');
    await new Promise(setImmediate);
    const waiting = store.openResources().filter(({isPending}) => isPending);
    expect(waiting).toMatchObject([{type: 'lock', name: 'nightly', openedBy: 'kv.distLock'}]);
    expect(describeResources(waiting)).toMatch(
      /^1 resource is still open:\n\n {2}the lock "nightly", waited for by kv.distLock\n {4}.*resources\.test\.ts:\d+/,
    );
    await lock.release();
    await (await waits).release();
    expect(openOn(store)).toEqual([]);
  });

  it('is found by the line of a service that opened it, below the line of the test', async () => {
    const store = new MemStore();
    const kv = createKvi(store.driver());
    let inService = 0;
    async function startService() {
      await kv.get('config');
      inService = nextLine();
      await kv.tempKey('instances/a');
    }
    const inTest = nextLine();
    await startService();
    const [, key] = store.openResources();
    expect(linesOf(key?.stack)).toEqual([inService, inTest]);
    await kv.close();
  });

  it("is a caller's lease, beside the locks and temporary keys under it, until the caller ends it", async () => {
    const store = new MemStore();
    const kv = createKvi(store.driver());
    const lease = await kv.lease();
    const lock = await kv.distLock('nightly', {lease});
    const temp = await kv.tempKey('instances/a', {lease});
    await kv.store('k', 'v', {lease: lease.id});
    expect(openOn(store)).toEqual([`lease ${lease.id}`, 'lock nightly', 'temporaryKey instances/a']);
    await lock.release();
    await temp.close();
    expect(openOn(store)).toEqual([`lease ${lease.id}`]);
    expect(store.openResources().at(-1)?.openedBy).toBe('kv.lease');
    await lease.close();
    expect(openOn(store)).toEqual([]);
    await kv.close();
  });

  it('is what was opened through the port as well', async () => {
    const store = new MemStore();
    const driver = store.driver();
    const {id} = await driver.leaseGrant({ttlSeconds: 10});
    const lock = await driver.leaseGrant({ttlSeconds: 10});
    await put(driver, `nightly/${lock.id}`, '', lock.id);
    const watch = driver.watch({key: bytes('k')});
    expect(openOn(store)).toEqual([`lease ${id}`, 'lock nightly', 'watch k']);
    await watch.return();
    await driver.leaseRevoke(id);
    await driver.leaseRevoke(lock.id);
    expect(openOn(store)).toEqual([]);
  });

  it('ends with its lease, and with a reset', async () => {
    const clock = new ManualClock();
    const store = new MemStore({clock});
    const driver = store.driver();
    await driver.leaseGrant({ttlSeconds: 10});
    await clock.advance(10_000);
    expect(openOn(store)).toEqual([]);
    await driver.leaseGrant({ttlSeconds: 10});
    driver.watch({key: bytes('k')});
    store.reset();
    expect(openOn(store)).toEqual([]);
    expect(store.openResources()).toHaveLength(1);
  });

  it('is not the guards of writes while their handle is open', async () => {
    const store = new MemStore();
    await using kv = createKvi(store.driver(), {onUnknownOutcome: 'resolve'});
    await kv.store('k', 'v');
    expect(openOn(store)).toEqual([]);
  });

  it('is not blamed on a callback that opens something of its own', async () => {
    const store = new MemStore();
    const driver = store.driver();
    const kv: Kvi = createKvi(store.driver());
    const granted = new Promise((resolve) => {
      void kv.watchWithCB('k', 'put', () => resolve(driver.leaseGrant({ttlSeconds: 5})), undefined);
    });
    await kv.store('k', 'v');
    await granted;
    await kv.close();
    expect(store.openResources()).toMatchObject([
      {type: 'handle'},
      {type: 'lease', openedBy: 'driver.leaseGrant'},
    ]);
  });

  it('still has the line that opened a watch, or took a lock, when a test gave the connection back', async () => {
    const store = new MemStore();
    const faults = new Faults();
    const kv = createKvi(store.driver({faults}));
    await kv.distLock('nightly');
    await using changes = kv.changes('k');
    await changes.created;
    const before = store.openResources();
    expect(before).toHaveLength(3);
    faults.dropWatches();
    faults.heal();
    expect(store.openResources()).toEqual(before);
    await kv.close();
  });

  it('still has the line that opened a watch when the watch has resynced', async () => {
    const store = new MemStore();
    const kv = createKvi(store.driver());
    await using changes = kv.changes('k', {onCompacted: 'resync'});
    const [, before] = store.openResources();
    store.reset();
    expect((await changes.next()).value).toMatchObject({resync: true});
    expect(store.openResources()[1]).toEqual(before);
    await kv.close();
  });
});
