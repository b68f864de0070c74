/**
 * Behaves towards a process as a real etcd does: keeps it alive while something is open, and lets the event loop turn
 * between calls. Calls that are answered at once would do neither.
 */
import {clearInterval, setImmediate, setInterval} from 'node:timers';

/** How long calls may keep timers and sockets waiting, in milliseconds. */
const patienceMs = 10;
/** Reading the clock on every call would take a fifth of the call's time. */
const callsBetweenLooks = 32;

let calls = 0;
/** When the event loop last turned, if calls were made since. */
let turnedAt: number | undefined;

/**
 * Returns a promise to await if calls have kept the event loop from turning for too long. It measures time, not calls:
 * under a test's fake clock no time passes, and nothing waits for a turn that never comes.
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
