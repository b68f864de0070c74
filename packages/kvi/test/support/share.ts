/**
 * A process that shares a semaphore of two permits, a sequence and a counter with others, does as it is told and says what
 * came of it: `share.ts URL NAME`. `acquire` and `release` are about one permit; `stall MS` blocks the event loop, and tells
 * whether the permit is held before a timer can fire; `count N` takes so many numbers, and adds each to the counter.
 */
import {open} from 'kvi';
import {counter, type Permit, semaphore, sequence} from 'kvi/recipes';
import {obey, say, stall} from './obey.ts';

const [url = '', name = ''] = process.argv.slice(2);
const kv = await open(url);
const permits = semaphore(kv, `${name}/semaphore`, 2);
let permit: Permit | undefined;

async function acquire(): Promise<unknown> {
  permit = await permits.acquire({ttlSeconds: 1});
  return {token: permit.token};
}

async function count(times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    const number = await sequence(kv, `${name}/sequence`).next();
    await counter(kv, `${name}/counter`).add(number);
    say({number});
  }
}

await obey({
  acquire,
  release: () => permit?.release(),
  stall: (ms) => stall(Number(ms), () => permit?.isHeld()),
  count: (times) => count(Number(times)),
});
