import {describe, expect, it} from '@jest/globals';
import {ManualClock, MemStore} from 'kvi-mem';
import type {Bytes, RequestOp} from 'kvi-core/driver';
import {bytes, nextEvents, put, txnOf} from './tools.ts';

const all = {key: bytes('\0'), rangeEnd: bytes('\0')};

/** A put that throws when it is applied, after the operations before it. */
const failing: RequestOp<Bytes> = {
  type: 'put',
  key: bytes('z'),
  get value(): Bytes {
    throw new Error('out of memory');
  },
};

async function setUp() {
  const store = new MemStore({clock: new ManualClock()});
  const driver = store.driver();
  for (const id of ['a', 'b']) await driver.leaseGrant({id, ttlSeconds: 10});
  await put(driver, 'kept', 'old', 'a');
  await put(driver, 'deleted', 'old', 'a');
  const everything = async () => ({
    present: await driver.range(all),
    leases: await Promise.all(['a', 'b'].map((id) => driver.leaseTimeToLive({id, keys: true}))),
  });
  const failHalfway = async () => {
    const half: RequestOp<Bytes>[] = [
      {type: 'put', key: bytes('kept'), value: bytes('new'), lease: 'b'},
      {type: 'put', key: bytes('kept'), value: bytes('newer')},
      {type: 'deleteRange', key: bytes('deleted')},
      {type: 'put', key: bytes('created'), value: bytes('new'), lease: 'b'},
    ];
    await expect(txnOf(driver, ...half, failing)).rejects.toThrow('out of memory');
  };
  return {store, driver, everything, failHalfway};
}

describe('A transaction that throws halfway', () => {
  it('changes neither keys nor leases nor the revision', async () => {
    const {everything, failHalfway} = await setUp();
    const before = await everything();
    await failHalfway();
    expect(await everything()).toEqual(before);
  });

  it('tells no watch, and the next one takes its revision', async () => {
    const {driver, failHalfway} = await setUp();
    const watch = driver.watch({...all, startRevision: 4});
    await failHalfway();
    expect(await put(driver, 'created', 'later')).toBe(4);
    expect(await nextEvents(watch)).toEqual(['put created=later@4']);
    expect((await driver.range({key: bytes('created')})).kvs).toMatchObject([
      {version: 1, createRevision: 4},
    ]);
  });

  it('changes no snapshot that shares its keys', async () => {
    const {store, everything, failHalfway} = await setUp();
    const before = await everything();
    const snapshot = store.snapshot();
    await failHalfway();
    const second = store.snapshot();
    await failHalfway();
    for (const taken of [snapshot, second]) {
      store.restore(taken);
      expect(await everything()).toEqual(before);
    }
  });
});
