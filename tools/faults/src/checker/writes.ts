/** Checks that what clients were told about their writes is what happened. */
import type {TrueEvent} from '../truth.ts';
import {describeOperation, type ClientOperation} from './describe.ts';

export interface WriteFindings {
  /** Acknowledged, but never applied. */
  lost: string[];
  /** Reported as not applied, but applied; applied twice; or made by no client. */
  misreported: string[];
}

export function checkWrites(
  operations: readonly ClientOperation[],
  events: readonly TrueEvent[],
): WriteFindings {
  const applied = new Map<string, number[]>();
  for (const {key, value, revision} of events) {
    if (value === undefined) continue;
    const revisions = applied.get(identity(key, value));
    if (revisions === undefined) applied.set(identity(key, value), [revision]);
    else revisions.push(revision);
  }

  const lost: string[] = [];
  const misreported: string[] = [];
  const keys = new Set<string>();
  for (const operation of operations) {
    const {kind, key, value, outcome} = operation;
    if (kind === 'get' || value === undefined) continue;
    keys.add(key);
    const revisions = applied.get(identity(key, value)) ?? [];
    applied.delete(identity(key, value));
    const where = `${describeOperation(operation)}, applied at revision ${revisions.join(' and ') || 'none'}`;
    if (outcome === 'ok' && revisions.length === 0) lost.push(where);
    if ((outcome === 'false' || outcome === 'failed') && revisions.length > 0) misreported.push(where);
    else if (revisions.length > 1) misreported.push(where);
  }
  for (const [write, revisions] of applied) {
    const [key = '', value = ''] = write.split('\0');
    if (keys.has(key))
      misreported.push(`no client wrote ${key} = "${value}" of revision ${revisions.join()}`);
  }
  return {lost, misreported};
}

function identity(key: string, value: string): string {
  return `${key}\0${value}`;
}
