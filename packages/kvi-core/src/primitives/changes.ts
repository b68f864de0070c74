import type {Bytes, Input} from '../etcd/bytes.ts';
import {type Decode, decodeEvent} from '../kvi/codec.ts';
import type {Driver} from '../driver/driver.ts';
import type {Changes, ChangeSet, ChangesOptions} from '../api/kvi.ts';
import type {Event, KeyRange} from '../etcd/messages.ts';
import {type ResyncResponse, resyncingWatch} from './resync.ts';

/** Watches keys, for a consumer that reads with `for await`. */
export function changes<T extends Input>(
  driver: Driver,
  keys: KeyRange<Bytes>,
  {signal, onCompacted, ...request}: ChangesOptions,
  decode: Decode<T>,
): Changes<T> {
  const start = onCompacted === 'resync' ? resyncingWatch : watchOf;
  const watch = start(driver, {...keys, ...request}, {signal});
  const queue: ResyncResponse[] = [];

  async function next(): Promise<IteratorResult<ChangeSet<T>, undefined>> {
    for (;;) {
      const set = queue.shift();
      if (set !== undefined) return {done: false, value: decodeSet(set, decode)};
      const result = await watch.next();
      if (result.done === true) return {done: true, value: undefined};
      queue.push(...byRevision(result.value));
    }
  }

  async function end(): Promise<IteratorReturnResult<undefined>> {
    queue.length = 0;
    return watch.return();
  }

  return {
    created: watch.created,
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        return await next();
      } catch (error) {
        // `for await` does not end what has thrown.
        await end();
        throw error;
      }
    },
    return: end,
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}

function watchOf(driver: Driver, ...args: Parameters<Driver['watch']>) {
  return driver.watch(...args);
}

/** A response may hold several revisions, of which the consumer gets one at a time. */
function byRevision(response: ResyncResponse): ResyncResponse[] {
  const {events, resync} = response;
  if (resync === true || events.length === 0) return [response];
  const sets: {revision: number; events: Event<Bytes>[]}[] = [];
  for (const event of events) {
    const revision = event.kv.modRevision;
    const last = sets.at(-1);
    if (last?.revision === revision) last.events.push(event);
    else sets.push({revision, events: [event]});
  }
  return sets;
}

function decodeSet<T extends Input>(response: ResyncResponse, decode: Decode<T>): ChangeSet<T> {
  return {...response, events: response.events.map((event) => decodeEvent(event, decode))};
}
