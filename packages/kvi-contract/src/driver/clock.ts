import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {within} from './steps.ts';

/** The clock of a driver. */
export const clock: ContractGroup = {
  name: 'the clock',
  cases: [
    {
      name: 'goes forward, and fires the timers that are not cancelled',
      async run({driver}) {
        const start = driver.clock.now();
        const fired: string[] = [];
        const cancelled = driver.clock.setTimer(1, () => fired.push('cancelled'));
        const waited = new Promise<void>((resolve) => {
          driver.clock.setTimer(50, () => {
            fired.push('waited');
            resolve();
          });
        });
        cancelled.cancel();
        cancelled.cancel();
        await within(waited, () => 'a timer fires');
        assert.deepEqual(fired, ['waited'], 'a timer fires once, and not when it was cancelled');
        // Node's timers may fire a fraction of a millisecond early.
        assert.ok(driver.clock.now() - start > 48, 'a timer does not fire before its time');
      },
    },
  ],
};
