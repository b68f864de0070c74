import {describe, expect, it} from '@jest/globals';
import {createKvi} from 'kvi-core';
import {describeResources, ManualClock, MemStore} from 'kvi-mem';
import {bytes} from './tools.ts';

describe('What is open on a store, where nothing is traced', () => {
  it('is listed without stacks, and each lock and temporary key once', async () => {
    const store = new MemStore();
    const kv = createKvi(store.driver());
    await kv.distLock('nightly');
    const waiting = createKvi(store.driver()).distLock('nightly');
    await kv.tempKey('instances/a');
    const change = kv.watch('rate');
    const open = store.openResources();
    expect(open.filter(({stack}) => stack !== '')).toEqual([]);
    const names = open.map(({type, name}) => (type === 'lease' ? type : `${type} ${name}`)).sort();
    expect(names).toEqual(['handle ', 'handle ', 'lease', 'lock nightly', 'lock nightly', 'watch rate']);
    expect(describeResources(open)).toContain('the lock "nightly", opened by');
    const over = expect(change).rejects.toMatchObject({code: 'KVI_CLOSED'});
    await kv.close();
    await over;
    await (await waiting).release();
    expect(store.openResources().map(({type}) => type)).toEqual(['handle']);
  });

  it('is nothing once all is closed', async () => {
    const store = new MemStore();
    const kv = createKvi(store.driver());
    await (await kv.distLock('nightly')).release();
    await kv.close();
    expect(store.openResources()).toEqual([]);
  });

  it('is a lease that holds keys, though its handle is closed, until it ends', async () => {
    const clock = new ManualClock();
    const store = new MemStore({clock});
    const driver = store.driver();
    const {id} = await driver.leaseGrant({ttlSeconds: 10});
    for (let other = 0; other < 200; other += 1) {
      const granted = await driver.leaseGrant({ttlSeconds: 10});
      await driver.leaseRevoke(granted.id);
    }
    await driver.txn({success: [{type: 'put', key: bytes('k'), value: bytes('v'), lease: id}]});
    await driver.close();
    expect(store.openResources()).toMatchObject([{type: 'lease', name: id}]);
    await clock.advance(20_000);
    expect(store.openResources()).toEqual([]);
  });
});
