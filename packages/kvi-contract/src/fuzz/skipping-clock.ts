import {type Clock, systemClock} from 'kvi-core/driver';

/** A clock that runs as the machine's does, and can be set forward. */
export interface SkippingClock extends Clock {
  skip(ms: number): void;
}

/** For a store whose leases count by a clock that it is given: so a program need not wait until one expires. */
export function skippingClock(): SkippingClock {
  let skipped = 0;
  return {
    now: () => systemClock.now() + skipped,
    setTimer: (delayMs, callback) => systemClock.setTimer(delayMs, callback),
    skip(ms) {
      skipped += ms;
    },
  };
}
