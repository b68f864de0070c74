import {onAbort} from '../async/abort.ts';
import {abortable} from '../async/deadline.ts';
import {checkBoolean, checkFunction, reading} from '../etcd/bad-input.ts';
import {invalidArgument, KviError} from '../etcd/errors.ts';
import {readOptions} from '../kvi/options.ts';

/** A value at the moment when it was taken from a watcher. */
export interface Seen<V> {
  readonly key: string;
  /** The revision at which the key was last written, or 0 if there is no such key: what `ifModRevision` takes. */
  readonly modRevision: number;
  /** Undefined if there is no such key, because it was deleted or never written. */
  readonly value: V | undefined;
}

/** Options of {@link ValueWatcher.get}. */
export interface GetSeenOptions {
  /** Ends the wait with `KVI_ABORTED`. The watcher stays as it is, and what it has to tell is told to the next `get`. */
  signal?: AbortSignal | undefined;
}

/**
 * Tells the newest state of a value, or of each of several keys. Read it with `get`, or with `for await`; leaving the loop
 * ends it, and so does the end of an `await using` block.
 *
 * What was not read is bounded by the number of keys: a newer state takes the place of an unread one.
 *
 * @typeParam Last - what `get` returns after the last one; only a watcher of the backlog has a last one
 */
export interface ValueWatcher<V, Last = never> extends AsyncDisposable {
  [Symbol.asyncIterator](): AsyncIterator<Seen<V>, undefined>;
  /**
   * The present state first, then each time a newer one. States in between may be skipped.
   *
   * @throws `KVI_INVALID_ARGUMENT` while another `get` of this watcher waits; `KVI_ABORTED` if its signal or the watcher's
   *   aborted; `KVI_CLOSED` after `close()`, or when the handle is closed; `KVI_INVALID_VALUE` or `KVI_NOT_TEXT` for what
   *   does not decode, after which the next `get` tells what comes next; and whatever else ends a watch for good, such as
   *   `KVI_PERMISSION_DENIED`
   */
  get(options?: GetSeenOptions): Promise<Seen<V> | Last>;
  /** Ends it. Closing twice is fine. */
  close(): Promise<void>;
}

/** What a watcher shows, and of what. */
export interface WatchValueOptions<V> {
  /** Tells the present state, and ends when it has all been read: `get` then returns undefined. Default false. */
  backlogOnly?: boolean | undefined;
  /** Skips the states for which it returns false. Default: none. */
  filter?: ((seen: Seen<V>) => boolean) | undefined;
  /** Ends the watcher with `KVI_ABORTED`. */
  signal?: AbortSignal | undefined;
}

const watchValueNames = Object.keys({
  backlogOnly: true,
  filter: true,
  signal: true,
} satisfies Record<keyof WatchValueOptions<unknown>, true>);

/** The side of a watcher that is told what there is. */
export interface ValueFeed<V> {
  readonly watcher: ValueWatcher<V, undefined>;
  /**
   * The state of a key, in place of one that was not read.
   *
   * @param read - decodes it when it is read
   */
  readonly put: (key: string, read: () => Seen<V> | Promise<Seen<V>>) => void;
  /** The present state was put. */
  readonly listed: () => void;
  readonly end: (error: unknown) => void;
}

/** @param onEnd - called once, when either side ends the watcher */
export function valueFeed<V>(
  {backlogOnly = false, filter = () => true}: WatchValueOptions<V>,
  onEnd: () => void,
): ValueFeed<V> {
  /** What was not read, by key. */
  const unread = new Map<string, () => Seen<V> | Promise<Seen<V>>>();
  let isListed = false;
  let isGetting = false;
  let failure: {error: unknown} | undefined;
  let wake: () => void = () => undefined;

  async function get(options?: GetSeenOptions): Promise<Seen<V> | undefined> {
    const {signal} = readWatcherOptions(options, ['signal']);
    if (isGetting) throw invalidArgument('another get() of this watcher is waiting; read it one at a time');
    isGetting = true;
    try {
      for (;;) {
        signal?.throwIfAborted();
        if (failure !== undefined) throw failure.error;
        const [first] = unread;
        if (first !== undefined) {
          const seen = await readFirst(first, signal);
          if (filter(seen)) return seen;
        } else if (backlogOnly && isListed) {
          await close();
          return undefined;
        } else {
          await untilChanged(signal);
        }
      }
    } catch (error) {
      if (signal?.aborted === true && error === signal.reason) throw abortedBy(signal);
      throw error;
    } finally {
      isGetting = false;
    }
  }

  async function readFirst(
    [key, read]: readonly [string, () => Seen<V> | Promise<Seen<V>>],
    signal: AbortSignal | undefined,
  ): Promise<Seen<V>> {
    unread.delete(key);
    const seen = read();
    if (!(seen instanceof Promise) || signal === undefined) return seen;
    try {
      return await abortable(seen, signal);
    } catch (error) {
      // It was not told, and nothing newer has come.
      if (signal.aborted && !unread.has(key)) unread.set(key, read);
      throw error;
    }
  }

  async function untilChanged(signal: AbortSignal | undefined): Promise<void> {
    let ignoreSignal: (() => void) | undefined;
    await new Promise<void>((resolve) => {
      wake = resolve;
      ignoreSignal = onAbort(signal, () => resolve());
    });
    ignoreSignal?.();
  }

  function end(error: unknown): void {
    if (failure !== undefined) return;
    failure = {error};
    unread.clear();
    wake();
    onEnd();
  }

  function close(): Promise<void> {
    end(new KviError('KVI_CLOSED', 'the watcher is closed; watch again'));
    return Promise.resolve();
  }

  const watcher: ValueWatcher<V, undefined> = {
    get,
    close,
    [Symbol.asyncDispose]: close,
    [Symbol.asyncIterator]: () => ({
      async next() {
        const value = await get();
        return value === undefined ? {done: true, value} : {done: false, value};
      },
      async return() {
        await close();
        return {done: true, value: undefined};
      },
    }),
  };

  return {
    watcher,
    put(key, read) {
      // Of the backlog, what was read already is not told again.
      if (backlogOnly && isListed && !unread.has(key)) return;
      unread.set(key, read);
      wake();
    },
    listed() {
      isListed = true;
      wake();
    },
    end,
  };
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function readWatchOptions<V>(given: WatchValueOptions<V> | undefined): WatchValueOptions<V> {
  const own = readWatcherOptions(given, watchValueNames);
  checkBoolean('backlogOnly', own.backlogOnly);
  if (own.filter !== undefined) checkFunction('filter', own.filter);
  return own;
}

function readWatcherOptions<O extends GetSeenOptions>(
  given: O | undefined,
  names: readonly string[],
): Partial<O> {
  return reading(() => (given === undefined ? {} : readOptions(given, names)));
}

function abortedBy(signal: AbortSignal): KviError {
  return new KviError('KVI_ABORTED', 'get() was aborted by its signal; the watcher goes on', {
    cause: signal.reason,
  });
}
