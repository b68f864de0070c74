import {describe, expect, it} from '@jest/globals';
import {createKvi} from 'kvi-core';
import type {DriverWatch} from 'kvi-core/driver';
import {ManualClock, MemStore} from 'kvi-mem';
import {bytes, describeEvent, nextEvents, put, txnOf} from './tools.ts';

const everything = {key: bytes('\0'), rangeEnd: bytes('\0')};

async function collect(watch: DriverWatch, count: number): Promise<string[]> {
  const events: string[] = [];
  for await (const response of watch) {
    events.push(...response.events.map(describeEvent));
    if (events.length >= count) break;
  }
  return events;
}

describe('A watch of the store in process', () => {
  it('is in place when it is returned, not when somebody awaits it', async () => {
    const driver = new MemStore().driver();
    const watch = driver.watch(everything);
    const write = put(driver, 'k', 'v');
    expect(await watch.created).toBe(2);
    await write;
    expect(await nextEvents(watch)).toEqual(['put k=v@2']);
    await watch.return();
  });

  it('never runs its consumer inside of the call that writes', async () => {
    const driver = new MemStore().driver();
    const watch = driver.watch(everything);
    const log: string[] = [];
    const consumer = watch.next().then(() => log.push('event'));
    const write = put(driver, 'k', 'v');
    log.push('the write was called');
    await Promise.all([consumer, write]);
    expect(log).toEqual(['the write was called', 'event']);
    await watch.return();
  });

  it('gives one response for each transaction, with its events in the order of its operations', async () => {
    const driver = new MemStore().driver();
    await put(driver, 'b', '0');
    const watch = driver.watch(everything);
    await txnOf(
      driver,
      {type: 'put', key: bytes('z'), value: bytes('1')},
      {type: 'deleteRange', key: bytes('b')},
      {type: 'txn', success: [{type: 'put', key: bytes('a'), value: bytes('2')}]},
    );
    await put(driver, 'a', '3');
    expect(await nextEvents(watch)).toEqual(['put z=1@3', 'delete b@3', 'put a=2@3']);
    expect(await nextEvents(watch)).toEqual(['put a=3@4']);
    await watch.return();
  });

  it('catches up with a long history while writes go on, without a gap and without a repetition', async () => {
    const driver = new MemStore().driver();
    for (let i = 2; i <= 3500; i += 1) await put(driver, `k${String(i % 3)}`, String(i));
    const watch = driver.watch({...everything, startRevision: 2});
    const collected = collect(watch, 4999);
    for (let i = 3501; i <= 5000; i += 1) {
      await put(driver, `k${String(i % 3)}`, String(i));
      if (i % 100 === 0) await new Promise(setImmediate);
    }
    const expected = Array.from(
      {length: 4999},
      (_, i) => `put k${String((i + 2) % 3)}=${String(i + 2)}@${String(i + 2)}`,
    );
    expect(await collected).toEqual(expected);
  });

  it('waits for a revision of the future', async () => {
    const driver = new MemStore().driver();
    const watch = driver.watch({key: bytes('k'), startRevision: 4});
    expect(await watch.created).toBe(4);
    for (const value of ['2', '3', '4', '5']) await put(driver, 'k', value);
    expect(await nextEvents(watch)).toEqual(['put k=4@4']);
    await watch.return();
  });

  it('ends with the compact revision when its start is compacted', async () => {
    const driver = new MemStore().driver();
    for (const value of ['2', '3', '4']) await put(driver, 'k', value);
    await driver.compact({revision: 3});
    const watch = driver.watch({key: bytes('k'), startRevision: 2});
    await expect(watch.next()).rejects.toMatchObject({code: 'KVI_COMPACTED', compactRevision: 3});
  });

  it('tells the present revision now and then while nothing happens to it', async () => {
    const clock = new ManualClock();
    const driver = new MemStore({clock}).driver();
    const watch = driver.watch({key: bytes('k'), progressNotify: true});
    await put(driver, 'other', '');
    await clock.advance(10 * 60 * 1000);
    expect(await watch.next()).toEqual({done: false, value: {revision: 2, events: []}});
    await put(driver, 'k', 'v');
    await clock.advance(10 * 60 * 1000);
    await clock.advance(10 * 60 * 1000);
    expect(await nextEvents(watch)).toEqual(['put k=v@3']);
    expect(await watch.next()).toEqual({done: false, value: {revision: 3, events: []}});
    await watch.return();
  });

  it('tells it to who follows changes, too', async () => {
    const clock = new ManualClock();
    await using kv = createKvi(new MemStore({clock}).driver());
    await kv.store('other', '');
    const changes = kv.changes('k', {progressNotify: true});
    await changes.created;
    await clock.advance(10 * 60 * 1000);
    expect(await changes.next()).toMatchObject({done: false, value: {revision: 2, events: []}});
  });

  it('that is given up for its consumer hurts no other', async () => {
    const store = new MemStore();
    const slow = store.driver({maxBufferedEvents: 2}).watch(everything);
    const other = store.driver().watch(everything);
    const driver = store.driver();
    for (const value of ['2', '3', '4']) await put(driver, 'k', value);
    expect(await nextEvents(slow)).toEqual(['put k=2@2']);
    expect(await nextEvents(slow)).toEqual(['put k=3@3']);
    await expect(slow.next()).rejects.toMatchObject({code: 'KVI_SLOW_CONSUMER', revision: 4});
    expect(await collect(other, 3)).toEqual(['put k=2@2', 'put k=3@3', 'put k=4@4']);
  });

  it.each(['maxBufferedEvents', 'maxBufferedBytes'])('refuses %s that are no number', (name) => {
    for (const limit of [0, 1.5, '2', NaN]) {
      expect(() => new MemStore().driver({[name]: limit})).toThrow(`${name} must be a positive integer, not`);
    }
  });

  it('that is given up for its memory says where to go on', async () => {
    const store = new MemStore();
    const slow = store.driver({maxBufferedBytes: 2_500}).watch(everything);
    for (const value of ['2', '3', '4']) await put(store.driver(), 'k', value.repeat(1_000));
    for (let taken = 0; taken < 2; taken += 1) await slow.next();
    await expect(slow.next()).rejects.toMatchObject({code: 'KVI_SLOW_CONSUMER', revision: 4});
  });

  it('ends with its handle, and those of other handles go on', async () => {
    const store = new MemStore();
    const [closing, staying] = [store.driver(), store.driver()];
    const [ended, other] = [closing.watch(everything), staying.watch(everything)];
    await closing.close();
    await expect(ended.next()).rejects.toMatchObject({code: 'KVI_CLOSED'});
    await expect(closing.watch(everything).next()).rejects.toMatchObject({code: 'KVI_CLOSED'});
    await put(staying, 'k', 'v');
    expect(await nextEvents(other)).toEqual(['put k=v@2']);
    await other.return();
  });

  it('whose signal has aborted before ends with that', async () => {
    const watch = new MemStore().driver().watch(everything, {signal: AbortSignal.abort('enough')});
    await expect(watch.next()).rejects.toMatchObject({code: 'KVI_ABORTED', cause: 'enough'});
  });
});
