import type {Clock, Timer} from './clock.ts';

/** One timer for many deadlines: it rings at the earliest that it was set for. */
export interface Alarm {
  /** @param at - by the clock; `Infinity` for never */
  set(at: number): void;
  off(): void;
}

/**
 * Nearly every wait ends long before its deadline, so a timer for each would be wasted. This one does not keep the process
 * alive; what is waited for does.
 *
 * @param ring - what is to happen once; it looks which deadlines have passed, and sets the alarm for the next
 */
export function alarm(clock: Clock, ring: () => void): Alarm {
  let timer: Timer | undefined;
  let timerAt = Infinity;

  function off(): void {
    timer?.cancel();
    timer = undefined;
    timerAt = Infinity;
  }

  return {
    set(at) {
      if (at >= timerAt) return;
      off();
      timerAt = at;
      timer = clock
        .setTimer(Math.max(0, at - clock.now()), () => {
          off();
          ring();
        })
        .unref();
    },
    off,
  };
}
