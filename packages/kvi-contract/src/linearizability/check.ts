import {initialState, type ModelState, step} from '../model/index.ts';
import {describeCall, show} from './describe.ts';
import type {CallHistory, RecordedCall} from './history.ts';
import {type Candidate, candidates, linearize, type Placed, type Witness} from './linearize.ts';
import {type Log, revisionOf} from './log.ts';
import {agreesWithRead, isSerializable, readFindings, revisionRead} from './serializable-reads.ts';
import {hasDelivered, lastDelivered, watchFindings} from './watches.ts';

/** A witness that saw nothing. */
const blind: Witness = {lastRevision: 0, agrees: () => true};

/** Number of calls to show before those that do not fit. */
const shown = 12;

/**
 * Checks whether a store was linearizable: whether there is an order of the calls, each between its start and its end, in
 * which the model gives the recorded answers, and whether the watches delivered the events in that order.
 *
 * Assumptions:
 * - every write to the store is in the history, including those of unknown outcome;
 * - no lease expires: use TTLs longer than the history. If a lease may have expired, add a `leaseRevoke` by no client
 *   that starts at that moment and has an unknown outcome.
 *
 * A `serializable` read may be stale: it has to be correct at the revision that it reports, which must not be in the
 * future.
 *
 * @param initial the initial state of the store. Default: a new store
 * @returns the violations, described for people; empty if there are none
 */
export function checkHistory({calls, watches}: CallHistory, initial: ModelState = initialState()): string[] {
  const reads = calls.filter(isSerializable);
  const others = calls.filter((call) => !isSerializable(call));
  const compactRevision = Math.max(-1, ...others.map(revisionCompacted));
  // Only a witness may be able to tell which of several writes of unknown outcome created a revision.
  const seen = linearize(others, initial, {
    lastRevision: Math.max(0, ...reads.map(revisionRead), ...watches.map(lastDelivered)),
    agrees: (write) =>
      watches.every((watch) => hasDelivered(watch, write.after, compactRevision)) &&
      reads.every((read) => agreesWithRead(read, write)),
  });
  // If that fails, checking the calls alone tells whether they are at fault.
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

/** The calls in order, first to last. */
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
