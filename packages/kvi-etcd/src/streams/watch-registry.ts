import {
  backoffMs,
  type BufferLimits,
  bufferLimits,
  type Bytes,
  closed,
  type DriverWatch,
  isKviError,
  KviError,
  sleep,
  systemClock,
  type Timer,
  type WatchRequest,
} from 'kvi-core/driver';
import {publish} from '../telemetry/diagnostics.ts';
import type {WatchMessage} from 'kvi-wire';
import {isTokenRefused, mayPass} from '../failures/kvi-errors.ts';
import type {RequestStreams} from './request-streams.ts';
import {revisionReads} from './revision-reads.ts';
import type {StoreHistory} from './store-history.ts';
import {createWatch, type Watch} from './watch.ts';
import {openWatchStream, type WatchStream} from './watch-stream.ts';

/** What {@link watchRegistry} needs. */
export interface WatchRegistryOptions extends BufferLimits {
  /** Whether diagnostics name the keys. Default false. */
  diagnosticKeys?: boolean | undefined;
  /** What is known of the store's revisions. */
  history: StoreHistory;
  /** Reads the store's revision by reading the watched key. */
  presentRevision: (key: Bytes, signal: AbortSignal) => Promise<number>;
}

/** Runs watches. */
export interface WatchRegistry {
  watch(request: WatchRequest<Bytes>, options?: {signal?: AbortSignal | undefined}): DriverWatch;
  /** Ends all watches with this error, but for those that have not begun. */
  endAll(error: KviError): void;
  /** Ends all watches with `KVI_CLOSED`, including those that wait for a connection. */
  close(): void;
}

/** How many times in a row the server may cancel a watch, for a reason that may pass, before the watch gives up. */
const maxCancellations = 10;

/**
 * Runs all watches of a handle on one stream, which is open while there are watches. When it breaks, it is opened again, and
 * every watch resumes where it was.
 */
