import {KviError, type KviErrorDetails, type LeaseId, noLease} from 'kvi-core/driver';
import type {ByteString} from '../byte-string.ts';
import {History} from './history.ts';
import {includes, type Interval} from './interval.ts';
import {KeyIndex, type Selection} from './key-index.ts';
import {isTombstone, type Version} from './version.ts';

/** The options of a {@link MvccStore}. */
export interface MvccStoreOptions {
  /** Minimum number of the latest revisions to keep; see {@link MvccStore.compact}. */
  historyLimit: number;
  /** Called in a transaction for each key that moves to another lease, and again if a rollback moves it back. */
  onLeaseChange: (key: ByteString, from: LeaseId, to: LeaseId) => void;
  /** Called when a transaction is complete, with its changes in order. */
  onCommit: (revision: number, changes: readonly Version[]) => void;
}

/**
 * The keys and values of a store at each of its revisions.
 *
 * Writes happen inside {@link MvccStore.transact}, and later reads in it see them.
 */
export class MvccStore {
  readonly #options: MvccStoreOptions;
  readonly #index: KeyIndex;
  readonly #history: History;
  /** The changes of the current transaction. */
  #pending: Version[] = [];
  #committedRevision = 1;
  #compactRevision = -1;

  /** @param origin the store to start from; default: none. Neither sees later changes of the other. */
  constructor(options: MvccStoreOptions, origin?: MvccStore) {
    this.#options = options;
    this.#index = new KeyIndex(origin && origin.#index);
    this.#history = new History(origin && origin.#history);
    if (!origin) return;
    this.#committedRevision = origin.#committedRevision;
    this.#compactRevision = origin.#compactRevision;
  }

  /** The revision of the latest change, including the current transaction; 1 if there was none yet. */
  get revision(): number {
    return this.#pending.length === 0 ? this.#committedRevision : this.#committedRevision + 1;
  }

  /** The revision of the last compaction, the oldest that can be read; -1 if there was none. */
  get compactRevision(): number {
    return this.#compactRevision;
  }

  /** The key as it was at `revision`; undefined if it did not exist. */
  get(key: ByteString, revision = Infinity): Version | undefined {
    return this.#index.get(key, revision);
  }

  /** The key-values that exist, or existed, in key order. */
  find(interval: Interval, selection?: Selection): Version[] {
    return this.#index.find(interval, selection);
  }

