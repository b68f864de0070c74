import {setImmediate as otherWorkDone} from 'node:timers/promises';
import type {Clock, Timer} from 'kvi-core/driver';
import {SortedMap} from './sorted-map.ts';

interface Pending {
  readonly at: number;
  /** Timers are numbered in the order in which they are set, which breaks ties between timers due at the same time. */
  readonly number: number;
  readonly callback: () => void;
}

/**
 * A clock that a test advances, so that an hour takes no time and every run is the same.
 *
 * ```ts
 * const clock = new ManualClock();
 * const driver = new MemStore({clock}).driver();
 * const lease = await driver.leaseGrant({ttlSeconds: 10});
 * await clock.advance(9_999); // the lease is still alive
 * await clock.advance(1); // the lease has expired, and its keys are deleted
 * ```
 */
export class ManualClock implements Clock {
  #now = 0;
  #set = 0;
  /** The earliest timer comes first. */
  readonly #pending = new SortedMap<Pending, undefined>((a, b) => a.at - b.at || a.number - b.number);

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    this.#set += 1;
    // As Node's timers, in whole milliseconds. With fractions, a lease could end a rounding error before its holder knows.
    const at = this.#now + Math.ceil(Math.max(0, delayMs));
    const pending: Pending = {at, number: this.#set, callback};
    this.#pending.set(pending, undefined);
    const timer: Timer = {
      cancel: () => {
        this.#pending.delete(pending);
      },
      unref: () => timer,
    };
    return timer;
  }

  /**
   * Advances the time and fires the timers that come due, in order of time, each at its own; timers due at the same time
   * fire in the order in which they were set. Before each timer, and at the end, the program finishes its other work: a
   * keepalive sent by a timer at second 1 is answered before a lease expires at second 3. Await each call before the next.
   *
   * @param ms milliseconds, 0 or more
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await otherWorkDone();
    for (let next = this.#pending.minKey(); next && next.at <= end; next = this.#pending.minKey()) {
      this.#pending.delete(next);
      this.#now = next.at;
      next.callback();
      await otherWorkDone();
    }
    this.#now = end;
    await otherWorkDone();
  }
}
