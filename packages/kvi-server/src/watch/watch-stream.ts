import {type Bytes, type Event, isEmptyRange, isKviError, type KviError} from 'kvi-core/driver';
import {
  etcdErrors,
  natural,
  type ReceivedWatch,
  type ReceivedWatchRequest,
  readWatch,
  type SentWatchResponse,
} from 'kvi-wire';
import type {Call, Replies, Requests} from '../grpc/call.ts';
import {statusOf} from '../grpc/refusal.ts';
import {overheadBytes} from '../options/options.ts';
import type {ServiceContext} from '../store/context.ts';
import {revisionNow} from '../store/revision-now.ts';
import {fragments} from './fragments.ts';
import {progressRounds} from './progress-round.ts';
import {createWatcher, type Watcher} from './watcher.ts';

/** The watches of all streams, counted. */
export interface WatcherCount {
  now: number;
}

/** A watch of the stream. */
interface Entry {
  readonly id: number;
  readonly watcher: Watcher;
  readonly options: ReceivedWatch;
  /** Whether its client was told something since progress was last due. */
  hadEvents: boolean;
  /** Whether it is to be told its own progress. */
  owesProgress: boolean;
}

/** The id of what is not about one watch, and of a watch that was refused. */
const noWatch = -1;

/**
 * One stream of watches. Requests take effect as they come; what tells a client of them goes out in their order, and events of a
 * watch only after it was told to be in place.
 *
 * @see `server/etcdserver/api/v3rpc/watch.go` in etcd
 */
export function watchStream(
  replies: Replies<SentWatchResponse>,
  call: Call,
  {identity, limits}: ServiceContext,
  count: WatcherCount,
): Requests<ReceivedWatchRequest> {
  const entries = new Map<number, Entry>();
  const byWatcher = new Map<Watcher, Entry>();
  const rounds = progressRounds(
    () => byWatcher.keys(),
    (revision) => tell(noWatch, revision, {}),
  );
  /** What was told so far of requests. */
  let told = Promise.resolve();
  let nextId = 0;
  let ticker: NodeJS.Timeout | undefined;
  const maxBytes = limits.maxRequestBytes + overheadBytes;

  function tell(watchId: number, revision: number, response: SentWatchResponse): void {
    replies.send({header: identity.header(revision), watchId, ...response});
  }

  /** Tells of a request when it is its turn. */
  function inTurn(run: () => void | Promise<void>): void {
    told = told.then(run).catch((error: unknown) => replies.end(statusOf(error)));
  }

  function create(options: ReceivedWatch): void {
    const refusal = reasonAgainst(options);
    if (refusal !== undefined) {
      refuse(refusal);
      return;
    }
    const id = options.watchId === 0 ? freeId() : options.watchId;
    const request = {
      ...readWatch(options),
      progressNotify: false,
      startRevision: natural(options.startRevision),
    };
    const entry: Entry = {
      id,
      options,
      hadEvents: false,
      owesProgress: false,
      watcher: createWatcher(call.driver, request, {
        onEvents: (events, revision) => onEvents(entry, events, revision),
        onProgress: (revision) => onProgress(entry, revision),
        onError: (error) => onError(entry, error),
        isFull: () => replies.unsentBytes > limits.maxWatchBacklogBytes,
        drained: () => replies.drained(),
      }),
    };
    entries.set(id, entry);
    byWatcher.set(entry.watcher, entry);
    count.now += 1;
    if (options.progressNotify) tickForProgress();
    inTurn(() => announce(entry));
  }

  /** Says that the watch is in place, or that it is not. */
  async function announce(entry: Entry): Promise<void> {
    const {id, watcher, options} = entry;
    let refused: KviError | undefined;
    let present: number;
    try {
      const first = await watcher.created;
      present = options.startRevision > 0 ? await revisionNow(call) : first - 1;
    } catch (error) {
      // A watch that was cancelled meanwhile was in place for a moment.
      const isOver = isKviError(error, 'KVI_ABORTED', 'KVI_COMPACTED');
      if (!isKviError(error)) throw error;
      if (!isOver) refused = error;
      present = await revisionNow(call);
    }
    if (refused !== undefined) {
      remove(entry);
      tell(noWatch, present, {created: true, canceled: true, cancelReason: statusOf(refused).details});
      return;
    }
    tell(id, present, {created: true});
    if (byWatcher.has(watcher)) {
      rounds.added(watcher);
      watcher.start();
    }
  }

  function onEvents(entry: Entry, events: readonly Event<Bytes>[], revision: number): void {
    entry.hadEvents = true;
    const response = {header: identity.header(revision), watchId: entry.id, events};
    const parts = entry.options.fragment ? fragments(response, maxBytes) : [response];
    for (const part of parts) replies.send(part);
  }

  function onProgress(entry: Entry, revision: number): void {
    if (entry.owesProgress) {
      entry.owesProgress = false;
      const isToCome = revision < entry.options.startRevision;
      if (!isToCome) tell(entry.id, revision, {});
    }
    rounds.progressed(entry.watcher, revision);
  }

  function onError(entry: Entry, error: unknown): void {
    remove(entry);
    inTurn(async () => {
      const present = await revisionNow(call);
      const reason = isKviError(error, 'KVI_COMPACTED')
        ? {compactRevision: error.compactRevision ?? present}
        : {cancelReason: statusOf(error).details};
      tell(entry.id, present, {canceled: true, ...reason});
    });
  }

  function cancel(id: number): void {
    const entry = entries.get(id);
    if (entry === undefined) return;
    remove(entry);
    inTurn(async () => tell(id, await revisionNow(call), {canceled: true}));
  }

  function remove(entry: Entry): void {
    if (!byWatcher.delete(entry.watcher)) return;
    entries.delete(entry.id);
    count.now -= 1;
    entry.watcher.stop();
    rounds.removed(entry.watcher);
  }

  function reasonAgainst(options: ReceivedWatch): string | undefined {
    // To etcd, what is before the first revision was compacted long ago.
    if (options.startRevision < 0) return etcdErrors.compacted.details;
    if (isEmptyRange(readWatch(options))) return etcdErrors.emptyWatchRange.details;
    if (options.watchId !== 0 && entries.has(options.watchId)) return etcdErrors.duplicateWatchId.details;
    if (count.now >= limits.maxWatchers) return `kvi-server: too many watches (limit ${limits.maxWatchers})`;
    return undefined;
  }

  function refuse(cancelReason: string): void {
    inTurn(async () => tell(noWatch, await revisionNow(call), {created: true, canceled: true, cancelReason}));
  }

  function freeId(): number {
    while (entries.has(nextId)) nextId += 1;
    return nextId++;
  }

  /** Tells watches that want to know how far they have got, unless they had events meanwhile. */
  function tickForProgress(): void {
    ticker ??= setInterval(() => {
      for (const entry of entries.values()) {
        if (!entry.options.progressNotify) continue;
        if (!entry.hadEvents) {
          entry.owesProgress = true;
          entry.watcher.requestProgress();
        }
        entry.hadEvents = false;
      }
    }, limits.progressNotifyIntervalMs).unref();
  }

  return {
    onRequest({create: options, cancel: cancelled, progress}) {
      if (options) create(options);
      else if (cancelled) cancel(cancelled.watchId);
      // Without a watch there is nothing to tell of.
      else if (progress && entries.size > 0) inTurn(() => rounds.request());
    },
    // The client asks for nothing more, and still wants to be told of events.
    onEnd: () => undefined,
    onClose() {
      clearInterval(ticker);
      for (const entry of [...entries.values()]) remove(entry);
    },
  };
}
