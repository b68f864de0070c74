import {SortedMap} from '../sorted-map.ts';
import {countUntil, type Version} from './version.ts';

/** A chunk is complete once it has at least this many changes; all changes of a revision are in one chunk. */
const chunkSize = 128;

/**
 * Every change since the compact revision, in the order of revisions.
 *
 * They are kept in chunks, which never change once complete. A history that starts from another shares its complete
 * chunks and copies only the incomplete one: fewer than 128 changes, whatever the size.
 */
export class History {
  /** The complete chunks, by their last revision. */
  readonly #chunks: SortedMap<number, readonly Version[]>;
  #incomplete: Version[];

  /** @param origin the history to start from; default: none. Neither sees later changes of the other. */
  constructor(origin?: History) {
    this.#chunks = origin ? origin.#chunks.clone() : new SortedMap((a, b) => a - b);
    this.#incomplete = origin ? origin.#incomplete.slice() : [];
  }

  /** Adds the changes of the next revision. */
  append(revision: number, changes: readonly Version[]): void {
    for (const change of changes) this.#incomplete.push(change);
    if (this.#incomplete.length < chunkSize) return;
    this.#chunks.set(revision, this.#incomplete);
    this.#incomplete = [];
  }

  /** The changes from one revision to another, both included, in order. */
  between(from: number, to: number): Version[] {
    const changes: Version[] = [];
    const take = (chunk: readonly Version[]) => {
      for (const change of chunk.slice(countUntil(chunk, from - 1), countUntil(chunk, to)))
        changes.push(change);
    };
    this.#chunks.ascend(from, undefined, (chunk) => {
      take(chunk);
      // Stryker disable next-line all: later chunks have nothing to add; this only saves time
      return (chunk.at(-1)?.modRevision ?? 0) < to;
    });
    take(this.#incomplete);
    return changes;
  }

  /** Discards the chunks that end before a revision. */
  forget(revision: number): void {
    this.#chunks.deleteBefore(revision);
  }
}
