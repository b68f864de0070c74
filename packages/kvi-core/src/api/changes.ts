import type {Input} from '../etcd/bytes.ts';
import type {KeyValue} from '../etcd/messages.ts';

/** One change of one key. */
export type Change<T extends Input = string> =
  | (KeyValue<T> & {type: 'put'; prevKv?: KeyValue<T>})
  | {type: 'delete'; key: T; value: undefined; modRevision: number; prevKv?: KeyValue<T>};

/** The changes of one revision, in the order in which they were made. */
export interface ChangeSet<T extends Input = string> {
  /** Everything up to this revision has been delivered. To go on later, start at the next one. */
  revision: number;
  /** Empty in a progress notification, and where a resync found no difference. */
  events: Change<T>[];
  /** Set on what a resync found; see {@link ChangesOptions.onCompacted}. */
  resync?: true;
}

/** Options of {@link Kvi.changes}. */
export interface ChangesOptions {
  /** Ends the iteration with `KVI_ABORTED`. */
  signal?: AbortSignal | undefined;
  /** The first revision to deliver, past or future. Default: the one after the present revision. */
  startRevision?: number | undefined;
  /** Include each key-value as it was before the change. Default false. */
  prevKv?: boolean | undefined;
  /** Leave out puts, or deletions. Default: none. */
  filters?: readonly ('noput' | 'nodelete')[] | undefined;
  /** Send an empty change set from time to time while nothing happens (etcd: every ten minutes). Default false. */
  progressNotify?: boolean | undefined;
  /**
   * What to do when changes that are due have been compacted. `error`, the default, ends with `KVI_COMPACTED`. `resync`
   * reads the present state and goes on: one change set has a put for each key that changed since, and a deletion for each
   * key that this iteration knew and that is gone. The states in between are lost.
   */
  onCompacted?: 'error' | 'resync' | undefined;
}

/**
 * Changes as they happen: in order, each once, none left out, across lost connections too. Read it with `for await`;
 * leaving the loop ends it.
 *
 * It ends with `KVI_COMPACTED`, `KVI_SLOW_CONSUMER`, `KVI_ABORTED`, `KVI_CLOSED`, `KVI_PERMISSION_DENIED` or
 * `KVI_UNAUTHENTICATED`, and never by itself.
 */
export interface Changes<T extends Input = string>
  extends AsyncIterator<ChangeSet<T>, undefined>, AsyncDisposable {
  // Not `AsyncIterableIterator`, which has one type parameter before TypeScript 5.6.
  [Symbol.asyncIterator](): this;
  /** Resolves with the first revision that is watched, once the watch is in place. Rejects if it ends before. */
  readonly created: Promise<number>;
}
