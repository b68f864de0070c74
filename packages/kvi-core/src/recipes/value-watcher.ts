import {onAbort, type Signals} from '../async/abort.ts';
import {systemClock} from '../async/clock.ts';
import {abortable, withDeadline} from '../async/deadline.ts';
import {checkBoolean, checkFunction} from '../etcd/bad-input.ts';
import {aborted, closed, invalidArgument, KviError} from '../etcd/errors.ts';
import {beginCall} from '../kvi/options.ts';

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
 * What was not read is bounded by the number of keys: a newer state takes the place of an unread one, and a key that came
 * and went unread leaves nothing.
 *
 * @typeParam Last - what `get` returns after the last one; only a watcher of the backlog has a last one
 */
export interface ValueWatcher<V, Last = never> extends AsyncDisposable {
  /** Throws what `get` throws, and then ends the watcher. It is over after `close()`. */
  [Symbol.asyncIterator](): AsyncIterator<Seen<V>, undefined>;
  /**
   * The present state first, then each time a newer one. States in between may be skipped. The first `get` reads the store,
   * so it tells nothing older than its call.
   *
   * @throws `KVI_INVALID_ARGUMENT` while another `get` of this watcher waits; `KVI_ABORTED` if its signal or the watcher's
   *   aborted; `KVI_CLOSED` after `close()`, or when the handle is closed; `KVI_INVALID_VALUE` or `KVI_NOT_TEXT` for what
   *   does not decode, after which the next `get` tells what comes next; and whatever else ends a watch for good, such as
   *   `KVI_PERMISSION_DENIED`
   */
  get(options?: GetSeenOptions): Promise<Seen<V> | Last>;
  /** Ends it, and a `get` that waits. Closing twice is fine. */
  close(): Promise<void>;
}

/** What a watcher shows, and of what. */
export interface WatchValueOptions<V> {
  /** Tells the present state, and ends when it has all been read: `get` then returns undefined. Default false. */
  backlogOnly?: boolean | undefined;
  /** Skips the states for which it returns false, those of absent keys too. Default: none. */
  filter?: ((seen: Seen<V>) => boolean) | undefined;
  /** Ends the watcher with `KVI_ABORTED`. */
  signal?: AbortSignal | undefined;
}

// Stryker disable BooleanLiteral: only the names count
/** The names of {@link WatchValueOptions}. */
export const watchValueNames = Object.keys({
  backlogOnly: true,
  filter: true,
  signal: true,
} satisfies Record<keyof WatchValueOptions<unknown>, true>);
// Stryker restore BooleanLiteral

/** @throws `KVI_INVALID_ARGUMENT` */
export function checkWatchValue<V>(own: WatchValueOptions<V> = {}): WatchValueOptions<V> {
  checkBoolean('backlogOnly', own.backlogOnly);
  if (own.filter !== undefined) checkFunction('filter', own.filter);
  return own;
}

/** Decodes a state, when it is taken. */
export type ReadSeen<V> = () => Promise<Seen<V>>;

/** The side of a watcher that is told what there is. */
export interface ValueFeed<V> {
  /** The state of a key, in place of one that was not read. */
  readonly put: (id: string, read: ReadSeen<V>) => void;
  /** A key is gone, as `read` tells; whoever was not told that there was one need not know. */
  readonly remove: (id: string, read: ReadSeen<V>) => void;
  /** The present state has been put. */
  readonly listed: () => void;
}

/**
 * @param closing - of the handle
 * @param follow - tells the feed what there is, from the first `get` until `ended` aborts. What it throws ends the watcher.
 */
export function valueWatcher<V>(
  {backlogOnly = false, filter = () => true, signal}: WatchValueOptions<V>,
  closing: Signals | undefined,
  follow: (feed: ValueFeed<V>, ended: AbortSignal) => Promise<void>,
): ValueWatcher<V, undefined> {
  /** What was not read, by key. */
  const unread = new Map<string, ReadSeen<V>>();
  /** The keys that the consumer believes to be there. */
  const known = new Set<string>();
  const over = new AbortController();
  const closedHere = new KviError('KVI_CLOSED', 'the watcher is closed; watch again');
  let isFollowing = false;
  let isListed = false;
  let isGetting = false;
  let wake: () => void = () => undefined;

  const feed: ValueFeed<V> = {
    put(id, read) {
      // Of the backlog, what was read already is not told again.
      if (backlogOnly && isListed && !unread.has(id)) return;
      unread.set(id, read);
      wake();
    },
    remove(id, read) {
      if (known.has(id)) feed.put(id, read);
      else unread.delete(id);
    },
    listed() {
      isListed = true;
      wake();
    },
  };

  async function get(options?: GetSeenOptions): Promise<Seen<V> | undefined> {
    const wait = beginCall(options, ['signal'], (own) => ({signal: own?.signal, closing: over.signal}));
    if (isGetting) throw invalidArgument('another get() of this watcher is waiting; read it one at a time');
    isGetting = true;
    try {
      return await withDeadline(systemClock, wait, next);
    } finally {
      isGetting = false;
    }
  }

  async function next(ended: AbortSignal): Promise<Seen<V> | undefined> {
    if (!isFollowing) follow(feed, over.signal).catch(end);
    isFollowing = true;
    for (;;) {
      const [first] = unread;
      if (first !== undefined) {
        const seen = await take(first, ended);
        if (filter(seen)) return seen;
      } else if (backlogOnly && isListed) {
        await close();
        return undefined;
      } else {
        await abortable(new Promise<void>((resolve) => (wake = resolve)), ended);
      }
    }
  }

  /** What is not told, because the wait for it ended, stays unread; so does what took its place meanwhile. */
  async function take([id, read]: readonly [string, ReadSeen<V>], ended: AbortSignal): Promise<Seen<V>> {
    let isTold = true;
    // From now on, since the key may be removed while its value is decoded.
    known.add(id);
    try {
      const seen = await abortable(read(), ended);
      if (seen.modRevision === 0) known.delete(id);
      return seen;
    } catch (error) {
      isTold = !ended.aborted;
      throw error;
    } finally {
      if (isTold && (backlogOnly || unread.get(id) === read)) unread.delete(id);
    }
  }

  function end(error: unknown): void {
    if (over.signal.aborted) return;
    over.abort(error);
    unread.clear();
    known.clear();
    ignoreSignal();
    ignoreClosing();
  }

  const ignoreSignal = onAbort(signal, () => end(aborted(signal)));
  const ignoreClosing = onAbort(closing, () => end(closed()));

  function close(): Promise<void> {
    end(closedHere);
    return Promise.resolve();
  }

  return {
    get,
    close,
    [Symbol.asyncDispose]: close,
    [Symbol.asyncIterator]: () => ({
      async next() {
        try {
          const value = await get();
          if (value !== undefined) return {done: false, value};
        } catch (error) {
          // `for await` does not end what has thrown.
          await close();
          if (error !== closedHere) throw error;
        }
        return {done: true, value: undefined};
      },
      async return() {
        await close();
        return {done: true, value: undefined};
      },
    }),
  };
}
