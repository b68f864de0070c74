import {describe, expect, it} from '@jest/globals';
import {firstChange} from '../src/primitives/first-change.ts';
import {change, fed, key} from './fed-driver.ts';

describe('The wait for the first change', () => {
  it('goes on after a response without changes', async () => {
    const {driver, push} = fed();
    push({revision: 1, events: []});
    push({revision: 2, events: [change]});
    expect(await firstChange(driver, key, {})).toBe(change);
  });

  it('fails with KVI_INTERNAL when the watch ends without an error and without a change', async () => {
    const {driver, watch} = fed();
    const waiting = firstChange(driver, key, {});
    await watch.return();
    await expect(waiting).rejects.toMatchObject({
      code: 'KVI_INTERNAL',
      message: expect.stringContaining('"k"'),
    });
  });
});
