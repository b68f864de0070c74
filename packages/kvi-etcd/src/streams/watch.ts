import {
  type Bytes,
  type Event,
  type EventBuffer,
  eventBuffer,
  type EventBufferOptions,
  isKviError,
  KviError,
  show,
  type WatchRequest,
} from 'kvi-core/driver';
import {fromEvent, revisionOf, type SentWatch, toWatch, type WatchMessage} from 'kvi-wire';
import type {GrpcFailure} from '../failures/grpc-failures.ts';
import {parseCancelReason, toKviError} from '../failures/kvi-errors.ts';

/** One watch, across the streams that carry it. */
export interface Watch {
  readonly request: WatchRequest<Bytes>;
  readonly buffer: EventBuffer;
  /** Aborts when the watch ends. */
  readonly over: AbortSignal;
  /**
   * The first revision that may hold undelivered events: where the watch starts, and where it resumes after the stream broke.
   * Only a delivery or a progress notification advances it; while a watch catches up, the revision in a response's header is far
   * ahead of its events. 0 for a watch that starts now, until {@link Watch.begin}.
   */
  nextRevision: number;
  /** Whether it has ever been in place. */
  readonly isCreated: boolean;
  /** How many times in a row the server cancelled it for a reason that may pass. */
  cancellations: number;
  /** The request that creates the watch on a stream. */
  toRequest(id: number): SentWatch;
  /** It is in place on a stream. */
  created(): void;
  /**
   * A watch that starts now is in place, and misses nothing after this revision, which was read since.
   *
   * @param place - what {@link Watch.place} was when it came into place
   */
  begin(revision: number, place: object): void;
  /** Identifies the stream, and the place on it, that it waits for its first revision on. */
  readonly place: object;
  /** Takes in a response with events, a part of them, or a progress notification. */
  receive(response: WatchMessage): void;
  /** Nothing up to this revision is missing. */
  advance(revision: number): void;
  /** Has it send a progress notification as soon as nothing up to this revision is missing. */
  wantProgress(revision: number): void;
  /** The stream broke: partly received revisions will be sent again. */
  interrupt(): void;
  /** What it means that the server cancelled the watch. */
  cancellation(response: WatchMessage): {reason: GrpcFailure; error: KviError};
  fail(error: unknown): void;
}

export function createWatch(request: WatchRequest<Bytes>, options: EventBufferOptions): Watch {
  /** Made when somebody asks for it: most watches never need it. */
  let over: AbortController | undefined;
  let isCreated = false;
  let delivered = (request.startRevision ?? 0) - 1;
  /** Events of a revision whose rest is due. */
  let partial: Event<Bytes>[] = [];

  const buffer = eventBuffer({
    ...options,
    onEnd() {
      over?.abort();
      options.onEnd();
    },
  });

  /** The last revision of the store that is known to have been reached; the watch may start later. */
  let reached = 0;
  /** The revision that a progress notification has to reach which was asked for. */
  let wanted = Infinity;

  function advance(revision: number): void {
    reached = Math.max(reached, revision);
    watch.nextRevision = Math.max(watch.nextRevision, revision + 1);
    answerProgress();
  }

  function answerProgress(): void {
    if (!isCreated || watch.nextRevision <= wanted) return;
    reached = Math.max(reached, wanted);
    wanted = Infinity;
    buffer.push({revision: reached, events: []});
  }

  function onProgress(revision: number): void {
    if (revision < watch.nextRevision - 1) return;
    advance(revision);
    if (request.progressNotify === true) buffer.push({revision, events: []});
  }

  /** A fragment may end within a revision; the revisions before its last are whole. */
  function onEvents({events: received, fragment}: WatchMessage): void {
    const all = partial.concat(received.map(fromEvent));
    const last = all.at(-1)?.kv.modRevision ?? 0;
    const isPartial = ({kv}: Event<Bytes>) => fragment && kv.modRevision === last;
    partial = all.filter(isPartial);
    deliver(all.filter((event) => !isPartial(event)));
  }

  function deliver(all: readonly Event<Bytes>[]): void {
    const events = all.filter(({kv}) => kv.modRevision > delivered);
    const revision = events.at(-1)?.kv.modRevision;
    if (revision === undefined) return;
    delivered = revision;
    buffer.push({revision, events});
    advance(revision);
  }

  /** What came before the first revision of a watch that starts now was known. */
  let early: WatchMessage[] = [];
  let place = {};

  const watch: Watch = {
    request,
    buffer,
    get over() {
      over ??= new AbortController();
      if (buffer.ended) over.abort();
      return over.signal;
    },
    nextRevision: request.startRevision ?? 0,
    get isCreated() {
      return isCreated;
    },
    cancellations: 0,
    toRequest: (id) => toWatch(request, id, watch.nextRevision),
    get place() {
      return place;
    },
    begin(revision, begun) {
      if (begun !== place || watch.nextRevision !== 0) return;
      delivered = revision;
      watch.nextRevision = revision + 1;
      watch.created();
      const received = early;
      early = [];
      for (const response of received) watch.receive(response);
    },
    created() {
      isCreated = true;
      buffer.created(watch.nextRevision);
      answerProgress();
    },
    receive(response) {
      watch.cancellations = 0;
      if (watch.nextRevision === 0) {
        early.push(response);
        return;
      }
      const isProgress = response.events.length === 0 && !response.fragment && partial.length === 0;
      if (isProgress) onProgress(revisionOf(response.header));
      else onEvents(response);
    },
    advance(revision) {
      if (watch.nextRevision !== 0) advance(revision);
    },
    wantProgress(revision) {
      wanted = wanted === Infinity ? revision : Math.max(wanted, revision);
      answerProgress();
    },
    interrupt() {
      partial = [];
      early = [];
      place = {};
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
