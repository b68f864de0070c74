import type {EventValue} from './event-value.ts';

/**
 * Writes each state of a value to another one, its deletions too; states in between may be skipped. It goes on until it
 * fails: pass a signal to end it.
 *
 * ```ts
 * const local = memoryValue<Config>();
 * pipeValue(eventValue(kv, 'config', json<Config>()), local, {signal}).catch(onError);
 * ```
 *
 * @param options - `signal` ends it with `KVI_ABORTED`
 * @throws what {@link ValueWatcher.get} of the first or {@link EventValue.set} of the second throws, after which nothing more
 *   is written
 */
export async function pipeValue<V>(
  from: Pick<EventValue<V, never>, 'watch'>,
  to: Pick<EventValue<unknown, V>, 'set' | 'delete'>,
  {signal}: {signal?: AbortSignal | undefined} = {},
): Promise<never> {
  await using watcher = from.watch({signal});
  for (;;) {
    const {value} = await watcher.get();
    if (value === undefined) await to.delete({signal});
    else await to.set(value, {signal});
  }
}
