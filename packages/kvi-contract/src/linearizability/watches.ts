import type {Bytes, Event} from 'kvi-core/driver';
import {type ModelState, watchFrom} from '../model/index.ts';
import {equal, show} from './describe.ts';
import type {RecordedWatch} from './history.ts';
import {type Log, revisionOf} from './log.ts';

/**
 * What is wrong with what a watch delivered. Due is every event of the revisions from its start to that of its last
 * response, each once, in order, and a revision's together. What is missing after its last response cannot be told: read
 * a watch until it delivers a change that was made on purpose, at the end.
 */
export function watchFindings(watch: RecordedWatch, log: Log): string[] {
  const broken = [notCovered(watch, log), notInOrder(watch), notThere(watch, log), notDelivered(watch, log)];
  const name = `${watch.client}: watch ${show(watch.request)}`;
  return broken.filter((finding) => finding !== undefined).map((finding) => `${name}: ${finding}`);
}

/**
 * Whether a watch has delivered the last revision of a state as it is due.
 *
 * @param compactRevision what an event's key held before is not known up to this revision, if the event was delivered
 *   after the compaction
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

/** The events of a state's last revision that the watch says to have delivered. */
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

/** A revision that was delivered otherwise than it is due. */
function notDelivered(watch: RecordedWatch, {writes, compactRevision}: Log): string | undefined {
  const wrong = writes.find(({after}) => !hasDelivered(watch, after, compactRevision))?.after;
  if (!wrong) return undefined;
  const revision = revisionOf(wrong);
  const [due, delivered] = [dueEvents(watch, wrong), deliveredEvents(watch, revision)];
  return `of revision ${revision}, ${show(due)} is due, and ${show(delivered)} was delivered`;
}

/** A write that began when the watch was in place, and that it says not to watch. */
function notCovered({created}: RecordedWatch, {writes}: Log): string | undefined {
  if (!created) return undefined;
  const {startRevision, time} = created;
  const missed = writes.find(({call, after}) => call.start > time && revisionOf(after) < startRevision);
  return (
    missed && `starts at ${startRevision}, after revision ${revisionOf(missed.after)} that was yet to come`
  );
}

/** A response says that all up to its revision has been delivered: what follows must come after that. */
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

/** An event of a revision that nothing made. */
function notThere(watch: RecordedWatch, {initial, writes}: Log): string | undefined {
  const last = revisionOf(writes.at(-1)?.after ?? initial);
  const delivered = lastDelivered(watch);
  return delivered > last ? `delivered revision ${delivered}, which never was` : undefined;
}

/** The last revision of which something was delivered; 0 if nothing was. */
export function lastDelivered({responses}: RecordedWatch): number {
  return responses.findLast(({events}) => events.length > 0)?.events.at(-1)?.kv.modRevision ?? 0;
}
