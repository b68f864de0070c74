import type {IEvent, IWatchRequest, IWatchResponse} from 'etcd3';
import {
  type Bytes,
  closed,
  type DriverWatch,
  type EventBuffer,
  eventBuffer,
  isKviError,
  KviError,
  abortable,
  show,
  sleep,
  systemClock,
  type Timer,
  type WatchRequest,
} from 'kvi-core/driver';
import {backoffMs} from '../async/backoff.ts';
import type {Client, RequestStream} from '../client.ts';
import {publish} from '../telemetry/diagnostics.ts';
import {isTokenRefused, parseCancelReason, toKviError} from '../wire/failures.ts';
import {fromEvent, toWatchCreate} from '../wire/translate.ts';

/** What {@link watchRegistry} needs. */
export interface WatcherOptions {
  maxBufferedEvents?: number | undefined;
  /** Whether diagnostics name the keys. Default false. */
  diagnosticKeys?: boolean | undefined;
  /** Reads the present revision of the store, asking about the key that is to be watched. */
  presentRevision: (key: Bytes, signal: AbortSignal) => Promise<number>;
}

/** Runs watches. */
export interface WatchRegistry {
  watch(request: WatchRequest<Bytes>, options?: {signal?: AbortSignal | undefined}): DriverWatch;
  /** Ends all watches with `KVI_CLOSED`, also those that wait for a connection. */
  close(): void;
}

interface Watch {
  id: number;
  request: WatchRequest<Bytes>;
  buffer: EventBuffer;
  /**
   * The first revision whose events are not delivered yet: where the watch starts, and where it goes on after the stream
   * broke. Only what was delivered, or a progress notification, moves it; while a watch catches up, the revision in a
   * response's header is far ahead of the events that it brings. 0 until the present revision has been read.
   */
  nextRevision: number;
  /** Events of a response that comes in several fragments. */
  fragments: IEvent[];
  /** Aborts when the watch ends. */
  over: AbortController;
}

/**
 * Runs all watches of a handle on one stream, which is open while there are any, and is opened again, with every watch
 * where it was, when it breaks.
 */
