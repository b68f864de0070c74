import type {Clock, Timer} from '../src/async/clock.ts';

/** A clock that a test moves by hand. */
export interface HandClock extends Clock {
  /** Lets time pass, firing the timers that come due, each in its time. */
  advance(ms: number): Promise<void>;
  /** Lets time pass without firing anything, as when the event loop stalls. */
  stall(ms: number): void;
  /** Lets time pass by the wall clock alone, as when the machine sleeps. Negative: somebody sets that clock back. */
  sleep(ms: number): void;
  /** How many timers are pending. */
  pending(): number;
}

export function handClock(): HandClock {
  let now = 0;
  let asleepMs = 0;
  const pending = new Map<Timer, {at: number; callback: () => void}>();

  function due(until: number) {
    const [first] = Array.from(pending)
      .filter(([, {at}]) => at <= until)
      .sort(([, a], [, b]) => a.at - b.at);
    return first;
  }

  return {
    now: () => now,
    wallTime: () => now + asleepMs,
    setTimer(delayMs, callback) {
      const timer: Timer = {cancel: () => void pending.delete(timer), unref: () => timer};
      pending.set(timer, {at: now + delayMs, callback});
      return timer;
    },
    async advance(ms) {
      const end = now + ms;
      await settled();
      for (let next = due(end); next !== undefined; next = due(end)) {
        const [timer, {at, callback}] = next;
        pending.delete(timer);
        now = Math.max(now, at);
        callback();
        await settled();
      }
      now = end;
    },
    stall(ms) {
      now += ms;
    },
    sleep(ms) {
      asleepMs += ms;
    },
    pending: () => pending.size,
  };
}

/** Resolves when every promise that can settle has settled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
