/**
 * Holds a lock and a temporary key, and writes down when it last believed in the lock: `hold.ts URL LOCK KEY`. On `stall MS` it
 * blocks its event loop, and says what it believes before a timer can fire; on `sleep MS` its monotonic clock stands still
 * meanwhile, as on a machine that sleeps; on `report` it tells when it last believed.
 */
import {createInterface} from 'node:readline';
import {open} from 'kvi';

const [url = '', name = '', key = ''] = process.argv.slice(2);
const kv = await open(url);
const lock = await kv.distLock(name, {ttlSeconds: 1});
await kv.tempKey(key, {ttlSeconds: 1, value: 'here'});

let lastHeld = 0;
let abortedAt: number | undefined;
lock.signal.addEventListener('abort', () => {
  abortedAt = Date.now();
});

function look(): boolean {
  // The time first: were the process stopped in between, it would else look as if it had believed too long.
  const now = Date.now();
  const isHeld = lock.isHeld();
  if (isHeld) lastHeld = now;
  return isHeld;
}

function say(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

// Once before anybody is told: who hears of the lock may stop the process at once.
look();
setInterval(look, 2);
say({token: lock.token});
for await (const line of createInterface({input: process.stdin})) {
  const [command, ms] = line.split(' ');
  if (command === 'stall' || command === 'sleep') {
    const before = look();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms));
    const now = performance.now.bind(performance);
    if (command === 'sleep') performance.now = () => now() - Number(ms);
    say({before, after: look()});
  } else {
    say({lastHeld, abortedAt, isHeld: lock.isHeld()});
  }
}
