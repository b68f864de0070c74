import {
  backoffMs,
  abortable,
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
import {type SentWatchRequest, watch as watchMethod, type WatchMessage} from '../wire/etcd.ts';
import {isTokenRefused} from '../wire/failures.ts';
import type {RequestStream, RequestStreams} from './request-streams.ts';
import {createWatch, type Watch} from './watch.ts';

/** What {@link watchRegistry} needs. */
export interface WatchRegistryOptions {
  maxBufferedEvents?: number | undefined;
  /** Whether diagnostics name the keys. Default false. */
  diagnosticKeys?: boolean | undefined;
  /** Reads the store's revision by reading the key that is to be watched. */
  presentRevision: (key: Bytes, signal: AbortSignal) => Promise<number>;
}

/** Runs watches. */
export interface WatchRegistry {
  watch(request: WatchRequest<Bytes>, options?: {signal?: AbortSignal | undefined}): DriverWatch;
  /** Ends all watches with `KVI_CLOSED`, including those that wait for a connection. */
  close(): void;
}

/**
 * Runs all watches of a handle on one stream, which is open while there are watches. When it breaks, it is opened again, and
 * every watch resumes where it was.
 */
export function watchRegistry(streams: RequestStreams, options: WatchRegistryOptions): WatchRegistry {
  const {maxBufferedEvents, presentRevision, diagnosticKeys = false} = options;
  const watches = new Map<number, Watch>();
  let lastId = 0;
  let stream: RequestStream<SentWatchRequest> | undefined;
  let opening: AbortController | undefined;
  let retry: Timer | undefined;
  /** How many streams in a row broke before they worked. */
  let failures = 0;
  /** Whether the last stream broke, rather than ended with its last watch. */
  let interrupted = false;
  /**
   * The ids of the watches whose `created` response is due. etcd responds in order, and a refusal names no id, so only the
   * order tells which watch was refused.
   */
  let creating: number[] = [];
  /** The read of the revision that is about to be sent. */
  let reading: Promise<number> | undefined;
  const neverAborted = new AbortController().signal;

  function watch(
    request: WatchRequest<Bytes>,
    {signal}: {signal?: AbortSignal | undefined} = {},
  ): DriverWatch {
    const id = ++lastId;
    const onEnd = () => {
      release(id);
    };
    const watch = createWatch(id, request, {maxBufferedEvents, signal, onEnd});
    if (!watch.buffer.ended) {
      watches.set(id, watch);
      void start(watch);
    }
    return watch.buffer.watch;
  }

  /**
   * Starts a watch. If it is to start now, that is after a revision that is read first, linearizably. The server would
   * start it after the revision of the member that is asked, which may be behind, and which etcd 3.5 reports inexactly.
   */
  async function start(watch: Watch): Promise<void> {
    for (let attempt = 1; watch.nextRevision === 0; attempt += 1) {
      try {
        watch.nextRevision = (await sharedRevision(watch)) + 1;
      } catch (error) {
        if (!mayPass(error)) {
          watch.fail(error);
          return;
        }
        await sleep(systemClock, backoffMs(attempt), watch.over).catch(() => undefined);
      }
      if (watch.buffer.ended) return;
    }
    if (stream === undefined) open();
    else create(watch, stream);
  }

  /** Watches that start in one turn of the event loop share the read, unless the user may not read that key. */
  async function sharedRevision(watch: Watch): Promise<number> {
    reading ??= Promise.resolve().then(() => {
      reading = undefined;
      return presentRevision(watch.request.key, neverAborted);
    });
    try {
      return await abortable(reading, watch.over);
    } catch (error) {
      if (!isKviError(error, 'KVI_PERMISSION_DENIED')) throw error;
      return presentRevision(watch.request.key, watch.over);
    }
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
      const opened = await streams.open('watch', watchMethod, {onResponse, onEnd: broken}, mine.signal);
      if (mine.signal.aborted) {
        opened.cancel();
        return;
      }
      opening = undefined;
      stream = opened;
      const started = [...watches.values()].filter(({nextRevision}) => nextRevision !== 0);
      if (interrupted) tellResumed(started);
      interrupted = false;
      for (const watch of started) create(watch, opened);
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
    creating = [];
    failures += 1;
    for (const watch of watches.values()) {
      watch.interrupt();
      if (!mayPass(error)) watch.fail(error);
    }
    if (watches.size > 0) open();
  }

  function create(watch: Watch, on: RequestStream<SentWatchRequest>): void {
    creating.push(watch.id);
    on.write({create: watch.toRequest()});
  }

  function onResponse(response: WatchMessage): void {
    if (response.created) {
      onCreated(response, creating.shift());
      return;
    }
    // A watch that has ended may still get what was under way.
    const watch = watches.get(response.watchId);
    if (watch === undefined) return;
    if (response.canceled) onCanceled(watch, response);
    else watch.receive(response);
  }

  function onCreated(response: WatchMessage, id: number | undefined): void {
    const watch = id === undefined ? undefined : watches.get(id);
    if (!response.canceled) failures = 0;
    if (watch === undefined) return;
    if (response.canceled) onCanceled(watch, response);
    else if (response.watchId === id) watch.buffer.created(watch.nextRevision);
    else {
      const message = 'the server ignored the requested watch id; kvi needs etcd 3.4 or later';
      watch.fail(new KviError('KVI_INTERNAL', message));
    }
  }

  function onCanceled(watch: Watch, response: WatchMessage): void {
    const {reason, error} = watch.cancellation(response);
    const tokenRefused = isTokenRefused(reason) && stream?.tokenRefused() === true;
    if (tokenRefused || mayPass(error)) restart();
    else watch.fail(error);
  }

  function restart(): void {
    stream?.cancel();
    broken(new KviError('KVI_UNAVAILABLE', 'the server cancelled a watch'));
  }

  /** Removes a watch that has ended. */
  function release(id: number): void {
    if (!watches.delete(id)) return;
    if (watches.size > 0) {
      stream?.write({cancel: {watchId: id}});
      return;
    }
    retry?.cancel();
    opening?.abort();
    stream?.cancel();
    retry = opening = stream = undefined;
    creating = [];
    failures = 0;
  }

  return {
    watch,
    close() {
      for (const {buffer} of watches.values()) buffer.fail(closed());
    },
  };
}

/** Whether the failure may be temporary, so that a watch keeps trying. */
function mayPass(error: unknown): boolean {
  return isKviError(error, 'KVI_UNAVAILABLE', 'KVI_TIMEOUT', 'KVI_RESOURCE_EXHAUSTED');
}
