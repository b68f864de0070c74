import {step} from '../model/index.ts';
import {describeCall, matches} from './describe.ts';
import type {RecordedCall} from './history.ts';
import {type Log, revisionOf, type Write} from './log.ts';

/** Whether a call is a read that the member that is asked may answer from what it has. */
export function isSerializable({request}: RecordedCall): boolean {
  return request.type === 'range' && request.serializable === true;
}

/**
 * Whether a read that was answered with the revision that a write made is true of it. It may be old, but it cannot have
 * seen a write that began only when it had ended.
 */
export function agreesWithRead(read: RecordedCall, {call, after}: Write): boolean {
  if (revisionRead(read) !== revisionOf(after)) return true;
  return call.start < read.end && matches(read, step(after, read.request).response);
}

/** What is wrong with such a read. One that is older than the history cannot be judged, nor one that was refused. */
export function readFindings(read: RecordedCall, {initial, writes}: Log): string[] {
  const revision = revisionRead(read);
  if (revision <= revisionOf(initial)) return [];
  const write = writes.find(({after}) => revisionOf(after) === revision);
  if (write && agreesWithRead(read, write)) return [];
  return [`${describeCall(read)}\n  is true of no state that there was until it ended`];
}

/** The revision that such a read tells; 0 if it was refused. */
export function revisionRead({outcome}: RecordedCall): number {
  if (outcome === 'unknown' || !outcome.ok) return 0;
  const {value} = outcome;
  return typeof value === 'object' && 'revision' in value ? value.revision : 0;
}
