import {setImmediate as otherWorkDone} from 'node:timers/promises';
import type {Clock, Timer} from 'kvi-core/driver';

interface Pending {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * A clock that a test advances, so that an hour takes no time and every run takes the same course.
 *
 * ```ts
 * const clock = new ManualClock();
 * const driver = new MemStore({clock}).driver();
 * const lease = await driver.leaseGrant({ttlSeconds: 10});
 * await clock.advance(9_999); // the lease lives
 * await clock.advance(1); // the lease is over, its keys are deleted
 * ```
 */
export class ManualClock implements Clock {
  #now = 0;
  readonly #pending = new Set<Pending>();

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const pending: Pending = {at: this.#now + Math.max(0, delayMs), callback};
    this.#pending.add(pending);
    const timer: Timer = {
      cancel: () => {
        this.#pending.delete(pending);
      },
      unref: () => timer,
    };
    return timer;
  }

  /**
   * Lets time pass, and fires the timers that come due, each at its own time and in the order of time. Before each, and
   * at the end, what the program has to do by then is done: a keepalive that a timer at second 1 sends is answered
   * before a lease expires at second 3. Await it before the next call.
   *
   * @param ms milliseconds, 0 or more
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await otherWorkDone();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#pending.delete(next);
      this.#now = next.at;
      next.callback();
      await otherWorkDone();
    }
    this.#now = end;
    await otherWorkDone();
  }

  /** The timer that is due first, of several the one that was set first. */
  #next(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.at <= end && (!first || pending.at < first.at)) first = pending;
    }
    return first;
  }
}
