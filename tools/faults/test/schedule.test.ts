import {expect, it} from '@jest/globals';
import {faultKinds, schedule} from '../src/schedule.ts';

it('is the same for the same seed, and another for another', () => {
  expect(schedule(1, 10)).toEqual(schedule(1, 10));
  expect(schedule(1, 10)).not.toEqual(schedule(2, 10));
});

it('has every kind of fault, however short it is', () => {
  for (const minutes of [0.2, 1, 10]) {
    const faults = schedule(3, minutes);
    expect(new Set(faults.map(({kind}) => kind))).toEqual(new Set(faultKinds));
    const ms = faults.reduce((sum, {afterMs, lastsMs}) => sum + afterMs + lastsMs, 0);
    expect(ms).toBeLessThanOrEqual(minutes * 60_000 + 1);
  }
});
