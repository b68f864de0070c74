import {type Clock, systemClock, type Timer} from 'kvi-core/driver';

/** The machine's clock, which can be advanced. */
export interface AdvancingClock extends Clock {
  /** Lets time pass at once. What is due meanwhile happens before it returns, in order of time. */
  advance(ms: number): void;
}

interface Pending {
  readonly at: number;
  readonly fire: () => void;
  timer: Timer;
}

/** For a store whose leases go on by themselves, and need not be waited for. */
export function advancingClock(): AdvancingClock {
  let ahead = 0;
  const pending = new Set<Pending>();
  const now = (): number => systemClock.now() + ahead;

  return {
    now,
    setTimer(delayMs, callback) {
      const fire = (): void => {
        pending.delete(entry);
        callback();
      };
      const entry: Pending = {at: now() + delayMs, fire, timer: systemClock.setTimer(delayMs, fire)};
      pending.add(entry);
      const timer: Timer = {
        cancel() {
          pending.delete(entry);
          entry.timer.cancel();
        },
        unref() {
          entry.timer.unref();
          return timer;
        },
      };
      return timer;
    },
    advance(ms) {
      ahead += ms;
      for (const entry of [...pending].sort((a, b) => a.at - b.at)) {
        // One that is due may have cancelled it.
        if (!pending.has(entry)) continue;
        entry.timer.cancel();
        const left = entry.at - now();
        if (left <= 0) entry.fire();
        else entry.timer = systemClock.setTimer(left, entry.fire).unref();
      }
    },
  };
}
