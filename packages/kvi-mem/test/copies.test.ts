import {expect, it} from '@jest/globals';
import {noRetries} from 'kvi-core';
import {MemStore, openMem} from 'kvi-mem';
import type * as FaultsModule from '../src/faults/faults.ts';
import type * as StoreModule from '../src/mem-store.ts';

it('A store is known to another copy of kvi-mem, and so is a plan of faults', async () => {
  // The query makes the runner load the file once more.
  const copyOf = (file: string): Promise<unknown> => import(`${file}?copy`);
  const stores = (await copyOf('../src/mem-store.ts')) as typeof StoreModule;
  const plans = (await copyOf('../src/faults/faults.ts')) as typeof FaultsModule;
  expect(stores.MemStore).not.toBe(MemStore);
  expect(stores.MemStore.named('shared')).toBe(MemStore.named('shared'));
  const faults = new plans.Faults();
  faults.next('txn').fail();
  const store = new stores.MemStore();
  const kv = await openMem('mem:', {store, faults, retryPolicy: noRetries});
  await expect(kv.store('k', 'v')).rejects.toMatchObject({code: 'KVI_UNAVAILABLE'});
  await kv.store('k', 'v');
  expect(store.dump()).toEqual({k: 'v'});
});
