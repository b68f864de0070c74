import type {Clock, Timer} from './clock.ts';

/** The deadlines of waits that hardly ever last until then. */
export interface Deadlines<T> {
  /** @param at - by the clock; `Infinity` for none */
  add(wait: T, at: number): void;
  delete(wait: T): void;
}

/**
 * Keeps one timer, for the earliest deadline, instead of one for each wait. It does not keep the process alive; what is
 * waited for does.
 *
 * @param pass - called when a deadline has passed, after the wait was deleted
 */
export function deadlines<T>(clock: Clock, pass: (wait: T) => void): Deadlines<T> {
  const waits = new Map<T, number>();
  let timer: Timer | undefined;
  let timerAt = Infinity;

  function setTimer(at: number): void {
    timer?.cancel();
    timerAt = at;
    timer = at === Infinity ? undefined : clock.setTimer(Math.max(0, at - clock.now()), look).unref();
  }

  function look(): void {
    const now = clock.now();
    const passed = [...waits].filter(([, at]) => at <= now);
    for (const [wait] of passed) waits.delete(wait);
    setTimer(Math.min(...waits.values()));
    for (const [wait] of passed) pass(wait);
  }

  return {
    add(wait, at) {
      waits.set(wait, at);
      if (at < timerAt) setTimer(at);
    },
    delete(wait) {
      // Later deadlines than the timer's are looked at when it fires.
      if (waits.delete(wait) && waits.size === 0) setTimer(Infinity);
    },
  };
}
