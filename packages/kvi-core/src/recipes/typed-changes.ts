import type {Change, Changes} from '../api/changes.ts';
import {abortable, type WaitOptions, withDeadline} from '../async/deadline.ts';
import type {Clock} from '../async/clock.ts';
import {turns} from '../async/turns.ts';
import type {Bytes} from '../etcd/bytes.ts';
import type {TypedChange, TypedChanges, TypedChangeSet} from './typed-kvi.ts';

const over = {done: true, value: undefined} as const;

/**
 * Decodes changes, one set after the other.
 *
 * @param decode - may be slow, or never end: leaving the iteration, `signal` and `closing` end the wait for it
 */
export function typedChanges<Out>(
  clock: Clock,
  source: Changes<Bytes>,
  decode: (change: Change<Bytes>) => Promise<TypedChange<Out>>,
  wait: WaitOptions,
): TypedChanges<Out> {
  const inTurn = turns();
  const left = new AbortController();

  async function end() {
    left.abort();
    await source.return?.();
    return over;
  }

  async function next(): Promise<IteratorResult<TypedChangeSet<Out>, undefined>> {
    const result = await source.next();
    if (result.done === true) return result;
    try {
      const decoding = Promise.all(result.value.events.map(decode));
      const events = await withDeadline(clock, wait, (ended) =>
        abortable(abortable(decoding, left.signal), ended),
      );
      return {done: false, value: {...result.value, events}};
    } catch (error) {
      if (left.signal.aborted) return over;
      // `for await` does not end what has thrown.
      await end();
      throw error;
    }
  }

  const changes: TypedChanges<Out> = {
    created: source.created,
    [Symbol.asyncIterator]: () => changes,
    next: () => inTurn(next),
    return: end,
    async throw(error) {
      await end();
      throw error;
    },
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
  return changes;
}