export function watchRegistry(streams: RequestStreams, options: WatchRegistryOptions): WatchRegistry {
  const {history, diagnosticKeys = false} = options;
  const watches = new Set<Watch>();
  let stream: WatchStream | undefined;
  let opening: AbortController | undefined;
  let retry: Timer | undefined;
  /** How many streams in a row broke before anything but a refusal arrived. */
  let failures = 0;
  /** Whether the last stream broke, rather than ended with its last watch. */
  let interrupted = false;
  const reads = revisionReads(options.presentRevision);

  function watch(
    request: WatchRequest<Bytes>,
    {signal}: {signal?: AbortSignal | undefined} = {},
  ): DriverWatch {
    // It may end while it is created, if the signal has aborted.
    let created: Watch | undefined;
    const onEnd = () => {
      if (created !== undefined) release(created);
    };
    const onProgressRequest = () => {
      if (created !== undefined) requestProgress(created);
    };
    const watch = (created = createWatch(request, {
      ...bufferLimits(options),
      signal,
      onEnd,
      onProgressRequest,
    }));
    if (!watch.buffer.ended) {
      watches.add(watch);
      start(watch);
    }
    return watch.buffer.watch;
  }

  function start(watch: Watch): void {
    if (stream === undefined) open();
    else stream.add(watch);
  }

  /**
   * A watch that starts now begins after a revision that is read linearizably when it is in place: the member that it is on
   * may be behind, and etcd 3.5 reports inexactly where it began. (A watch after a revision that was read before would often
   * be one in the past by then, for which etcd takes up to a tenth of a second to look up what it missed.)
   */
  function begin(watch: Watch): void {
    const {place} = watch;
    reads.ask(watch, (revision) => watch.begin(revision, place));
  }

  /** The member that the stream goes to may be behind: so what it answers has to reach a revision that is read first. */
  function requestProgress(watch: Watch): void {
    reads.ask(watch, (revision) => {
      watch.wantProgress(revision);
      stream?.askProgress();
    });
  }

  function open(): void {
    if (stream !== undefined || opening !== undefined || retry !== undefined) return;
    if (failures === 0) void openNow();
    else {
      retry = systemClock.setTimer(backoffMs(failures), () => {
        retry = undefined;
        void openNow();
      });
    }
  }

  async function openNow(): Promise<void> {
    const mine = new AbortController();
    opening = mine;
    try {
      const listener = {onCreated, onCanceled, onResponse, onEnd: broken};
      const opened = await openWatchStream(streams, listener, mine.signal);
      if (mine.signal.aborted) {
        opened.cancel();
        return;
      }
      opening = undefined;
      stream = opened;
      if (interrupted) tellResumed([...watches].filter(({nextRevision}) => nextRevision !== 0));
      interrupted = false;
      for (const watch of watches) opened.add(watch);
    } catch (error) {
      if (mine.signal.aborted) return;
      opening = undefined;
      broken(error);
    }
  }

  function tellResumed(resumed: readonly Watch[]): void {
    publish('kvi:etcd:watch-resume', () => {
      const keys = resumed.map(({request: {key, rangeEnd}, nextRevision: fromRevision}) => ({
        key,
        rangeEnd,
        fromRevision,
      }));
      return {
        endpoints: streams.name,
        watches: resumed.length,
        fromRevision: keys.reduce((lowest, {fromRevision}) => Math.min(lowest, fromRevision), Infinity),
        ...(diagnosticKeys ? {keys} : {}),
      };
    });
  }

  function broken(error: unknown): void {
    interrupted ||= stream !== undefined;
    stream = undefined;
    failures += 1;
    for (const watch of watches) {
      watch.interrupt();
      if (!mayPass(error)) watch.fail(error);
    }
    if (watches.size > 0) open();
  }

  function onResponse({header}: WatchMessage): void {
    failures = 0;
    history.heard(header);
  }

  function onCreated(watch: Watch, {header}: WatchMessage): void {
    if (watch.nextRevision === 0) begin(watch);
    else watch.created();
    // The answer is taken in where it arrives.
    if (history.heard(header)) reads.ask(watch, () => undefined);
  }

  function onCanceled(watch: Watch, response: WatchMessage): void {
    const {reason, error} = watch.cancellation(response);
    if (isTokenRefused(reason) && stream?.tokenRefused() === true) restart();
    else if (mayPass(error)) void createAgain(watch, error);
    else giveUp(watch, error);
  }

  /** All watches need a stream with another token. */
  function restart(): void {
    stream?.cancel();
    broken(new KviError('KVI_UNAVAILABLE', 'the server cancelled a watch'));
  }

  async function createAgain(watch: Watch, error: KviError): Promise<void> {
    watch.interrupt();
    watch.cancellations += 1;
    if (watch.cancellations > maxCancellations) {
      watch.fail(error);
      return;
    }
    await sleep(systemClock, backoffMs(watch.cancellations), watch.over).catch(() => undefined);
    if (!watch.buffer.ended) stream?.add(watch);
  }

  /** Ends a watch, unless it was to start now and has not begun: it has missed nothing, and starts again. */
  function giveUp(watch: Watch, error: KviError): void {
    const isToStartNow = (watch.request.startRevision ?? 0) === 0 && !watch.isCreated;
    if (!(isToStartNow && isKviError(error, 'KVI_COMPACTED'))) {
      watch.fail(error);
      return;
    }
    stream?.remove(watch);
    watch.interrupt();
    watch.nextRevision = 0;
    start(watch);
  }

  /** Removes a watch that has ended. */
  function release(watch: Watch): void {
    if (!watches.delete(watch)) return;
    if (watches.size > 0) {
      stream?.remove(watch);
      return;
    }
    retry?.cancel();
    opening?.abort();
    stream?.cancel();
    retry = opening = stream = undefined;
    failures = 0;
  }

  return {
    watch,
    endAll(error) {
      for (const each of [...watches]) if (each.nextRevision !== 0) each.fail(error);
    },
    close() {
      for (const {buffer} of watches) buffer.fail(closed());
    },
  };
}
