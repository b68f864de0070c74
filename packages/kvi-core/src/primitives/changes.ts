import type {Changes, ChangesOptions} from '../api/changes.ts';
import {fifo} from '../async/fifo.ts';
import type {Driver} from '../driver/driver.ts';
import type {Bytes} from '../etcd/bytes.ts';
import type {Event, KeyRange} from '../etcd/messages.ts';
import {type ResyncResponse, resyncingWatch} from './resync.ts';

/** A watch that delivers one revision at a time; see {@link Changes}. */
export interface RevisionWatch extends AsyncIterator<ResyncResponse, undefined> {
  [Symbol.asyncIterator](): this;
  readonly created: Changes['created'];
  return(): Promise<IteratorReturnResult<undefined>>;
}

/** Watches keys, for a consumer that reads with `for await`. */
export function watchRevisions(
  driver: Driver,
  keys: KeyRange<Bytes>,
  {signal, onCompacted, ...request}: ChangesOptions,
): RevisionWatch {
  const wanted = {...keys, ...request};
  const watch: RevisionWatch =
    onCompacted === 'resync' ? resyncingWatch(driver, wanted, {signal}) : driver.watch(wanted, {signal});
  const queue = fifo<ResyncResponse>();

  const revisions: RevisionWatch = {
    created: watch.created,
    [Symbol.asyncIterator]: () => revisions,
    async next() {
      try {
        for (;;) {
          const response = queue.shift();
          if (response !== undefined) return {done: false, value: response};
          const result = await watch.next();
          if (result.done === true) return {done: true, value: undefined};
          for (const revision of byRevision(result.value)) queue.push(revision);
        }
      } catch (error) {
        // `for await` does not end what has thrown.
        await revisions.return();
        throw error;
      }
    },
    async return() {
      queue.clear();
      return watch.return();
    },
  };
  return revisions;
}

/** A response may hold several revisions. */
function byRevision(response: ResyncResponse): ResyncResponse[] {
  const {events, resync} = response;
  if (resync === true || events.length === 0) return [response];
  const revisions: {revision: number; events: Event<Bytes>[]}[] = [];
  for (const event of events) {
    const revision = event.kv.modRevision;
    const last = revisions.at(-1);
    if (last?.revision === revision) last.events.push(event);
    else revisions.push({revision, events: [event]});
  }
  return revisions;
}
