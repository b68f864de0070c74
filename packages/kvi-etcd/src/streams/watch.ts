import {
  type Bytes,
  type EventBuffer,
  eventBuffer,
  isKviError,
  KviError,
  show,
  type WatchRequest,
} from 'kvi-core/driver';
import {type GrpcFailure, parseCancelReason, toKviError} from '../wire/failures.ts';
import type {ReceivedEvent, SentWatch, WatchMessage} from '../wire/etcd.ts';
import {fromEvent, revisionOf, toWatch} from '../wire/translate.ts';

/** One watch, whatever stream it is on. */
export interface Watch {
  readonly id: number;
  readonly request: WatchRequest<Bytes>;
  readonly buffer: EventBuffer;
  /** Aborts when the watch ends. */
  readonly over: AbortSignal;
  /**
   * The first revision whose events have not been delivered: where the watch starts, and where it resumes after the
   * stream broke. Only a delivery or a progress notification advances it; while a watch catches up, the revision in a
   * response's header is far ahead of its events. 0 until the present revision has been read.
   */
  nextRevision: number;
  /** The request that creates the watch on a stream. */
  toRequest(): SentWatch;
  /** Takes in a response with events, a part of them, or a progress notification. */
  receive(response: WatchMessage): void;
  /** The stream broke: events of which only a part came will come again. */
  interrupt(): void;
  /** What it means that the server cancelled the watch. */
  cancellation(response: WatchMessage): {reason: GrpcFailure; error: KviError};
  fail(error: unknown): void;
}

/** @param onEnd - called once when the watch ends, for whatever reason */
export function createWatch(
  id: number,
  request: WatchRequest<Bytes>,
  options: {maxBufferedEvents: number | undefined; signal: AbortSignal | undefined; onEnd: () => void},
): Watch {
  const over = new AbortController();
  /** Events of a response that comes in several parts. */
  let fragments: ReceivedEvent[] = [];

  const buffer = eventBuffer({
    ...options,
    onEnd() {
      over.abort();
      options.onEnd();
    },
  });

  function onProgress(revision: number): void {
    if (revision < watch.nextRevision - 1) return;
    watch.nextRevision = revision + 1;
    if (request.progressNotify === true) buffer.push({revision, events: []});
  }

  function onEvents({events: received, fragment}: WatchMessage): void {
    const all = fragments.length === 0 ? received : fragments.concat(received);
    fragments = fragment ? all : [];
    if (fragment) return;
    const events = all.map(fromEvent).filter(({kv}) => kv.modRevision >= watch.nextRevision);
    const revision = events.at(-1)?.kv.modRevision;
    if (revision === undefined) return;
    watch.nextRevision = revision + 1;
    buffer.push({revision, events});
  }

  const watch: Watch = {
    id,
    request,
    buffer,
    over: over.signal,
    nextRevision: request.startRevision ?? 0,
    toRequest: () => toWatch(request, id, watch.nextRevision),
    receive(response) {
      const isProgress = response.events.length === 0 && !response.fragment && fragments.length === 0;
      if (isProgress) onProgress(revisionOf(response.header));
      else onEvents(response);
    },
    interrupt() {
      fragments = [];
    },
    cancellation({compactRevision, cancelReason}) {
      const reason = parseCancelReason(cancelReason);
      const call = {write: false, describe: () => `watch ${show(request.key)}`};
      if (compactRevision === 0) return {reason, error: toKviError(reason, call)};
      const message = `${call.describe()}: cannot resume at revision ${watch.nextRevision}: compacted up to revision ${compactRevision}`;
      return {reason, error: new KviError('KVI_COMPACTED', message, {compactRevision})};
    },
    fail(error) {
      buffer.fail(
        isKviError(error) ? error : new KviError('KVI_INTERNAL', 'unexpected watch failure', {cause: error}),
      );
    },
  };
  return watch;
}
