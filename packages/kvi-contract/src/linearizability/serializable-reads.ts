import {step} from '../model/index.ts';
import {describeCall, matches} from './describe.ts';
import type {RecordedCall} from './history.ts';
import {type Log, revisionOf, type Write} from './log.ts';

/** Whether a call is a read that a member may answer from its own state. */
export function isSerializable({request}: RecordedCall): boolean {
  return request.type === 'range' && request.serializable === true;
}

/**
 * Whether a read is correct at the revision of a write that it reports. It may be stale, but cannot have seen a write
 * that started after it ended.
 */
export function agreesWithRead(read: RecordedCall, {call, after}: Write): boolean {
  if (revisionRead(read) !== revisionOf(after)) return true;
  return call.start < read.end && matches(read, step(after, read.request).response);
}

/** The violations of such reads. Reads that are older than the history, or were refused, cannot be checked. */
export function readFindings(read: RecordedCall, {initial, writes}: Log): string[] {
  const revision = revisionRead(read);
  if (revision <= revisionOf(initial)) return [];
  const write = writes.find(({after}) => revisionOf(after) === revision);
  if (write && agreesWithRead(read, write)) return [];
  return [`${describeCall(read)}\n  is true of no state that there was until it ended`];
}

/** The revision that such a read reports; 0 if it was refused. */
export function revisionRead({outcome}: RecordedCall): number {
  if (outcome === 'unknown' || !outcome.ok) return 0;
  const {value} = outcome;
  return typeof value === 'object' && 'revision' in value ? value.revision : 0;
}
