/** Checks that no two clients held the lock, or led, at the same time. */
import type {Hold} from '../history.ts';
import {type Exclusive, fencedKeys} from '../keys.ts';
import type {TrueEvent} from '../truth.ts';

export interface LockFindings {
  held: number;
  /** How many were lost and reported to their holders. */
  toldLost: number;
  /** Two holds with the same token, or a write with a token after a write with a higher one. */
  overlappingByToken: string[];
  /** A holder still said, when asked, that it held the lock after the next one got it. */
  overlappingWhenAsked: string[];
  /** A holder had not been told of its loss when the next one got the lock. */
  overlappingBySignal: string[];
}

export interface ClientHold extends Hold {
  client: number;
}

export function checkHolds(
  what: Exclusive,
  all: readonly ClientHold[],
  events: readonly TrueEvent[],
): LockFindings {
  const holds = all.filter((hold) => hold.what === what);
  return {
    held: holds.length,
    toldLost: holds.filter(({lost}) => lost).length,
    overlappingByToken: [...sharedTokens(holds), ...lateWrites(fencedKeys[what], events)],
    overlappingWhenAsked: beliefsThatOverlap(holds, 'lastHeld'),
    overlappingBySignal: beliefsThatOverlap(holds, 'lastUntold'),
  };
}

function sharedTokens(holds: readonly ClientHold[]): string[] {
  const seen = new Set<number>();
  const findings: string[] = [];
  for (const hold of holds) {
    if (hold.token === undefined) continue;
    if (seen.has(hold.token)) findings.push(`token ${hold.token} was given out twice: ${describe(hold)}`);
    seen.add(hold.token);
  }
  return findings;
}

function lateWrites(fencedKey: string, events: readonly TrueEvent[]): string[] {
  const findings: string[] = [];
  let highest = 0;
  for (const {key, value = '', revision} of events) {
    if (key !== fencedKey) continue;
    const token = Number.parseInt(value, 10);
    if (token < highest)
      findings.push(`revision ${revision}: a write with token ${token} after one with ${highest}`);
    highest = Math.max(highest, token);
  }
  return findings;
}

/** @param end the last moment at which a holder believed that it had the lock */
function beliefsThatOverlap(holds: readonly ClientHold[], end: 'lastHeld' | 'lastUntold'): string[] {
  const inTurn = [...holds].sort((a, b) => a.acquired - b.acquired);
  const findings: string[] = [];
  let last: ClientHold | undefined;
  let counted: ClientHold | undefined;
  for (const hold of inTurn) {
    // A process that was stopped for long overlaps with many others, but counts once.
    if (last !== undefined && last !== counted && last[end] > hold.acquired) {
      counted = last;
      const ms = (last[end] - hold.acquired).toFixed(1);
      findings.push(`${describe(last, end)} overlaps by ${ms} ms with ${describe(hold, end)}`);
    }
    if (last === undefined || hold[end] > last[end]) last = hold;
  }
  return findings;
}

function describe(hold: ClientHold, end: 'lastHeld' | 'lastUntold' = 'lastHeld'): string {
  const {client, token, acquired, lost} = hold;
  const from = (acquired / 1_000).toFixed(3);
  const to = (hold[end] / 1_000).toFixed(3);
  return `client ${client} token ${token ?? 'none'} [${from}s .. ${to}s]${lost ? ' told of its loss' : ''}`;
}
