/** Measures how long clients got nothing done. */
import type {Fault} from '../faults.ts';
import {recordsOf, type Recording} from '../history.ts';
import type {FaultKind} from '../schedule.ts';

export interface Unavailability {
  /** The longest time between two successful operations of a client, in milliseconds. */
  longestMs: number;
  /** The same, during and right after faults of one kind. */
  byFault: Map<FaultKind, number>;
}

interface Gap {
  start: number;
  end: number;
  ms: number;
}

export function checkUnavailability(
  histories: readonly Recording[],
  faults: readonly Fault[],
): Unavailability {
  const gaps = histories.flatMap((history) => gapsOf(history, faults));
  const byFault = new Map<FaultKind, number>();
  for (const {kind, start, end} of faults) {
    const during = gaps.filter((gap) => gap.start <= end && gap.end >= start);
    byFault.set(kind, Math.max(byFault.get(kind) ?? 0, longest(during)));
  }
  return {longestMs: longest(gaps), byFault};
}

/** The gaps between a client's successes, without the time in which it was stopped itself. */
function gapsOf(history: Recording, faults: readonly Fault[]): Gap[] {
  const stopped = faults.filter(({client}) => client === history.client);
  const successes = recordsOf(history, 'operation')
    .filter(({outcome}) => outcome === 'ok' || outcome === 'false')
    .map(({end}) => end)
    .sort((a, b) => a - b);
  return successes.slice(1).map((end, index) => {
    const start = successes[index] ?? end;
    const own = stopped.reduce((sum, fault) => sum + overlap(fault, start, end), 0);
    return {start, end, ms: end - start - own};
  });
}

function overlap(fault: Fault, start: number, end: number): number {
  return Math.max(0, Math.min(end, fault.end) - Math.max(start, fault.start));
}

function longest(gaps: readonly Gap[]): number {
  return gaps.reduce((most, {ms}) => Math.max(most, ms), 0);
}