  /** How many keys existed at `revision`. Goes through the keys or through the changes since, whichever are fewer. */
  count(interval: Interval, revision = Infinity): number {
    if (revision >= this.revision) return this.#index.count(interval);
    if (this.revision - revision > this.#index.countAll(interval))
      return this.find(interval, {revision}).length;
    const since = this.changes(revision + 1, this.#committedRevision).concat(this.#pending);
    return since.reduce(
      (count, change) => (includes(interval, change.key) ? count - growth(change) : count),
      this.#index.count(interval),
    );
  }

  /** @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION` if the store cannot be read at this revision */
  checkRevision(revision: number): void {
    if (revision > this.revision) throw futureRevision(revision, this.revision);
    if (revision < this.#compactRevision) throw compacted(revision, this.#compactRevision);
  }

  /** The changes from one revision to another, both included, in order. */
  changes(from: number, to: number): Version[] {
    return this.#history.between(from, to);
  }

  /**
   * The changes of the keys in an interval from a revision on, in order. Goes through the history from there or through
   * the keys, whichever are fewer.
   */
  changesOf(interval: Interval, from: number): Version[] {
    const to = this.#committedRevision;
    const between = (first: number, last: number) =>
      this.changes(first, last).filter(({key}) => includes(interval, key));
    if (to - from < this.#index.countAll(interval)) return between(from, to);
    const revisions = this.#index.revisions(interval, from);
    // The index has forgotten what was deleted at the compact revision.
    if (from === this.#compactRevision && revisions[0] !== from) revisions.unshift(from);
    return revisions.flatMap((revision) => between(revision, revision));
  }

  /** Runs `run`, whose changes make one revision. If it throws, they are rolled back. */
  transact<T>(run: () => T): T {
    let result: T;
    try {
      result = run();
    } catch (error) {
      this.#rollBack();
      throw error;
    }
    if (this.#pending.length > 0) this.#commit();
    return result;
  }

  /** Writes a key, in a transaction; without a value or lease the key keeps its own. Returns the previous version. */
  put(key: ByteString, value: ByteString | undefined, lease: LeaseId | undefined): Version | undefined {
    const previous = this.get(key);
    const modRevision = this.#committedRevision + 1;
    this.#change(previous, {
      // One string per key, however often it is written.
      key: previous?.key ?? key,
      value: value ?? previous?.value ?? '',
      createRevision: previous?.createRevision ?? modRevision,
      modRevision,
      version: (previous?.version ?? 0) + 1,
      lease: lease ?? previous?.lease ?? noLease,
      inBytes: undefined,
    });
    return previous;
  }

  /** Deletes a key, in a transaction. Does nothing if it does not exist. */
  delete(key: ByteString): void {
    const previous = this.get(key);
    // Stryker disable next-line ConditionalExpression: the caller has found the key
    if (!previous) return;
    this.#change(previous, {
      key: previous.key,
      value: '',
      createRevision: 0,
      modRevision: this.#committedRevision + 1,
      version: 0,
      lease: noLease,
      inBytes: undefined,
    });
  }

  /**
   * Discards the history before `revision`. The cost depends on the number of discarded changes, not of keys.
   *
   * Changes at `revision` itself stay for watches, deletions included, as in etcd since 3.4.34 and 3.5.16.
   *
   * @throws `KVI_COMPACTED` if that was compacted already, `KVI_FUTURE_REVISION`
   */
  compact(revision: number): void {
    if (revision <= this.#compactRevision) throw compacted(revision, this.#compactRevision);
    if (revision > this.#committedRevision) throw futureRevision(revision, this.#committedRevision);
    // Stryker disable next-line ArithmeticOperator: compacting a key again removes nothing more
    const superseding = this.changes(this.#compactRevision + 1, revision);
    this.#compactRevision = revision;
    for (const {key} of superseding) this.#index.compact(key, revision);
    this.#history.forget(revision);
  }

  #change(previous: Version | undefined, current: Version) {
    this.#index.append(current);
    this.#pending.push(current);
    this.#moveLease(current.key, previous, current);
  }

  #rollBack() {
    for (const change of this.#pending.reverse()) {
      this.#index.removeNewest(change.key);
      this.#moveLease(change.key, change, this.get(change.key));
    }
    this.#pending = [];
  }

  #moveLease(key: ByteString, from: Version | undefined, to: Version | undefined) {
    this.#options.onLeaseChange(key, from?.lease ?? noLease, to?.lease ?? noLease);
  }

  #commit() {
    const changes = this.#pending;
    this.#pending = [];
    this.#committedRevision += 1;
    this.#history.append(this.#committedRevision, changes);
    this.#options.onCommit(this.#committedRevision, changes);
    this.#compactSurplus();
  }

  /** Compacts only once there is a surplus of a sixteenth, so that the cost per write is negligible. */
  #compactSurplus() {
    const {historyLimit} = this.#options;
    const oldest = this.#committedRevision - historyLimit + 1;
    const surplus = oldest - Math.max(this.#compactRevision, 1);
    if (surplus > historyLimit / 16) this.compact(oldest);
  }
}

/** How many keys more there are after a change: 1, 0 or -1. */
function growth(change: Version): number {
  if (isTombstone(change)) return -1;
  return change.version === 1 ? 1 : 0;
}

/**
 * The error for a read, watch or compaction at a revision whose history is gone.
 *
 * @param details - `compactRevision` for a watch; etcd tells it only to watches
 */
export function compacted(
  revision: number,
  compactRevision: number,
  details: KviErrorDetails = {},
): KviError {
  return new KviError(
    'KVI_COMPACTED',
    `revision ${String(revision)} has been compacted, up to ${String(compactRevision)}; read the present state and go on from there`,
    details,
  );
}

function futureRevision(revision: number, current: number): KviError {
  return new KviError(
    'KVI_FUTURE_REVISION',
    `revision ${String(revision)} is ahead of the store, which is at ${String(current)}`,
  );
}
