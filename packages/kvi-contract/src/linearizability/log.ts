import type {ModelState} from '../model/index.ts';
import type {RecordedCall} from './history.ts';

/** A call that created a revision. */
export interface Write {
  readonly call: RecordedCall;
  /** The state after it. */
  readonly after: ModelState;
}

/** The revisions of a store, according to one order of the calls. */
export interface Log {
  /** The initial state of the store. */
  initial: ModelState;
  /** The calls that created revisions, in order. */
  writes: readonly Write[];
  /** Up to this revision, the previous value of a key may have been compacted when an event was delivered. */
  compactRevision: number;
}

/** The revision of a state. */
export function revisionOf({revisions}: ModelState): number {
  return revisions.length - 1;
}
