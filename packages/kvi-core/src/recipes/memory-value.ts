import {onAbort} from '../async/abort.ts';
import {reading} from '../etcd/bad-input.ts';
import {aborted} from '../etcd/errors.ts';
import {checkCount} from '../etcd/validate.ts';
import {readOptions} from '../kvi/options.ts';
import {changedMeanwhile, type EventValue, type SetOptions, setNames} from './event-value.ts';
import {
  readWatchOptions,
  type Seen,
  valueFeed,
  type ValueFeed,
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
 * Its watchers get the value itself, not a copy. Its writes throw `KVI_CONFLICT`, and what is refused.
 *
 * @param initial - default: there is no value
 */
export function memoryValue<V>(initial?: V): EventValue<V> {
  let writes = initial === undefined ? 0 : 1;
  let present: Seen<V> = {key: '', modRevision: writes, value: initial};
  const feeds = new Set<ValueFeed<V>>();

  function watch(given?: WatchValueOptions<V>) {
    const own = readWatchOptions(given);
    const feed = valueFeed<V>(own, () => {
      ignoreSignal();
      feeds.delete(feed);
    });
    feeds.add(feed);
    const ignoreSignal = onAbort(own.signal, () => feed.end(aborted(own.signal)));
    show(feed);
    feed.listed();
    return feed.watcher;
  }

  function show(feed: ValueFeed<V>): void {
    const shown = present;
    feed.put('', () => shown);
  }

  function write(value: V | undefined, given: SetOptions | undefined): number {
    const {ifModRevision, signal} = reading(() => readOptions(given ?? {}, setNames));
    checkCount('ifModRevision', ifModRevision);
    if (signal?.aborted === true) throw aborted(signal);
    if (ifModRevision !== undefined && ifModRevision !== present.modRevision) {
      throw changedMeanwhile('the value', ifModRevision);
    }
    writes += 1;
    present = {key: '', modRevision: value === undefined ? 0 : writes, value};
    for (const feed of feeds) show(feed);
    return writes;
  }

  return {
    // Only a watcher of the backlog returns undefined; the overloads say so.
    watch: watch as EventValue<V>['watch'],
    set: (value, given) => new Promise((resolve) => resolve(write(value, given))),
    delete: (given) =>
      new Promise((resolve) => {
        write(undefined, given);
        resolve();
      }),
  };
}
