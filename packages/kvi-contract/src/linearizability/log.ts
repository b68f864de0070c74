import type {ModelState} from '../model/index.ts';
import type {RecordedCall} from './history.ts';

/** A call that made a revision. */
export interface Write {
  readonly call: RecordedCall;
  /** The state after it. */
  readonly after: ModelState;
}

/** What happened to a store, according to one order of the calls. */
export interface Log {
  /** What the store held before. */
  initial: ModelState;
  /** The calls that made a revision each, in order. */
  writes: readonly Write[];
  /** Up to this revision, what a key held before an event may have been compacted when the event was delivered. */
  compactRevision: number;
}

/** The revision of a state. */
export function revisionOf({revisions}: ModelState): number {
  return revisions.length - 1;
}
