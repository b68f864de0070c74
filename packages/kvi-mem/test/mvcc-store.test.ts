import {describe, expect, it} from '@jest/globals';
import {MemStore} from 'kvi-mem';
import {bytes, put, text, txnOf} from './tools.ts';

describe('The surplus of a history', () => {
  it('grows to a sixteenth of the limit, and is cut with the next revision', async () => {
    const driver = new MemStore({historyLimit: 160}).driver();
    const oldest = async () => {
      const watch = driver.watch({key: bytes('k'), startRevision: 1});
      const error: unknown = await watch.next().catch((reason: unknown) => reason);
      await watch.return();
      return error instanceof Error && 'compactRevision' in error ? error.compactRevision : 1;
    };
    const seen: unknown[] = [];
    for (let revision = 2; revision <= 200; revision += 1) {
      await put(driver, 'k', '');
      if ([170, 171, 172, 181, 182, 183].includes(revision)) seen.push(await oldest());
    }
    expect(seen).toEqual([1, 12, 12, 12, 23, 23]);
  });
});

describe('A store without changes', () => {
  it('can be compacted at its first revision, once', async () => {
    const driver = new MemStore().driver();
    await driver.compact({revision: 1});
    await expect(driver.compact({revision: 1})).rejects.toMatchObject({code: 'KVI_COMPACTED'});
  });
});

describe('A transaction', () => {
  it('reads the present at revision 0, also where the past is compacted', async () => {
    const driver = new MemStore().driver();
    await put(driver, 'k', 'v');
    await driver.compact({revision: 2});
    const {responses} = await txnOf(driver, {type: 'range', key: bytes('k'), revision: 0});
    expect(responses[0]).toMatchObject({type: 'range', count: 1});
  });
});

describe('A descending range', () => {
  it('is in the order of keys when it names no other, and is cut after that', async () => {
    const driver = new MemStore().driver();
    for (const key of ['b', 'a', 'c']) await put(driver, key, '');
    const all = {key: bytes('\0'), rangeEnd: bytes('\0')};
    const {kvs, more} = await driver.range({...all, sortOrder: 'descend', limit: 2});
    expect(kvs.map(({key}) => text(key))).toEqual(['c', 'b']);
    expect(more).toBe(true);
  });
});

describe('What is no snapshot', () => {
  it('is refused, and the error says what is wanted', () => {
    expect(() => {
      new MemStore().restore({revision: 1});
    }).toThrow('snapshot must be the result of snapshot() of a MemStore');
  });
});
