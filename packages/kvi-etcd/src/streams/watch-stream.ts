import type {KviError} from 'kvi-core/driver';
import {type SentWatchRequest, watch as watchMethod, type WatchMessage} from 'kvi-wire';
import type {RequestStream, RequestStreams} from './request-streams.ts';
import {type Progress, progress} from './progress.ts';
import type {Watch} from './watch.ts';

/** What becomes of the watches on a stream, and of the stream. */
export interface WatchStreamListener {
  /** The watch is in place. */
  onCreated(watch: Watch, response: WatchMessage): void;
  /** The server refused or cancelled the watch, which is no longer on the stream. */
  onCanceled(watch: Watch, response: WatchMessage): void;
  /** Something else than a refusal arrived. */
  onResponse(response: WatchMessage): void;
  onEnd(error: KviError): void;
}

/** A stream that carries watches. */
export interface WatchStream {
  /** Creates the watch on the stream, unless it is there. */
  add(watch: Watch): void;
  /** Asks up to which revision its watches miss nothing, which advances them. */
  askProgress(): void;
  /** Cancels the watch on the stream. */
  remove(watch: Watch): void;
  /** Ends the stream; its listener hears nothing more. */
  cancel(): void;
  /** See {@link RequestStream.tokenRefused}. */
  tokenRefused(): boolean;
}

/** A watch's place on the stream; without an id until it is created. */
interface Place {
  id: number | undefined;
}

/**
 * Opens a stream for watches.
 *
 * The client may choose the ids of watches. etcd also answers in order, so that requests need not wait for each other.
 * `etcd grpc-proxy` does neither: it chooses the ids, and answers when it pleases. So the first response decides: if it has
 * another id, one watch is created at a time.
 *
 * @param signal - ends the opening, not the stream
 */
export async function openWatchStream(
  streams: RequestStreams,
  listener: WatchStreamListener,
  signal: AbortSignal,
): Promise<WatchStream> {
  const places = new Map<Watch, Place>();
  const waiting = new Set<Watch>();
  /** Those whose `created` response is due. A refusal names no id, so only the order tells which was refused. */
  const creating: {watch: Watch; place: Place; id: number}[] = [];
  const inPlace = new Map<number, Watch>();
  let lastId = 0;
  let keepsIds: boolean | undefined;
  let progressing: Progress | undefined;

  const stream: RequestStream<SentWatchRequest> = await streams.open(
    'watch',
    watchMethod,
    {
      onResponse,
      onEnd(error) {
        progressing?.stop();
        listener.onEnd(error);
      },
    },
    signal,
  );

  function createNext(): void {
    for (const watch of waiting) {
      if (creating.length > 0 && keepsIds !== true) return;
      waiting.delete(watch);
      const place = places.get(watch);
      if (place === undefined) continue;
      const id = ++lastId;
      try {
        stream.write({create: watch.toRequest(id)});
        creating.push({watch, place, id});
      } catch (error) {
        watch.fail(error);
      }
    }
  }

  function onResponse(response: WatchMessage): void {
    if (response.created) {
      onCreated(response);
      return;
    }
    const watch = inPlace.get(response.watchId);
    if (!response.canceled) listener.onResponse(response);
    if (response.watchId === -1) progressing?.onAnswer(response);
    else progressing?.onOther();
    // A watch that has ended may still get what was under way.
    if (watch === undefined) return;
    if (response.canceled) cancelled(watch, response);
    else watch.receive(response);
  }

  function onCreated(response: WatchMessage): void {
    const created = creating.shift();
    if (created === undefined) return;
    const {watch, place, id} = created;
    const isWanted = places.get(watch) === place;
    if (response.canceled) {
      if (isWanted) cancelled(watch, response);
    } else {
      keepsIds ??= response.watchId === id;
      // A proxy would not know the request for progress, and may end for it.
      if (keepsIds) progressing ??= progress(stream, inPlace);
      if (isWanted) {
        place.id = response.watchId;
        inPlace.set(response.watchId, watch);
        progressing?.onCreated(watch, response);
        listener.onCreated(watch, response);
      } else {
        stream.write({cancel: {watchId: response.watchId}});
      }
    }
    createNext();
  }

  function cancelled(watch: Watch, response: WatchMessage): void {
    forget(watch);
    listener.onCanceled(watch, response);
  }

  /** @returns the watch's id, if it is in place */
  function forget(watch: Watch): number | undefined {
    const id = places.get(watch)?.id;
    if (id !== undefined) inPlace.delete(id);
    places.delete(watch);
    waiting.delete(watch);
    return id;
  }

  return {
    add(watch) {
      if (places.has(watch)) return;
      places.set(watch, {id: undefined});
      waiting.add(watch);
      createNext();
    },
    askProgress: () => progressing?.ask(),
    remove(watch) {
      const id = forget(watch);
      if (id !== undefined) stream.write({cancel: {watchId: id}});
    },
    cancel() {
      progressing?.stop();
      stream.cancel();
    },
    tokenRefused: () => stream.tokenRefused(),
  };
}
