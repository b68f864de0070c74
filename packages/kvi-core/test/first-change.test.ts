import {describe, expect, it} from '@jest/globals';
import {type Driver, type Event, eventBuffer, noLease} from 'kvi-core/driver';
import {firstChange} from '../src/primitives/first-change.ts';
import {handClock} from './hand-clock.ts';

const key = Buffer.from('k');
const change: Event<Uint8Array> = {
  type: 'put',
  kv: {key, value: Buffer.from('v'), createRevision: 2, modRevision: 2, version: 1, lease: noLease},
};

/** A driver that has one watch, which the test feeds. */
function fed() {
  const buffer = eventBuffer({onEnd: () => undefined});
  buffer.created(1);
  const driver: Pick<Driver, 'clock' | 'watch'> = {clock: handClock(), watch: () => buffer.watch};
  // A watch needs no more of a driver.
  return {...buffer, driver: driver as Driver};
}

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
