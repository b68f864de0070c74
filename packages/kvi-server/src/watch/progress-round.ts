import type {Watcher} from './watcher.ts';

/** Answers requests for the progress of all watchers of a stream at once. */
export interface ProgressRounds {
  /** The client asks. */
  request(): void;
  /** A watcher has begun: an answer must not say that it has got further than it has. */
  added(watcher: Watcher): void;
  /** A watcher tells how far it has got. */
  progressed(watcher: Watcher, revision: number): void;
  /** A watcher has ended. */
  removed(watcher: Watcher): void;
}

/**
 * One answer is for all watchers, so it is given when the last of them has got as far. A watcher of a revision that is yet to
 * come has got nowhere: then there is none, as from an etcd.
 *
 * @param watchers - those of the stream
 * @param answer - tells the client
 */
export function progressRounds(
  watchers: () => Iterable<Watcher>,
  answer: (revision: number) => void,
): ProgressRounds {
  let waiting: Set<Watcher> | undefined;
  let isAskedAgain = false;
  let revision = Infinity;

  function begin(): void {
    const asked = new Set(watchers());
    if (asked.size === 0) return;
    waiting = asked;
    revision = Infinity;
    for (const watcher of asked) watcher.requestProgress();
  }

  function left(watcher: Watcher): void {
    if (waiting?.delete(watcher) !== true || waiting.size > 0) return;
    waiting = undefined;
    if (Number.isFinite(revision) && revision > 0) answer(revision);
    if (!isAskedAgain) return;
    isAskedAgain = false;
    begin();
  }

  return {
    request() {
      if (waiting === undefined) begin();
      else isAskedAgain = true;
    },
    added(watcher) {
      if (waiting === undefined) return;
      waiting.add(watcher);
      watcher.requestProgress();
    },
    progressed(watcher, reached) {
      if (waiting?.has(watcher) !== true) return;
      const isToCome = reached < (watcher.request.startRevision ?? 0);
      revision = isToCome ? 0 : Math.min(revision, reached);
      left(watcher);
    },
    removed: left,
  };
}
