import {systemClock, type Timer} from 'kvi-core/driver';
import {revisionOf, type SentWatchRequest, type WatchMessage} from 'kvi-wire';
import type {RequestStream} from './request-streams.ts';
import type {Watch} from './watch.ts';

/** Advances the watches of a stream that have no events of their own; see {@link progress}. */
export interface Progress {
  /** The server answered a request for progress. */
  onAnswer(response: WatchMessage): void;
  /** Something else arrived on the stream. */
  onOther(): void;
  /** A watch is in place. */
  onCreated(watch: Watch, response: WatchMessage): void;
  /** Asks before it is time, if that helps. */
  ask(): void;
  stop(): void;
}

/** Milliseconds between two requests. */
const intervalMs = 1_000;

/** How long a watch that had to catch up may take, where the server does not say when it has. */
const catchUpMs = 30_000;

/**
 * Asks the server now and then up to which revision nothing is missing, so that a quiet watch does not resume from a revision
 * that was compacted long ago. One request is for all watches of the stream.
 *
 * etcd before 3.4.25 and 3.5.8 answers at once, although events of earlier revisions may still be waiting to be sent, or a
 * watch be catching up (etcd issue 15220). So an answer of theirs counts only when the next one has come and nothing else
 * has in between, and only for watches that had nothing to catch up with.
 *
 * @param inPlace - the watches on the stream
 */
export function progress(
  stream: RequestStream<SentWatchRequest>,
  inPlace: ReadonlyMap<number, Watch>,
): Progress {
  /** From when on a watch counts as having caught up. */
  const caughtUpAt = new WeakMap<Watch, number>();
  /** Whether the server answers in order. Undefined: it was not asked, since a stream often lives for a moment. */
  let isExact: boolean | undefined;
  /** The revision of the last answer, if nothing has arrived since. */
  let quietSince: number | undefined;
  let timer: Timer | undefined;
  let isStopped = false;

  let asking: Promise<void> | undefined;

  function ask(): void {
    if (isStopped) return;
    if (isExact === undefined) void askVersion();
    else if (isExact) stream.write({progress: {}});
  }

  function askVersion(): Promise<void> {
    asking ??= stream.version().then((version) => {
      isExact = answersInOrder(version);
      ask();
    });
    return asking;
  }

  function schedule(): void {
    timer = systemClock
      .setTimer(intervalMs, () => {
        void askVersion();
        stream.write({progress: {}});
        schedule();
      })
      .unref();
  }
  schedule();

  function advance(revision: number): void {
    const now = systemClock.now();
    for (const watch of inPlace.values()) {
      if (isExact === true || now >= (caughtUpAt.get(watch) ?? Infinity)) watch.advance(revision);
    }
  }

  return {
    onAnswer({header}) {
      const revision = revisionOf(header);
      if (isExact === true) advance(revision);
      else if (quietSince !== undefined) advance(quietSince);
      quietSince = revision;
    },
    onOther() {
      quietSince = undefined;
    },
    onCreated(watch, {header}) {
      quietSince = undefined;
      const isLive = watch.nextRevision === 0 || revisionOf(header) < watch.nextRevision;
      caughtUpAt.set(watch, systemClock.now() + (isLive ? 0 : catchUpMs));
    },
    ask,
    stop() {
      isStopped = true;
      timer?.cancel();
    },
  };
}

/** Whether the server sends what it knows of progress behind the events that it is about. */
function answersInOrder(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  if (major !== 3) return major > 3;
  if (minor === 4) return patch >= 25;
  if (minor === 5) return patch >= 8;
  return minor > 5;
}
