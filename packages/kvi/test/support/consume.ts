/**
 * A consumer of a queue, which does as it is told and says what came of it: `consume.ts URL QUEUE`. `take`, `ack` and `nack`
 * are about one item at a time; `stall MS` blocks the event loop, and tells what it believes before a timer can fire; `work`
 * takes and acks one item after another until the process ends.
 */
import {createInterface} from 'node:readline';
import {isKviError, open} from 'kvi';
import {queue, type QueueItem, utf8} from 'kvi/recipes';

const [url = '', name = ''] = process.argv.slice(2);
const kv = await open(url);
const jobs = queue(kv, name, {codec: utf8, ttlSeconds: 1});
let item: QueueItem<string> | undefined;

function say(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function take(): Promise<unknown> {
  item = await jobs.take();
  const {value, attempt, token} = item;
  return {value, attempt, token};
}

function stall(ms: number): unknown {
  const before = item?.signal.aborted;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  return {before, after: item?.signal.aborted};
}

async function work(): Promise<never> {
  for (;;) {
    const next = await jobs.take();
    // So that a kill meets an item that is taken.
    await new Promise((resolve) => setTimeout(resolve, 2));
    await next.ack();
    say({acked: next.value});
  }
}

async function obey(command = '', argument = ''): Promise<unknown> {
  switch (command) {
    case 'take':
      return take();
    case 'ack':
      return item?.ack();
    case 'nack':
      return item?.nack({reason: argument});
    case 'stall':
      return stall(Number(argument));
    default:
      return work();
  }
}

say('ready');
for await (const line of createInterface({input: process.stdin})) {
  try {
    say((await obey(...line.split(' '))) ?? 'done');
  } catch (error) {
    say({code: isKviError(error) ? error.code : String(error)});
  }
}
