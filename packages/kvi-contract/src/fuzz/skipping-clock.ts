import {type Clock, systemClock} from 'kvi-core/driver';

/** The system clock, which can be moved forward. */
export interface SkippingClock extends Clock {
  skip(ms: number): void;
}

/** For a store whose clock can be chosen, so that a program need not wait until a lease expires. */
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
