import type {ModelState} from '../model/index.ts';
import type {Write} from './linearize.ts';

/** What happened to a store, as an order of the calls tells it. */
export interface Log {
  /** What it held before. */
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
