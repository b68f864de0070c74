/** Checks that a watch delivered every event once and in order. */
import type {Recording, Watched} from '../history.ts';
import {registerPrefix} from '../keys.ts';
import type {TrueEvent} from '../truth.ts';

export interface WatchFindings {
  delivered: number;
  lost: string[];
  repeated: string[];
  outOfOrder: string[];
  /** How often a watch was told of a gap. Events in it do not count as lost. */
  toldGaps: number;
}

/** What a watch delivered from one start, or restart after a gap, to the next. */
interface Segment {
  from: number;
  seen: Watched[];
}

export function checkWatch({client, records}: Recording, events: readonly TrueEvent[]): WatchFindings {
  const segments: Segment[] = [];
  for (const record of records) {
    if (record.type === 'watchStarted') segments.push({from: record.from, seen: []});
    if (record.type === 'watched') segments.at(-1)?.seen.push(record);
  }
  const watched = events.filter(({key}) => key.startsWith(registerPrefix));
  const findings: WatchFindings = {
    delivered: 0,
    lost: [],
    repeated: [],
    outOfOrder: [],
    toldGaps: Math.max(0, segments.length - 1),
  };

  for (const [index, {from, seen}] of segments.entries()) {
    findings.delivered += seen.length;
    const delivered = new Set<string>();
    let latest = 0;
    for (const event of seen) {
      const what = `client ${client}: ${describe(event)}`;
      if (delivered.has(describe(event))) findings.repeated.push(what);
      else if (event.revision < latest) findings.outOfOrder.push(`${what}, after revision ${latest}`);
      delivered.add(describe(event));
      latest = Math.max(latest, event.revision);
    }
    // The last segment has to have everything up to the end, an earlier one what came before the gap.
    const until = index === segments.length - 1 ? Infinity : latest;
    for (const event of watched) {
      if (event.revision < from || event.revision > until || delivered.has(describe(event))) continue;
      findings.lost.push(`client ${client}: ${describe(event)}, which was watched from revision ${from}`);
    }
  }
  return findings;
}

function describe({key, value, revision}: {key: string; value?: string; revision: number}): string {
  return `revision ${revision}: ${value === undefined ? `delete ${key}` : `put ${key} = "${value}"`}`;
}
