import {type ModelState, step} from '../model/index.ts';
import {matches} from './describe.ts';
import type {RecordedCall} from './history.ts';
import {revisionOf, type Write} from './log.ts';

/** An order of calls, the last one first. */
export interface Placed extends Write {
  /** Whether it made a revision. */
  readonly isWrite: boolean;
  readonly before: Placed | undefined;
}

/** What others than the calls in question saw of the revisions. */
export interface Witness {
  /** The last revision that was seen. */
  lastRevision: number;
  /** Whether the revision that this call made is what was seen of it. */
  agrees(write: Write): boolean;
}

/** How far an attempt came. */
export interface Candidate {
  readonly state: ModelState;
  readonly placed: Placed | undefined;
  readonly count: number;
  /** The calls that have no place yet, in the order of their starts. */
  readonly pending: readonly IndexedCall[];
  /** Which calls made the revisions: with what is pending, this tells equal attempts. */
  readonly writers: string;
}

interface IndexedCall extends RecordedCall {
  readonly index: number;
}

/**
 * Looks for an order of the calls, each at one moment between its start and its end, in which the model answers every
 * one of them as it was answered. A call whose outcome is unknown has no end and may also be left out.
 *
 * In general that search explodes. Here the model's answers hold a revision, which nearly always leaves one write that
 * can be the next, and two more things keep it short:
 * - a call that changes nothing and is answered right now may as well come now: whatever order has it later is as good
 *   with it here;
 * - two attempts that have placed the same calls, and had their revisions made by the same ones, are in the same state,
 *   so that only one has to go on.
 *
 * @param witness what else is known: the order has to agree with it
 * @returns the attempt that placed them all, or the one that came furthest
 * @see Wing and Gong, Testing and Verifying Concurrent Objects (1993); Lowe, Testing for Linearizability (2017)
 */
export function linearize(
  calls: readonly RecordedCall[],
  initial: ModelState,
  witness: Witness,
): {linearizable: boolean; attempt: Candidate} {
  const pending = [...calls]
    .sort((a, b) => a.start - b.start)
    .map((call, index): IndexedCall => ({...call, index}));
  let furthest: Candidate = {state: initial, placed: undefined, count: 0, pending, writers: ''};
  const seen = new Set<string>();
  const open = [furthest];

  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const attempt = placeReads(next);
    if (attempt.count >= furthest.count) furthest = attempt;
    if (isComplete(attempt, witness)) return {linearizable: true, attempt};

    const mayBeNext = candidates(attempt.pending);
    const key = `${mayBeNext.map(({index}) => index).join()} ${attempt.writers}`;
    if (seen.has(key)) continue;
    seen.add(key);
    // What is known is tried first, so pushed last.
    for (const isKnown of [false, true]) {
      for (const call of mayBeNext) {
        if ((call.outcome !== 'unknown') !== isKnown) continue;
        const after = place(attempt, call);
        if (after && isAllowed(after, witness)) open.push(after);
      }
    }
  }
  return {linearizable: false, attempt: furthest};
}

/** The calls that may come next: they started before any that has no place yet ended. */
export function candidates<T extends RecordedCall>(pending: readonly T[]): T[] {
  const found: T[] = [];
  let firstEnd = Infinity;
  for (const call of pending) {
    if (call.start > firstEnd) break;
    found.push(call);
    firstEnd = Math.min(firstEnd, call.end);
  }
  return found;
}

/** Places what changes nothing and is answered right, until nothing more is. */
function placeReads(start: Candidate): Candidate {
  let attempt = start;
  for (let read = nextRead(attempt); read !== undefined; read = nextRead(attempt)) attempt = read;
  return attempt;
}

function nextRead(attempt: Candidate): Candidate | undefined {
  for (const call of candidates(attempt.pending)) {
    const after = call.outcome === 'unknown' ? undefined : place(attempt, call);
    if (after && isSame(after.state, attempt.state)) return after;
  }
  return undefined;
}

/** The attempt with one call more; undefined if it cannot come now, or would be for nothing. */
function place(attempt: Candidate, call: IndexedCall): Candidate | undefined {
  const {state: after, response} = step(attempt.state, call.request);
  if (call.outcome === 'unknown' ? isSame(after, attempt.state) : !matches(call, response)) return undefined;
  const isWrite = revisionOf(after) > revisionOf(attempt.state);
  return {
    state: after,
    placed: {call, after, isWrite, before: attempt.placed},
    count: attempt.count + 1,
    pending: attempt.pending.filter((other) => other !== call),
    writers: isWrite ? `${attempt.writers},${call.index}` : attempt.writers,
  };
}

function isAllowed({placed}: Candidate, witness: Witness): boolean {
  return placed === undefined || !placed.isWrite || witness.agrees(placed);
}

/** Nothing has to be placed any more, and what was seen has happened. */
function isComplete({state, pending}: Candidate, witness: Witness): boolean {
  return pending.every(({outcome}) => outcome === 'unknown') && revisionOf(state) >= witness.lastRevision;
}

/** Whether a step left everything as it was. No time passes here, so a keepalive changes nothing. */
function isSame(a: ModelState, b: ModelState): boolean {
  return a.revisions === b.revisions && a.leases.size === b.leases.size;
}
