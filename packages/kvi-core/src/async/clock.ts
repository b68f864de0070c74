import {aborted} from '../etcd/errors.ts';
import {onAbort} from './abort.ts';

/** A timer that was set. */
export interface Timer {
  /** Ends it; ending it again, or after it fired, does nothing. */
  cancel(): void;
  /** Lets the process exit while it is pending: for upkeep that nobody waits for. */
  unref(): Timer;
}

/**
 * The time by which leases, waits and timeouts count. A store's clock is its own: a real cluster's is the machine's, and
 * a test advances the twin's by hand.
 */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back, and goes on while the event loop stalls. */
  now(): number;
  /**
   * Milliseconds of the wall clock, where leases are counted by another machine: they go on while this one sleeps, and
   * {@link Clock.now} may not. Absent: leases are counted by `now`.
   */
  wallTime?(): number;
  /** Calls `callback` once, `delayMs` from now; at most 2 ** 31 - 1, as for Node's timers. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

/**
 * The machine's monotonic clock. The wall clock would not do: an operator or NTP may set it.
 *
 * A test may replace the global functions by fake ones, as jest's fake timers do, so they are looked up at each call.
 */
export const systemClock: Clock = {
  now: continuousTime(),
  setTimer(delayMs, callback) {
    // A fake timer cannot be ended by the real function, nor a real one by the fake.
    const {clearTimeout} = globalThis;
    const timeout: NodeJS.Timeout | number = setTimeout(callback, delayMs);
    const timer: Timer = {
      cancel() {
        clearTimeout(timeout);
      },
      unref() {
        // jsdom's timers are numbers, and keep no process.
        if (typeof timeout === 'object') timeout.unref();
        return timer;
      },
    };
    return timer;
  },
};

/** Goes on from where it was when fake timers, whose time begins at 0, take over, begin anew or end. */
function continuousTime(): () => number {
  let source = setTimeout;
  let sourceTime = 0;
  let offset = 0;
  return () => {
    const last = sourceTime + offset;
    sourceTime = performance.now();
    // Stryker disable next-line EqualityOperator: if the two are equal, the offset stays the same
    const isAnother = source !== setTimeout || sourceTime + offset < last;
    source = setTimeout;
    if (isAnother) offset = last - sourceTime;
    return sourceTime + offset;
  };
}

/**
 * Waits.
 *
 * @throws `KVI_ABORTED` as soon as `signal` aborts
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(delayMs, () => {
      ignoreSignal();
      resolve();
    });
    const ignoreSignal = onAbort(signal, () => {
      timer.cancel();
      reject(aborted(signal));
    });
  });
}
