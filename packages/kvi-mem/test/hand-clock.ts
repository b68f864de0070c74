import type {Clock, Timer} from 'kvi-core/driver';

/** A clock that shows what is asked of it: time stands still, and timers fire when the test says so. */
export class HandClock implements Clock {
  time = 0;
  /** The delays of all timers that were ever set, in milliseconds. */
  readonly delays: number[] = [];
  readonly #pending = new Set<() => void>();

  /** How many timers wait. */
  get pending(): number {
    return this.#pending.size;
  }

  now(): number {
    return this.time;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    this.delays.push(delayMs);
    const fire = () => {
      callback();
    };
    this.#pending.add(fire);
    const timer: Timer = {
      cancel: () => {
        this.#pending.delete(fire);
      },
      unref: () => timer,
    };
    return timer;
  }

  /** Fires the timers that wait now. */
  fire(): void {
    for (const fire of [...this.#pending]) {
      this.#pending.delete(fire);
      fire();
    }
  }
}
