import {initialState, type ModelState, step} from '../model/index.ts';
import {describeCall, show} from './describe.ts';
import type {CallHistory, RecordedCall} from './history.ts';
import {type Candidate, candidates, linearize, type Placed, type Witness} from './linearize.ts';
import {type Log, revisionOf} from './log.ts';
import {agreesWithRead, isSerializable, readFindings, revisionRead} from './serializable-reads.ts';
import {hasDelivered, lastDelivered, watchFindings} from './watches.ts';

/** Somebody who saw nothing. */
const blind: Witness = {lastRevision: 0, agrees: () => true};

/** How many calls to show before those that do not fit. */
const shown = 12;

/**
 * Decides whether a store behaved as one that does one thing after the other: whether the calls have an order in which
 * the model answers every one of them as it was answered, each between its start and its end, and whether the watches
 * delivered what happened in that order.
 *
 * What it takes for granted:
 * - every write to the store is in the history, those whose outcome is unknown too;
 * - no lease runs out: grant more than the history takes. A lease that may have run out is an additional call
 *   `leaseRevoke`, by nobody, that starts at that moment and whose outcome is unknown.
 *
 * A `serializable` read may be old: it has to be true of the revision that it tells, and that revision may not be one
 * that was yet to come.
 *
 * @param initial what the store held before. Default: a new store
 * @returns what is wrong, in words for people; empty if nothing is
 */
export function checkHistory({calls, watches}: CallHistory, initial: ModelState = initialState()): string[] {
  const reads = calls.filter(isSerializable);
  const others = calls.filter((call) => !isSerializable(call));
  const compactRevision = Math.max(-1, ...others.map(revisionCompacted));
  // Who saw a revision may be the only one to tell which of several writes of unknown outcome made it.
  const seen = linearize(others, initial, {
    lastRevision: Math.max(0, ...reads.map(revisionRead), ...watches.map(lastDelivered)),
    agrees: (write) =>
      watches.every((watch) => hasDelivered(watch, write.after, compactRevision)) &&
      reads.every((read) => agreesWithRead(read, write)),
  });
  // If that fails, the calls alone tell whether it is they that are wrong.
  const {linearizable, attempt} = seen.linearizable ? seen : linearize(others, initial, blind);
  if (!linearizable) return [describeMisfit(attempt)];

  const writes = orderOf(attempt).filter(({isWrite}) => isWrite);
  const log: Log = {initial, writes, compactRevision};
  const findings = [
    ...reads.flatMap((read) => readFindings(read, log)),
    ...watches.flatMap((watch) => watchFindings(watch, log)),
  ];
  if (seen.linearizable || findings.length > 0) return findings;
  return [`no order of the calls agrees with every watch; ${describeMisfit(seen.attempt)}`];
}

function revisionCompacted({request, outcome}: RecordedCall): number {
  const isDone = outcome === 'unknown' || outcome.ok;
  return request.type === 'compact' && isDone ? request.revision : -1;
}

/** The calls in their places, the first one first. */
function orderOf({placed}: Candidate): Placed[] {
  const order: Placed[] = [];
  for (let at = placed; at; at = at.before) order.push(at);
  return order.reverse();
}

function describeMisfit(attempt: Candidate): string {
  const {state, pending} = attempt;
  const before = orderOf(attempt)
    .slice(-shown)
    .map(({call}) => `  ${describeCall(call)}`);
  const misfits = candidates(pending).map(
    (call) => `  ${describeCall(call)}\n    model: ${show(step(state, call.request).response)}`,
  );
  return [
    `not linearizable: after ${attempt.count} calls, at revision ${revisionOf(state)}`,
    ...before,
    'no order exists in which these go on:',
    ...misfits,
  ].join('\n');
}