export function watchRegistry(client: Client, options: WatcherOptions): WatchRegistry {
  const {maxBufferedEvents, presentRevision, diagnosticKeys = false} = options;
  const watches = new Map<number, Watch>();
  let lastId = 0;
  let stream: RequestStream<IWatchRequest> | undefined;
  let opening: AbortController | undefined;
  let retry: Timer | undefined;
  /** Streams that broke since the last one that worked. */
  let failures = 0;
  /** Whether a stream broke since the last one was opened. */
  let interrupted = false;
  /**
   * The ids of the watches whose `created` answer is due. etcd answers in order, and a refusal names no id: the order
   * alone tells whose it is.
   */
  let creating: number[] = [];
  /** The read of the present revision that is about to be sent. */
  let reading: Promise<number> | undefined;
  const neverAborted = new AbortController().signal;

  function watch(
    request: WatchRequest<Bytes>,
    {signal}: {signal?: AbortSignal | undefined} = {},
  ): DriverWatch {
    const id = ++lastId;
    const over = new AbortController();
    const buffer = eventBuffer({
      maxBufferedEvents,
      signal,
      onEnd() {
        over.abort();
        release(id);
      },
    });
    if (!buffer.ended) {
      const nextRevision = request.startRevision ?? 0;
      const started: Watch = {id, request, buffer, nextRevision, fragments: [], over};
      watches.set(id, started);
      void start(started);
    }
    return buffer.watch;
  }

  /**
   * A watch from the present on starts after a revision that is read first, like any read the latest of the whole cluster.
   * Left to the server, it would start after the revision of the member that is asked, which may be behind, and which
   * etcd 3.5 does not tell exactly.
   */
  async function start(watch: Watch): Promise<void> {
    for (let attempt = 1; watch.nextRevision === 0; attempt += 1) {
      try {
        watch.nextRevision = (await sharedRevision(watch)) + 1;
      } catch (error) {
        if (!mayPass(error)) {
          fail(watch, error);
          return;
        }
        await sleep(systemClock, backoffMs(attempt), watch.over.signal).catch(() => undefined);
      }
      if (watch.buffer.ended) return;
    }
    if (stream === undefined) open();
    else create(watch, stream);
  }

  /** Watches that start in one turn of the event loop share the read; but a user may not read all of their keys. */
  async function sharedRevision(watch: Watch): Promise<number> {
    reading ??= Promise.resolve().then(() => {
      reading = undefined;
      return presentRevision(watch.request.key, neverAborted);
    });
    try {
      return await abortable(reading, watch.over.signal);
    } catch (error) {
      if (!isKviError(error, 'KVI_PERMISSION_DENIED')) throw error;
      return presentRevision(watch.request.key, watch.over.signal);
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
      const opened = await client.stream<IWatchRequest, IWatchResponse>(
        'watch',
        (services) => services.watch.watch(),
        {onResponse, onEnd: broken},
        mine.signal,
      );
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
        endpoints: client.name,
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
      watch.fragments = [];
      if (!mayPass(error)) fail(watch, error);
    }
    if (watches.size > 0) open();
  }

  function create(watch: Watch, on: RequestStream<IWatchRequest>): void {
    creating.push(watch.id);
    on.write({create_request: toWatchCreate(watch.request, watch.id, watch.nextRevision)});
  }

  function onResponse(response: IWatchResponse): void {
    if (response.created) {
      onCreated(response, creating.shift());
      return;
    }
    // A watch that ended here may still get what was under way.
    const watch = watches.get(Number(response.watch_id));
    if (watch === undefined) return;
    if (response.canceled) onCanceled(watch, response);
    else if (response.events.length === 0 && !response.fragment && watch.fragments.length === 0)
      onProgress(watch, response);
    else onEvents(watch, response);
  }

  function onCreated(response: IWatchResponse, id: number | undefined): void {
    const watch = id === undefined ? undefined : watches.get(id);
    if (!response.canceled) failures = 0;
    if (watch === undefined) return;
    if (response.canceled) onCanceled(watch, response);
    else if (Number(response.watch_id) === id) watch.buffer.created(watch.nextRevision);
    else
      fail(
        watch,
        new KviError(
          'KVI_INTERNAL',
          'the server chose the id of a watch itself; kvi needs etcd 3.4 or later',
        ),
      );
  }

  function onCanceled(watch: Watch, response: IWatchResponse): void {
    const compactRevision = Number(response.compact_revision);
    if (compactRevision > 0) {
      fail(
        watch,
        new KviError(
          'KVI_COMPACTED',
          `watch ${show(watch.request.key)}: revisions before ${String(compactRevision)} were compacted, and ${String(watch.nextRevision)} is due`,
          {compactRevision},
        ),
      );
      return;
    }
    const reason = parseCancelReason(response.cancel_reason);
    if (isTokenRefused(reason) && stream?.tokenRefused() === true) {
      restart();
      return;
    }
    const error = toKviError(reason, {write: false, describe: () => `watch ${show(watch.request.key)}`});
    if (mayPass(error)) restart();
    else fail(watch, error);
  }

  function onProgress(watch: Watch, response: IWatchResponse): void {
    const revision = Number(response.header.revision);
    if (revision < watch.nextRevision - 1) return;
    watch.nextRevision = revision + 1;
    if (watch.request.progressNotify === true) watch.buffer.push({revision, events: []});
  }

  function onEvents(watch: Watch, response: IWatchResponse): void {
    const received = watch.fragments.length === 0 ? response.events : watch.fragments.concat(response.events);
    watch.fragments = response.fragment ? received : [];
    if (response.fragment) return;
    const events = received.map(fromEvent).filter(({kv}) => kv.modRevision >= watch.nextRevision);
    const revision = events.at(-1)?.kv.modRevision;
    if (revision === undefined) return;
    watch.nextRevision = revision + 1;
    watch.buffer.push({revision, events});
  }

  function restart(): void {
    stream?.cancel();
    broken(new KviError('KVI_UNAVAILABLE', 'the server cancelled a watch'));
  }

  function fail(watch: Watch, error: unknown): void {
    watch.buffer.fail(
      isKviError(error)
        ? error
        : new KviError('KVI_INTERNAL', 'the watch failed in an unknown way', {cause: error}),
    );
  }

  /** The watch has ended, for whatever reason. */
  function release(id: number): void {
    if (!watches.delete(id)) return;
    if (watches.size > 0) {
      stream?.write({cancel_request: {watch_id: id}});
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

/** Whether what went wrong may be over soon, so that a watch goes on trying. */
function mayPass(error: unknown): boolean {
  return isKviError(error, 'KVI_UNAVAILABLE', 'KVI_TIMEOUT', 'KVI_RESOURCE_EXHAUSTED');
}
