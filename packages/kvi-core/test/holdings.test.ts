import {describe, expect, it} from '@jest/globals';
import {createKvi, type Kvi} from 'kvi-core';
import {election} from 'kvi-core/recipes';
import {modelDriver} from 'kvi-contract';
import {insideOf} from '../src/kvi/inside.ts';

/** How many things a handle has to give up when it closes. */
function holdingsOf(kv: Kvi): number {
  return insideOf(kv).handle.holdings.size;
}

describe('What a handle has to give up when it closes', () => {
  it('is no leadership that was lost, though nobody resigned', async () => {
    await using kv = createKvi(modelDriver());
    const leadership = await election(kv, 'e').campaign('v');
    expect(holdingsOf(kv)).toBe(1);
    const lost = new Promise((resolve) => leadership.signal.addEventListener('abort', resolve));
    await kv.delete(leadership.key);
    await lost;
    while (holdingsOf(kv) > 0) await new Promise(setImmediate);
    expect(await kv.leases()).toEqual([]);
  });
});
