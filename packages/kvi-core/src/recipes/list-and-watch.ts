import type {Keys} from '../api/keys.ts';
import type {Kvi} from '../api/kvi.ts';
import type {Clock} from '../async/clock.ts';
import {type WaitOptions, withDeadline} from '../async/deadline.ts';
import {retryUntil} from '../async/retry-until.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {isKviError} from '../etcd/errors.ts';
import {keyId} from '../etcd/key-range.ts';
import type {KeyValue} from '../etcd/messages.ts';

/** What is stored under some keys, by {@link keyId}. It changes with the next state. */
export type State = ReadonlyMap<string, KeyValue<Bytes>>;

/** What ends {@link listAndWatch}, and what it is for. */
export interface ListAndWatchOptions extends Pick<WaitOptions, 'signal' | 'closing'> {
  /** Whether a consumer that is far behind gets the newest state, instead of `KVI_SLOW_CONSUMER`. Default: no. */
  maySkip?: boolean;
}

/**
 * The present state of some keys, then the state after each revision that changed it. It keeps trying while the store cannot
 * be reached, as a watch does, and reads the state anew where changes are missing because they were compacted away.
 *
 * Ends with whatever else ends a watch, and never by itself.
 */
export async function* listAndWatch(
  clock: Clock,
  kv: Kvi<Bytes>,
  keys: Keys,
  {signal, closing, maySkip = false}: ListAndWatchOptions,
): AsyncGenerator<State, undefined> {
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

  for (;;) {
    const {kvs, revision} = await list();
    const state = new Map(kvs.map((entry) => [keyId(entry.key), entry]));
    yield state;
    try {
      for await (const {events} of kv.changes(keys, {signal, startRevision: revision + 1})) {
        for (const event of events) {
          if (event.type === 'put') state.set(keyId(event.key), event);
          else state.delete(keyId(event.key));
        }
        yield state;
      }
    } catch (error) {
      if (!isKviError(error, ...restartsOn)) throw error;
    }
  }
}
