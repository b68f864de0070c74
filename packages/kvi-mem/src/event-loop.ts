/**
 * What a real etcd does to a process, and calls that are answered at once would not: it keeps the process alive while
 * something is open, and lets the event loop turn between calls.
 */
import {clearInterval, setImmediate, setInterval} from 'node:timers';

/** Milliseconds for which calls may keep timers and sockets waiting. */
const patienceMs = 10;
/** Reading the clock at each call would cost a fifth of it. */
const callsBetweenLooks = 32;

let calls = 0;
/** When the event loop turned last, if calls were made since. */
let turnedAt: number | undefined;

/**
 * A promise to wait for, if calls have kept the event loop from turning for too long. By time, not by calls: where a test
 * has replaced the clock, no time passes, and nothing waits for a turn that never comes.
 */
export function turnDue(): Promise<void> | undefined {
  if (turnedAt === undefined) {
    turnedAt = performance.now();
    setImmediate(() => {
      turnedAt = undefined;
    });
    return undefined;
  }
  calls += 1;
  if (calls % callsBetweenLooks !== 0 || performance.now() - turnedAt < patienceMs) return undefined;
  return new Promise((resolve) => setImmediate(resolve));
}

/** Keeps the process alive until the result is called. */
export function keepAlive(): () => void {
  const timer = setInterval(() => undefined, 2 ** 31 - 1);
  return () => {
    clearInterval(timer);
  };
}
