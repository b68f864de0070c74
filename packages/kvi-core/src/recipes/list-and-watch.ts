import type {Keys} from '../api/keys.ts';
import type {Kvi} from '../api/kvi.ts';
import type {Clock} from '../async/clock.ts';
import {type WaitOptions, withDeadline} from '../async/deadline.ts';
import {retryUntil} from '../async/retry-until.ts';
import {type Bytes, compareBytes} from '../etcd/bytes.ts';
import {isKviError} from '../etcd/errors.ts';
import {keyId} from '../etcd/key-range.ts';
import type {KeyValue} from '../etcd/messages.ts';

/** What is stored under some keys, by {@link keyId}. */
export type State = ReadonlyMap<string, KeyValue<Bytes>>;

/** The state of some keys at a revision. */
export interface Listing {
  /** The same map each time, which changes with the next listing. */
  state: State;
  /** The keys that changed or vanished since the last listing; of the first, all that are there. */
  changed: readonly Bytes[];
}

/** What ends {@link listAndWatch}, and what it is for. */
export interface ListAndWatchOptions extends Pick<WaitOptions, 'signal' | 'closing'> {
  /** Whether a consumer that is far behind gets the newest state, instead of `KVI_SLOW_CONSUMER`. Default: no. */
  maySkip?: boolean;
}

/**
 * The present state of some keys, then the state after each revision that changed it, and what that changed. It keeps
 * trying while the store cannot be reached, as a watch does, and reads the state anew where changes are missing because they
 * were compacted away.
 *
 * Ends with whatever else ends a watch, and never by itself.
 */
export async function* listAndWatch(
  clock: Clock,
  kv: Kvi<Bytes>,
  keys: Keys,
  {signal, closing, maySkip = false}: ListAndWatchOptions,
): AsyncGenerator<Listing, undefined> {
  const restartsOn = maySkip
    ? (['KVI_COMPACTED', 'KVI_SLOW_CONSUMER'] as const)
    : (['KVI_COMPACTED'] as const);

  function list() {
    return withDeadline(clock, {signal, closing}, (ended) =>
      retryUntil(
        clock,
        ended,
        () => kv.range(keys, {signal: ended}),
        (error) => isKviError(error, 'KVI_UNAVAILABLE', 'KVI_TIMEOUT'),
      ),
    );
  }

  const state = new Map<string, KeyValue<Bytes>>();

  function replaceBy(kvs: readonly KeyValue<Bytes>[]): Bytes[] {
    const present = new Map(kvs.map((entry) => [keyId(entry.key), entry]));
    const vanished = [...state.values()].filter(({key}) => !present.has(keyId(key)));
    const changed = kvs.filter((entry) => !isSame(entry, state.get(keyId(entry.key))));
    for (const {key} of vanished) state.delete(keyId(key));
    for (const [id, entry] of present) state.set(id, entry);
    return [...vanished, ...changed].map(({key}) => key);
  }

  for (;;) {
    const {kvs, revision} = await list();
    yield {state, changed: replaceBy(kvs)};
    try {
      for await (const {events} of kv.changes(keys, {signal, startRevision: revision + 1})) {
        for (const event of events) {
          if (event.type === 'put') state.set(keyId(event.key), event);
          else state.delete(keyId(event.key));
        }
        yield {state, changed: events.map(({key}) => key)};
      }
    } catch (error) {
      if (!isKviError(error, ...restartsOn)) throw error;
    }
  }
}

/** A store that was restored from a backup may have written something else at the same revision. */
function isSame(entry: KeyValue<Bytes>, known: KeyValue<Bytes> | undefined): boolean {
  return entry.modRevision === known?.modRevision && compareBytes(entry.value, known.value) === 0;
}
