import type {Bytes} from '../etcd/bytes.ts';
import type {DriverWatch} from './driver.ts';
import {fifo} from '../async/fifo.ts';
import {KviError} from '../etcd/errors.ts';
import type {WatchResponse} from '../etcd/messages.ts';
import {onAbort} from '../async/abort.ts';

/** How many events a watch keeps for a consumer that is behind, before it ends with `KVI_SLOW_CONSUMER`. */
export const defaultMaxBufferedEvents = 100_000;

/** What {@link eventBuffer} needs to know. */
export interface EventBufferOptions {
  /** Called once, when the watch ends for whatever reason: let go of what feeds it. */
  onEnd: () => void;
  /** Default: {@link defaultMaxBufferedEvents}. */
  maxBufferedEvents?: number | undefined;
  /** Ends the watch with `KVI_ABORTED`. */
  signal?: AbortSignal | undefined;
}

/** The side of a watch that its driver holds. */
export interface EventBuffer {
  /** The side that its consumer holds. */
  readonly watch: DriverWatch;
  readonly ended: boolean;
  /** The watch is in place and delivers events from this revision on. Later calls change nothing. */
  created: (startRevision: number) => void;
  /** Hands over the next response. */
  push: (response: WatchResponse<Bytes>) => void;
  /** Ends the watch, after what was pushed before. */
  fail: (error: KviError) => void;
}

/**
 * The queue between a driver, which pushes what its backend sends, and the consumer of a watch, which pulls it.
 *
 * Pushing never waits: many watches share one connection, and a slow one must not hold up the others. So the queue is
 * bounded, and a consumer that lets it overflow gets an error that says where to go on, after all that was queued.
 */
export function eventBuffer(options: EventBufferOptions): EventBuffer {
  const {maxBufferedEvents = defaultMaxBufferedEvents, signal} = options;
  const queue = fifo<WatchResponse<Bytes>>();
  const pulls: {
    resolve: (result: IteratorResult<WatchResponse<Bytes>>) => void;
    reject: (error: KviError) => void;
  }[] = [];
  const created = deferred<number>();
  let isCreated = false;
  let buffered = 0;
  let error: KviError | undefined;
  let ended = false;
  let ignoreSignal: () => void = () => undefined;

  function end(reason?: KviError) {
    if (ended) return;
    ended = true;
    error = reason;
    ignoreSignal();
    // Most watches are in place by then, and an error costs a stack.
    // Stryker disable next-line ConditionalExpression: rejecting a resolved promise does nothing
    if (!isCreated) {
      created.reject(reason ?? new KviError('KVI_ABORTED', 'the watch was ended before it was in place'));
    }
    // Only one error is to be thrown, and only to a pull that finds the queue empty.
    for (const pull of pulls.splice(0)) finish(pull);
    options.onEnd();
  }

  function finish(pull: (typeof pulls)[number]) {
    if (error === undefined) {
      pull.resolve({done: true, value: undefined});
      return;
    }
    pull.reject(error);
    error = undefined;
  }

  function abort() {
    queue.clear();
    // Stryker disable next-line OptionalChaining: only a signal that exists calls this
    end(new KviError('KVI_ABORTED', 'the watch was aborted by its signal', {cause: signal?.reason}));
  }

  const watch: DriverWatch = {
    created: created.promise,
    [Symbol.asyncIterator]: () => watch,
    next() {
      const response = queue.shift();
      if (response !== undefined) {
        buffered -= response.events.length;
        return Promise.resolve({done: false, value: response});
      }
      return new Promise((resolve, reject) => {
        const pull = {resolve, reject};
        if (ended) finish(pull);
        else pulls.push(pull);
      });
    },
    return() {
      queue.clear();
      error = undefined;
      end();
      return Promise.resolve({done: true, value: undefined});
    },
  };

  ignoreSignal = onAbort(signal, abort);

  return {
    watch,
    get ended() {
      return ended;
    },
    created(startRevision) {
      // Stryker disable next-line BooleanLiteral: rejecting a resolved promise does nothing
      isCreated = true;
      created.resolve(startRevision);
    },
    push(response) {
      if (ended) return;
      const pull = pulls.shift();
      if (pull !== undefined) {
        pull.resolve({done: false, value: response});
        return;
      }
      const [first] = response.events;
      const isTooMuch = buffered > 0 && buffered + response.events.length > maxBufferedEvents;
      if (first !== undefined && isTooMuch) {
        const revision = first.kv.modRevision;
        end(
          new KviError(
            'KVI_SLOW_CONSUMER',
            `more than ${String(maxBufferedEvents)} events wait to be taken; watch again from revision ${String(revision)}, and take events faster`,
            {revision},
          ),
        );
        return;
      }
      buffered += response.events.length;
      queue.push(response);
    },
    fail: end,
  };
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: KviError) => void;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  // A watch that fails tells its consumer in `next`; nobody has to look at `created` as well.
  promise.catch(() => undefined);
  return {promise, resolve, reject};
}
