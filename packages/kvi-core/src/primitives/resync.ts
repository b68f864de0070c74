import {AsyncResource} from 'node:async_hooks';
import type {Bytes} from '../etcd/bytes.ts';
import {backoffMs} from '../async/backoff.ts';
import {sleep} from '../async/clock.ts';
import {keyId} from '../etcd/key-range.ts';
import {noLease} from '../etcd/lease-id.ts';
import type {Driver, DriverWatch} from '../driver/driver.ts';
import {isKviError, type KviError} from '../etcd/errors.ts';
import type {Event, KeyValue, RangeResponse, WatchRequest, WatchResponse} from '../etcd/messages.ts';
import {readRange} from '../policy/pages.ts';

/** Milliseconds for one attempt to read the present state; like a watch, a resync goes on trying. */
const attemptMs = 30_000;

/** A response of a watch, or what a resync found. */
export interface ResyncResponse extends WatchResponse<Bytes> {
  /** Set on what a resync found. */
  resync?: true;
}

/**
 * A watch that survives compaction. Where changes that are due are gone, it reads the present state and reports how that
 * differs from what it knew: a put for each key that changed since, a deletion for each key that it knew and is gone.
 * Then it watches on from the revision of that state.
 */
export function resyncingWatch(
  driver: Driver,
  request: WatchRequest<Bytes>,
  options: {signal?: AbortSignal | undefined},
): DriverWatch {
  // Stryker disable next-line ArrayDeclaration: only the two filters that exist are looked for
  const {key, rangeEnd, startRevision = 0, filters = []} = request;
  const known = new Map<string, Bytes>();
  let delivered = startRevision - 1;
  /** In the context of this call, though it is the reader who makes the watch start again. */
  const start = AsyncResource.bind((from: WatchRequest<Bytes>) => driver.watch(from, options));
  let watch = start(request);
  let isEnded = false;

  async function read(keysOnly: boolean): Promise<RangeResponse<Bytes>> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await readRange(driver, {key, rangeEnd, keysOnly}, {...options, timeoutMs: attemptMs});
      } catch (error) {
        if (isEnded || !isKviError(error, 'KVI_UNAVAILABLE', 'KVI_TIMEOUT')) throw error;
        await sleep(driver.clock, backoffMs(failures), options.signal);
      }
    }
  }

  // From the start the watch knows the keys that are there, so that it can report their deletion.
  async function seed() {
    try {
      delivered = (await watch.created) - 1;
    } catch (error) {
      ignoreCompacted(error);
    }
    const {kvs} = await read(true);
    for (const kv of kvs) known.set(keyId(kv.key), kv.key);
  }

  const seeded = seed();
  seeded.catch(() => undefined);

  function learn({revision, events}: WatchResponse<Bytes>) {
    delivered = revision;
    for (const {type, kv} of events) {
      if (type === 'put') known.set(keyId(kv.key), kv.key);
      else known.delete(keyId(kv.key));
    }
  }

  /** @param compactRevision of the error that ended the watch */
  async function resync(
    compactRevision: number | undefined,
  ): Promise<IteratorResult<ResyncResponse, undefined>> {
    const {kvs, revision} = await read(false);
    if (isEnded) return {done: true, value: undefined};
    const present = new Set(kvs.map((kv) => keyId(kv.key)));
    const gone = Array.from(known).filter(([id]) => !present.has(id));
    const deletions = gone.map(([, goneKey]) => deletion(goneKey, revision));
    // A store that was reset, or restored from a backup, counts its revisions anew: then every key may have changed. It is
    // behind what was delivered, or has the revision that is due, and yet not the change.
    // Stryker disable next-line ConditionalExpression: undefined is not less than or equal to any number
    const hasWhatIsDue = compactRevision !== undefined && compactRevision <= delivered + 1;
    const isSameHistory = revision >= delivered && !hasWhatIsDue;
    const puts = kvs
      .filter((kv) => kv.modRevision > delivered || !isSameHistory)
      .map((kv): Event<Bytes> => ({type: 'put', kv}));
    const response: ResyncResponse = {
      revision,
      resync: true,
      events: [
        ...(filters.includes('nodelete') ? [] : deletions),
        ...(filters.includes('noput') ? [] : puts),
      ],
    };
    learn({revision, events: [...deletions, ...puts]});
    watch = start({...request, startRevision: revision + 1});
    return {done: false, value: response};
  }

  const resyncing: DriverWatch = {
    created: watch.created.catch((error: unknown) => {
      ignoreCompacted(error);
      return startRevision;
    }),
    [Symbol.asyncIterator]: () => resyncing,
    async next() {
      try {
        await seeded;
        const result = await watch.next();
        if (result.done !== true) learn(result.value);
        return result;
      } catch (error) {
        if (isEnded) return {done: true, value: undefined};
        ignoreCompacted(error);
        return resync(error.compactRevision);
      }
    },
    requestProgress: () => watch.requestProgress(),
    return() {
      isEnded = true;
      return watch.return();
    },
  };
  resyncing.created.catch(() => undefined);
  return resyncing;
}

/** Throws every other error on. */
function ignoreCompacted(error: unknown): asserts error is KviError {
  if (!isKviError(error, 'KVI_COMPACTED')) throw error;
}

function deletion(key: Bytes, modRevision: number): Event<Bytes> {
  const kv: KeyValue<Bytes> = {
    key,
    value: new Uint8Array(),
    createRevision: 0,
    modRevision,
    version: 0,
    lease: noLease,
  };
  return {type: 'delete', kv};
}
