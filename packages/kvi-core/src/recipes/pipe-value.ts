import {beginCall} from '../kvi/options.ts';
import type {EventValue} from './event-value.ts';

/**
 * Writes each state of a value to another one, and deletes that one where there is no value; states in between may be
 * skipped. It goes on until it fails, on either side: pass a signal to end it, and call it again to go on, from the present
 * state.
 *
 * ```ts
 * const local = memoryValue<Config>();
 * pipeValue(eventValue(kv, 'config', json<Config>()), local, {signal}).catch(onError);
 * ```
 *
 * @param options - `signal` ends it with `KVI_ABORTED`, or with `KVI_UNKNOWN_OUTCOME` while a write is under way
 * @throws what {@link ValueWatcher.get} of the first or {@link EventValue.set} of the second throws, after which nothing more
 *   is written
 */
export async function pipeValue<V>(
  from: EventValue<V, never>,
  to: Pick<EventValue<unknown, V>, 'set' | 'delete'>,
  options?: {signal?: AbortSignal | undefined},
): Promise<never> {
  const {signal} = beginCall(options, ['signal'], (own = {}) => own);
  await using watcher = from.watch({signal});
  for (;;) {
    const {value} = await watcher.get();
    if (value === undefined) await to.delete({signal});
    else await to.set(value, {signal});
  }
}
