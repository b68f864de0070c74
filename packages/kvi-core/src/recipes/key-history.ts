import type {CallOptions} from '../api/call-options.ts';
import type {Change} from '../api/changes.ts';
import type {Kvi} from '../api/kvi.ts';
import type {Driver} from '../driver/driver.ts';
import {type Bytes, encode, type Input} from '../etcd/bytes.ts';
import {isKviError} from '../etcd/errors.ts';
import type {Event, WatchRequest} from '../etcd/messages.ts';
import {checkRange} from '../etcd/validate.ts';
import {decodeEvent} from '../kvi/codec.ts';
import {insideOf} from '../kvi/inside.ts';
import {optionNames} from '../kvi/option-names.ts';

/**
 * Every revision of a key that the store still has, oldest first, up to the present: each put with its value, each deletion.
 * The first may be older than the compaction: it is the value that the key had then. It ends when it has come to the revision
 * that the store had when it began. It reads as its consumer takes the changes, and holds no more than a watch buffers.
 *
 * If the key does not exist, etcd before 3.4.25 and 3.5.8 takes half a minute to tell that no change follows the last one.
 *
 * ```ts
 * for await (const {type, value, modRevision} of keyHistory(kv, 'config')) console.log(modRevision, type, value);
 * ```
 *
 * @param options - `timeoutMs` is for each of its reads. It waits for a store that cannot be reached as long as a watch does:
 *   pass a `signal`
 * @returns the changes. It ends with `KVI_COMPACTED` if the store was compacted after it had begun to deliver; with
 *   `KVI_NOT_TEXT` on a handle of text, if a value is none; and as {@link Kvi.range} and {@link Kvi.changes}.
 * @throws `KVI_INVALID_ARGUMENT`, `KVI_ABORTED`, `KVI_CLOSED`, at once
 */
export function keyHistory<T extends Input>(
  kv: Kvi<T>,
  key: Input,
  options?: CallOptions,
): AsyncGenerator<Change<T>, undefined> {
  const {handle, decoder} = insideOf(kv);
  const {encoded, callOptions} = handle.begin(options, optionNames.call, (own = {}) => {
    const range = {key: encode(key, 'key')};
    checkRange(range, handle.options);
    return {encoded: range.key, callOptions: own};
  });
  return (async function* () {
    for await (const event of eventsOf(kv.bytes, handle.driver, encoded, callOptions)) {
      yield decodeEvent(event, decoder);
    }
    return undefined;
  })();
}

/** Where a history ends. */
interface End {
  /** The revision of the store when it began. */
  present: number;
  /** The revision that last changed the key; undefined if the key did not exist then. */
  last: number | undefined;
}

async function* eventsOf(
  kv: Kvi<Bytes>,
  driver: Driver,
  key: Bytes,
  options: CallOptions,
): AsyncGenerator<Event<Bytes>, undefined> {
  const {kvs, revision: present} = await kv.range(key, options);
  const end = {present, last: kvs[0]?.modRevision};
  /** The oldest revision that the store has, as far as is known. */
  let oldest = 1;
  /** The first revision that was not delivered; undefined before the first event. */
  let next: number | undefined;
  for (;;) {
    try {
      if (oldest > 1 && next === undefined) {
        const [found] = (await kv.range(key, {...options, revision: oldest})).kvs;
        if (found !== undefined && found.modRevision < oldest) {
          next = oldest;
          yield {type: 'put', kv: found};
          if (found.modRevision === end.last) return undefined;
        }
      }
      for await (const event of eventsUntil(driver, {key, startRevision: next ?? oldest}, end, options)) {
        next = event.kv.modRevision + 1;
        yield event;
      }
      return undefined;
    } catch (error) {
      if (isKviError(error, 'KVI_SLOW_CONSUMER')) continue;
      if (next !== undefined || !isKviError(error, 'KVI_COMPACTED')) throw error;
      // A read does not say what the oldest revision is; the next watch will.
      oldest = error.compactRevision ?? 1;
    }
  }
}

async function* eventsUntil(
  driver: Driver,
  request: WatchRequest<Bytes>,
  {present, last}: End,
  {signal}: CallOptions,
): AsyncGenerator<Event<Bytes>, undefined> {
  const watch = driver.watch(request, {signal});
  // Nothing else tells that no event will follow a deletion. The last put is known, which is faster.
  if (last === undefined) watch.requestProgress();
  for await (const {events, revision} of watch) {
    for (const event of events) {
      if (event.kv.modRevision > present) return undefined;
      yield event;
      if (event.kv.modRevision === last) return undefined;
    }
    if (events.length === 0 && revision >= present) return undefined;
  }
  return undefined;
}
