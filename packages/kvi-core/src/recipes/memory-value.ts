import {onAbort} from '../async/abort.ts';
import {KviError} from '../etcd/errors.ts';
import {beginCall} from '../kvi/options.ts';
import {changedMeanwhile, checkSet, type EventValue, setNames, type SetOptions} from './event-value.ts';
import {
  checkWatchValue,
  type Seen,
  type ValueFeed,
  valueWatcher,
  watchValueNames,
  type WatchValueOptions,
} from './value-watcher.ts';

/**
 * An {@link EventValue} of this process, without a store: for what a service tells its own parts, and for tests. Its key is
 * empty, and its revisions count its writes.
 *
 * ```ts
 * const level = memoryValue('info');
 * await level.set('debug');
 * ```
 *
 * Its watchers get the value itself, not a copy. Undefined is no value: setting it fails with `KVI_INVALID_VALUE`.
 *
 * @param initial - default: there is no value
 */
export function memoryValue<V>(initial?: V): EventValue<V> {
  let writes = 0;
  let present: Seen<V> = {key: '', modRevision: 0, value: undefined};
  const feeds = new Set<ValueFeed<V>>();
  if (initial !== undefined) put(initial);

  function put(value: V | undefined): number {
    writes += 1;
    present = {key: '', modRevision: value === undefined ? 0 : writes, value};
    for (const feed of feeds) show(feed);
    return writes;
  }

  function show({put: tell}: ValueFeed<V>): void {
    const shown = Promise.resolve(present);
    tell(present.key, () => shown);
  }

  function follow(feed: ValueFeed<V>, ended: AbortSignal): Promise<void> {
    feeds.add(feed);
    onAbort(ended, () => feeds.delete(feed));
    show(feed);
    feed.listed();
    return Promise.resolve();
  }

  function watch(given?: WatchValueOptions<V>) {
    return valueWatcher<V>(beginCall(given, watchValueNames, checkWatchValue), undefined, follow);
  }

  function begin(given: SetOptions | undefined): void {
    const {ifModRevision} = beginCall(given, setNames, checkSet);
    if (ifModRevision !== undefined && ifModRevision !== present.modRevision) {
      throw changedMeanwhile('the value', ifModRevision);
    }
  }

  return {
    // Only a watcher of the backlog returns undefined; the overloads say so.
    watch: watch as EventValue<V>['watch'],
    /* eslint-disable @typescript-eslint/require-await -- what they throw is what the promises fail with */
    async set(value, given) {
      begin(given);
      if (value === undefined) throw new KviError('KVI_INVALID_VALUE', 'undefined is no value; delete it');
      return put(value);
    },
    async delete(given) {
      begin(given);
      if (present.modRevision > 0) put(undefined);
    },
    /* eslint-enable @typescript-eslint/require-await */
  };
}
