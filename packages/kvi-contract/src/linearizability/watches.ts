import type {Bytes, Event} from 'kvi-core/driver';
import {type ModelState, watchFrom} from '../model/index.ts';
import {equal, show} from './describe.ts';
import type {RecordedWatch} from './history.ts';
import {type Log, revisionOf} from './log.ts';

/**
 * The violations of a watch. It has to deliver every event of the revisions from its start to that of its last response,
 * exactly once, in order, and those of a revision together. Events missing after its last response cannot be detected:
 * read a watch until it delivers a final change made for this purpose.
 */
export function watchFindings(watch: RecordedWatch, log: Log): string[] {
  const broken = [notCovered(watch, log), notInOrder(watch), notThere(watch, log), notDelivered(watch, log)];
  const name = `${watch.client}: watch ${show(watch.request)}`;
  return broken.filter((finding) => finding !== undefined).map((finding) => `${name}: ${finding}`);
}

/**
 * Whether a watch has delivered the last revision of a state correctly.
 *
 * @param compactRevision up to this revision, the previous value of a key is unknown if the event was delivered after the
 *   compaction
 */
export function hasDelivered(watch: RecordedWatch, state: ModelState, compactRevision: number): boolean {
  const [due, delivered] = [dueEvents(watch, state), deliveredEvents(watch, revisionOf(state))];
  if (equal(due, delivered)) return true;
  const mayLackPrevKv = revisionOf(state) <= compactRevision;
  return (
    mayLackPrevKv &&
    equal(
      due.map((event, i) => (delivered[i]?.prevKv ? event : withoutPrevKv(event))),
      delivered,
    )
  );
}

function withoutPrevKv({type, kv}: Event<Bytes>): Event<Bytes> {
  return {type, kv};
}

/** The events of a state's last revision that the watch delivered. */
function dueEvents({request, created, responses}: RecordedWatch, state: ModelState): Event<Bytes>[] {
  const revision = revisionOf(state);
  const first = request.startRevision || created?.startRevision;
  const last = responses.at(-1)?.revision ?? 0;
  if (first === undefined || revision < first || revision > last) return [];
  const watched = watchFrom(state, {...request, startRevision: revision});
  return watched.ok ? watched.responses.flatMap(({events}) => events) : [];
}

function deliveredEvents({responses}: RecordedWatch, revision: number): Event<Bytes>[] {
  return responses.flatMap(({events}) => events).filter(({kv}) => kv.modRevision === revision);
}

/** A revision that was delivered incorrectly. */
function notDelivered(watch: RecordedWatch, {writes, compactRevision}: Log): string | undefined {
  const wrong = writes.find(({after}) => !hasDelivered(watch, after, compactRevision))?.after;
  if (!wrong) return undefined;
  const revision = revisionOf(wrong);
  const [due, delivered] = [dueEvents(watch, wrong), deliveredEvents(watch, revision)];
  return `of revision ${revision}, ${show(due)} is due, and ${show(delivered)} was delivered`;
}

/** A write that started after the watch was created, but at a revision that it does not watch. */
function notCovered({created}: RecordedWatch, {writes}: Log): string | undefined {
  if (!created) return undefined;
  const {startRevision, time} = created;
  const missed = writes.find(({call, after}) => call.start > time && revisionOf(after) < startRevision);
  return (
    missed && `starts at ${startRevision}, after revision ${revisionOf(missed.after)} that was yet to come`
  );
}

/** A response promises that everything up to its revision was delivered: later events must be newer. */
function notInOrder({responses}: RecordedWatch): string | undefined {
  let delivered = 0;
  for (const {revision, events} of responses) {
    const late = events.find(({kv}) => kv.modRevision <= delivered);
    if (late) return `revision ${delivered} was delivered, and then ${show(late)}`;
    const unsorted = events.find(({kv}, i) => kv.modRevision < (events[i - 1]?.kv.modRevision ?? 0));
    if (unsorted) return `a later revision was delivered, and then ${show(unsorted)}`;
    delivered = revision;
  }
  return undefined;
}

/** An event of a revision that no call created. */
function notThere(watch: RecordedWatch, {initial, writes}: Log): string | undefined {
  const last = revisionOf(writes.at(-1)?.after ?? initial);
  const delivered = lastDelivered(watch);
  return delivered > last ? `delivered revision ${delivered}, which never was` : undefined;
}

/** The last revision with a delivered event; 0 if there was none. */
export function lastDelivered({responses}: RecordedWatch): number {
  return responses.findLast(({events}) => events.length > 0)?.events.at(-1)?.kv.modRevision ?? 0;
}
