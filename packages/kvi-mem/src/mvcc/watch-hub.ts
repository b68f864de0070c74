// Not the global one, which a test may have replaced with a fake timer.
import {setImmediate} from 'node:timers';
import {
  type Bytes,
  type Clock,
  type DriverWatch,
  type Event,
  type EventBuffer,
  eventBuffer,
  type EventBufferOptions,
  type KviError,
  type Timer,
  type WatchRequest,
} from 'kvi-core/driver';
import type {ByteString} from '../byte-string.ts';
import {type Interval, toInterval} from './interval.ts';
import {IntervalMap} from './interval-map.ts';
import {compacted, type MvccStore} from './store.ts';
import {countUntil, isTombstone, toKeyValue, type Version} from './version.ts';

/** The options of a {@link WatchHub}. */
export interface WatchHubOptions {
  clock: Clock;
  /** The watched store, to read its history. */
  store: MvccStore;
  /** Interval of progress notifications of a watch without events, in milliseconds. */
  progressIntervalMs: number;
}

interface Watcher {
  readonly interval: Interval;
  readonly request: WatchRequest<Bytes>;
  readonly owner: object;
  readonly buffer: EventBuffer;
  /** The start revision; while the watch catches up, the first revision that was not sent yet. */
  nextRevision: number;
  /** Whether it has caught up. */
  isLive: boolean;
  /** Whether it was sent events since the last progress notification was due. */
  hadEvents: boolean;
  /** Whether a progress notification was asked for while it caught up. */
  owesProgress: boolean;
}

/** About how many events are sent at once to a watch that is catching up, so that others get their turn. */
const catchUpEvents = 1000;

/**
 * Sends the changes of a store to its watches.
 *
 * A watch that starts in the past catches up from the store's history. Then it is live, and is sent the events of each
 * transaction when it completes. Sending puts them into the watch's {@link eventBuffer}; consumers do not run here.
 */
export class WatchHub {
  readonly #options: WatchHubOptions;
  readonly #watchers = new Set<Watcher>();
  /** The live watchers of single keys. */
  readonly #byKey = new Map<ByteString, Set<Watcher>>();
  /** The live watchers of ranges. */
  readonly #ofRanges = new IntervalMap<Watcher>();
  /** The watchers that want progress notifications. */
  readonly #ofProgress = new Set<Watcher>();
  #progressTimer: Timer | undefined;

  constructor(options: WatchHubOptions) {
    this.#options = options;
  }

  /** The number of watches. */
  get size(): number {
    return this.#watchers.size;
  }

  /**
   * Starts a watch. It ends with `KVI_COMPACTED` if its start revision was compacted.
   *
   * @param owner whose watch it is; see {@link WatchHub.end}
   */
  watch(
    request: WatchRequest<Bytes>,
    owner: object,
    options: Omit<EventBufferOptions, 'onEnd' | 'onProgressRequest'> & {onEnd?: (() => void) | undefined},
  ): DriverWatch {
    let watcher: Watcher | undefined = undefined;
    const onEnd = () => {
      if (watcher) this.#remove(watcher);
      options.onEnd?.();
    };
    const onProgressRequest = () => {
      if (watcher) this.#progress(watcher);
    };
    const buffer = eventBuffer({...options, onEnd, onProgressRequest});
    const interval = toInterval(request);
    if (buffer.ended) return buffer.watch;

    const {startRevision = 0, progressNotify = false} = request;
    const nextRevision = startRevision > 0 ? startRevision : this.#options.store.revision + 1;
    watcher = {
      interval,
      request,
      owner,
      buffer,
      nextRevision,
      isLive: false,
      hadEvents: false,
      owesProgress: false,
    };
    this.#watchers.add(watcher);
    buffer.created(nextRevision);
    this.#catchUp(watcher);
    if (progressNotify) this.#wantProgress(watcher);
    return buffer.watch;
  }

