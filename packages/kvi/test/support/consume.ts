/**
 * A consumer of a queue, which does as it is told and says what came of it: `consume.ts URL QUEUE`. `take`, `ack` and `nack`
 * are about one item at a time; `stall MS` blocks the event loop, and tells what it believes before a timer can fire; `work`
 * takes and acks one item after another until the process ends.
 */
import {open} from 'kvi';
import {queue, type QueueItem, utf8} from 'kvi/recipes';
import {obey, say, stall} from './obey.ts';

const [url = '', name = ''] = process.argv.slice(2);
const kv = await open(url);
const jobs = queue(kv, name, {codec: utf8, ttlSeconds: 1});
let item: QueueItem<string> | undefined;

async function take(): Promise<unknown> {
  item = await jobs.take();
  const {value, attempt, token} = item;
  return {value, attempt, token};
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

await obey({
  take,
  work,
  ack: () => item?.ack(),
  nack: (reason) => item?.nack({reason}),
  stall: (ms) => stall(Number(ms), () => item?.signal.aborted),
});
