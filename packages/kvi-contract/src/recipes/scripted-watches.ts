import type {Bytes, Driver, DriverWatch, KviError, WatchRequest, WatchResponse} from 'kvi-core/driver';
import {isKviError, KviError as Failure} from 'kvi-core/driver';

/** What a watch delivers, one after another. After that it waits; an error ends it. */
export type WatchScript = readonly (WatchResponse<Bytes> | KviError)[];

/** A driver whose watches deliver what they are told, whatever the store does. */
export interface ScriptedWatches {
  driver: Driver;
  /** The watches that were started. */
  requests: WatchRequest<Bytes>[];
  /** How often progress was asked for. */
  progressRequests: () => number;
}

/** @param scripts - of the first watch, the second, and so on */
export function scriptedWatches(own: Driver, scripts: readonly WatchScript[]): ScriptedWatches {
  const requests: WatchRequest<Bytes>[] = [];
  let progressRequests = 0;

  function watch(
    request: WatchRequest<Bytes>,
    {signal}: {signal?: AbortSignal | undefined} = {},
  ): DriverWatch {
    const script = [...(scripts[requests.length] ?? [])];
    requests.push(request);
    const scripted: DriverWatch = {
      created: Promise.resolve(1),
      requestProgress() {
        progressRequests += 1;
      },
      next() {
        const step = script.shift();
        if (isKviError(step)) return Promise.reject(step);
        if (step !== undefined) return Promise.resolve({done: false, value: step});
        return new Promise((_, reject) => {
          const abort = () => reject(new Failure('KVI_ABORTED', 'the watch was aborted'));
          signal?.addEventListener('abort', abort, {once: true});
        });
      },
      return: () => Promise.resolve({done: true, value: undefined}),
      [Symbol.asyncIterator]: () => scripted,
    };
    return scripted;
  }

  return {driver: {...own, watch}, requests, progressRequests: () => progressRequests};
}