  /** Sends the changes of a transaction that has just completed. */
  notify(revision: number, changes: readonly Version[]): void {
    if (this.#watchers.size === 0) return;
    const batches = new Map<Watcher, Event<Bytes>[]>();
    for (const change of changes) {
      // Created once for all watches.
      let plain: Event<Bytes> | undefined;
      let withPrevKv: Event<Bytes> | undefined;
      const tell = (watcher: Watcher): void => {
        if (revision < watcher.nextRevision || !wants(watcher, change)) return;
        const event =
          watcher.request.prevKv === true
            ? (withPrevKv ??= this.#toEvent(change, true))
            : (plain ??= this.#toEvent(change, false));
        const batch = batches.get(watcher);
        if (batch) batch.push(event);
        else batches.set(watcher, [event]);
      };
      this.#byKey.get(change.key)?.forEach(tell);
      this.#ofRanges.at(change.key, tell);
    }
    for (const [watcher, events] of batches) push(watcher, revision, events);
  }

  /** Ends the watches of one owner, or all. */
  end(error: KviError, owner?: object): void {
    for (const watcher of this.#watchers) {
      if (owner === undefined || watcher.owner === owner) watcher.buffer.fail(error);
    }
  }

  #catchUp(watcher: Watcher): void {
    const {store} = this.#options;
    if (watcher.nextRevision > store.revision) {
      this.#goLive(watcher);
      return;
    }
    const changes = store.changesOf(watcher.interval, watcher.nextRevision);
    this.#sendPast(
      watcher,
      changes.filter((change) => wants(watcher, change)),
      store.revision,
    );
  }

  /**
   * Sends whole revisions of the past to a watch, and others in the next turn of the event loop.
   *
   * @param until the last revision of this past
   * @param from how many of its changes were sent
   */
  #sendPast(watcher: Watcher, past: readonly Version[], until: number, from = 0): void {
    const {buffer, nextRevision, request} = watcher;
    const {compactRevision} = this.#options.store;
    // Stryker disable next-line ConditionalExpression: a watch that has ended ignores events; this only saves time
    if (buffer.ended) return;
    if (nextRevision < compactRevision) {
      buffer.fail(compacted(nextRevision, compactRevision, {compactRevision}));
      return;
    }
    // Stryker disable next-line ArithmeticOperator: the size of a part only decides when others get their turn
    const most = past[from + catchUpEvents - 1];
    const to = most ? countUntil(past, most.modRevision) : past.length;
    const next = past[to];
    const revision = next ? next.modRevision - 1 : until;
    const events = past.slice(from, to).map((change) => this.#toEvent(change, request.prevKv === true));
    watcher.nextRevision = revision + 1;
    if (events.length > 0) push(watcher, revision, events);
    if (next) {
      setImmediate(() => {
        this.#sendPast(watcher, past, until, to);
      });
    } else this.#catchUp(watcher);
  }

  #goLive(watcher: Watcher): void {
    // Stryker disable next-line ConditionalExpression: a watch that has ended ignores events; this only saves memory
    if (watcher.buffer.ended) return;
    watcher.isLive = true;
    const {start, end} = watcher.interval;
    // Stryker disable next-line ConditionalExpression: the index by key only saves time
    if (end !== undefined) {
      this.#ofRanges.add(watcher.interval, watcher);
    } else {
      const watchers = this.#byKey.get(start);
      if (watchers) watchers.add(watcher);
      else this.#byKey.set(start, new Set([watcher]));
    }
    if (watcher.owesProgress) this.#progress(watcher);
  }

  /** Sends a progress notification, as soon as the watch has caught up. */
  #progress(watcher: Watcher): void {
    watcher.owesProgress = !watcher.isLive;
    if (watcher.isLive) watcher.buffer.push({revision: this.#options.store.revision, events: []});
  }

  #remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    this.#ofProgress.delete(watcher);
    if (this.#ofProgress.size === 0) {
      this.#progressTimer?.cancel();
      this.#progressTimer = undefined;
    }
    const {start, end} = watcher.interval;
    if (end !== undefined) {
      this.#ofRanges.delete(watcher.interval, watcher);
      return;
    }
    const watchers = this.#byKey.get(start);
    watchers?.delete(watcher);
    // Stryker disable next-line ConditionalExpression: an empty set finds no watcher; this only saves memory
    if (watchers?.size === 0) this.#byKey.delete(start);
  }

  #toEvent(change: Version, withPrevKv: boolean): Event<Bytes> {
    const event: Event<Bytes> = {type: isTombstone(change) ? 'delete' : 'put', kv: toKeyValue(change)};
    // Undefined for a creation, and if it was compacted.
    const previous = withPrevKv ? this.#options.store.get(change.key, change.modRevision - 1) : undefined;
    return previous ? {...event, prevKv: toKeyValue(previous)} : event;
  }

  /** One timer for all watches, stopped when none wants progress notifications. */
  #wantProgress(watcher: Watcher): void {
    if (watcher.buffer.ended) return;
    this.#ofProgress.add(watcher);
    this.#progressTimer ??= this.#setProgressTimer();
  }

  #setProgressTimer(): Timer {
    const {clock, progressIntervalMs} = this.#options;
    return clock
      .setTimer(progressIntervalMs, () => {
        this.#progressTimer = this.#setProgressTimer();
        this.#sendProgress();
      })
      .unref();
  }

  #sendProgress(): void {
    const {revision} = this.#options.store;
    for (const watcher of this.#ofProgress) {
      // A watch that catches up has not seen all events up to the present revision; one that starts later could not
      // be resumed from it.
      const isUpToDate = watcher.isLive && watcher.nextRevision <= revision + 1;
      if (isUpToDate && !watcher.hadEvents) watcher.buffer.push({revision, events: []});
      watcher.hadEvents = false;
    }
  }
}

function wants({request: {filters}}: Watcher, change: Version): boolean {
  return !filters?.includes(isTombstone(change) ? 'nodelete' : 'noput');
}

function push(watcher: Watcher, revision: number, events: Event<Bytes>[]): void {
  watcher.hadEvents = true;
  watcher.buffer.push({revision, events});
}
