import {type ModelState, step} from '../model/index.ts';
import {matches} from './describe.ts';
import type {RecordedCall} from './history.ts';
import {revisionOf, type Write} from './log.ts';

/** An order of calls, last to first. */
export interface Placed extends Write {
  /** Whether it created a revision. */
  readonly isWrite: boolean;
  readonly before: Placed | undefined;
}

/** What is known about revisions from other sources. */
export interface Witness {
  /** The last known revision. */
  lastRevision: number;
  /** Whether the revision that this call created agrees with what is known. */
  agrees(write: Write): boolean;
}

/** The state of an attempt. */
export interface Candidate {
  readonly state: ModelState;
  readonly placed: Placed | undefined;
  readonly count: number;
  /** The calls that are not placed yet, in the order of their starts. */
  readonly pending: readonly IndexedCall[];
  /** The calls that created revisions. Attempts with the same ones and the same pending calls are equal. */
  readonly writers: string;
}

interface IndexedCall extends RecordedCall {
  readonly index: number;
}

/**
 * Searches for an order of the calls, each at one moment between its start and its end, in which the model gives the
 * recorded answers. A call of unknown outcome has no end and may also be left out.
 *
 * In general this search is exponential. Here answers contain a revision, which nearly always leaves one possible next
 * write, and two more rules keep it short:
 * - a call that changes nothing and has the right answer now is placed now: any order that has it later is also valid
 *   with it here;
 * - two attempts that have placed the same calls, with revisions created by the same ones, are in the same state, so only
 *   one has to continue.
 *
 * @param witness what else is known; the order has to agree with it
 * @returns the attempt that placed all calls, or the one that placed the most
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
    // Calls of known outcome are tried first, so pushed last.
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

/** The calls that may come next: they started before any unplaced call ended. */
export function candidates<T extends Pick<RecordedCall, 'start' | 'end'>>(pending: readonly T[]): T[] {
  const found: T[] = [];
  let firstEnd = Infinity;
  for (const call of pending) {
    if (call.start > firstEnd) break;
    found.push(call);
    firstEnd = Math.min(firstEnd, call.end);
  }
  return found;
}

/** Places calls that change nothing and have the right answer, until there are no more. */
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

/** The attempt with one more call; undefined if it cannot come now or would be pointless. */
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

/** All required calls are placed, and the known revisions exist. */
function isComplete({state, pending}: Candidate, witness: Witness): boolean {
  return pending.every(({outcome}) => outcome === 'unknown') && revisionOf(state) >= witness.lastRevision;
}

/** Whether a step changed nothing. Time stands still here, so a keepalive changes nothing. */
function isSame(a: ModelState, b: ModelState): boolean {
  return a.revisions === b.revisions && a.leases.size === b.leases.size;
}
