import {describe, expect, it} from '@jest/globals';
import {createKvi} from 'kvi-core';
import {exportKeys, importKeys} from 'kvi-core/recipes';
import {MemStore} from 'kvi-mem';

const count = 20_000;

describe('An export and an import of many keys', () => {
  it('hold a page of each store and a transaction at a time, whatever the number', async () => {
    const driver = new MemStore().driver();
    let read = 0;
    let largestPage = 0;
    const kv = createKvi({
      ...driver,
      async range(request, options) {
        const page = await driver.range(request, options);
        read += page.kvs.length;
        largestPage = Math.max(largestPage, page.kvs.length);
        return page;
      },
    });
    for (let i = 0; i < count; i += 128) {
      const keys = Array.from({length: Math.min(128, count - i)}, (_, j) => String(i + j).padStart(5, '0'));
      await kv.txn({success: keys.map((key) => ({type: 'put', key: `from/${key}`, value: key}))});
    }

    let taken = 0;
    let written = 0;
    let mostAhead = 0;
    let mostHeld = 0;
    async function* lines() {
      for await (const line of exportKeys(kv, {prefix: 'from/'})) {
        taken += 1;
        mostAhead = Math.max(mostAhead, read - taken);
        mostHeld = Math.max(mostHeld, taken - written);
        yield line;
      }
    }
    const onChange = () => void (written += 1);
    const result = await importKeys(kv, lines(), {prefix: 'to/', onChange});
    expect(result).toMatchObject({created: count, changed: 0, unchanged: 0});
    expect({taken, written, read}).toEqual({taken: count + 2, written: count, read: count});
    expect(largestPage).toBe(512);
    expect(mostAhead).toBeLessThanOrEqual(512);
    // The lines of a transaction, the one that did not fit into it, and the first line.
    expect(mostHeld).toBeLessThanOrEqual(128 + 2);
    await kv.close();
  }, 120_000);
});
