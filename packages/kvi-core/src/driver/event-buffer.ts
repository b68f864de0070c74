import {deferred} from '../async/deferred.ts';
import type {Bytes} from '../etcd/bytes.ts';
import type {DriverWatch} from './driver.ts';
import {fifo} from '../async/fifo.ts';
import {showValue} from '../etcd/bad-input.ts';
import {invalidArgument, KviError} from '../etcd/errors.ts';
import type {KeyValue, WatchResponse} from '../etcd/messages.ts';
import {onAbort} from '../async/abort.ts';

/** How much a watch keeps for a consumer that is behind, before it ends with `KVI_SLOW_CONSUMER`. */
export interface BufferLimits {
  /** Default 100,000. */
  maxBufferedEvents?: number | undefined;
  /** Bytes of keys and values. Default 64 MiB. */
  maxBufferedBytes?: number | undefined;
}

/** The limits among other options. */
export function bufferLimits({maxBufferedEvents, maxBufferedBytes}: BufferLimits): BufferLimits {
  return {maxBufferedEvents, maxBufferedBytes};
}

/** @throws `KVI_INVALID_ARGUMENT` for a limit that is no positive integer */
export function checkBufferLimits(limits: BufferLimits): void {
  for (const [name, limit] of Object.entries(bufferLimits(limits))) {
    if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) {
      throw invalidArgument(`${name} must be a positive integer, not ${showValue(limit)}`);
    }
  }
}

/** What {@link eventBuffer} needs to know. */
export interface EventBufferOptions extends BufferLimits {
  /** Called once, when the watch ends: stop feeding it. */
  onEnd: () => void;
  /** See {@link DriverWatch.requestProgress}. Not called once the watch has ended. */
  onProgressRequest?: (() => void) | undefined;
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
  const {maxBufferedEvents = 100_000, maxBufferedBytes = 64 * 1024 * 1024, signal} = options;
  const queue = fifo<WatchResponse<Bytes>>();
  const pulls: {
    resolve: (result: IteratorResult<WatchResponse<Bytes>>) => void;
    reject: (error: KviError) => void;
  }[] = [];
  const created = deferred<number>();
  // `next` reports a failure too, so `created` need not be handled.
  created.promise.catch(() => undefined);
  let isCreated = false;
  let events = 0;
  let bytes = 0;
  let error: KviError | undefined;
  let ended = false;
  let ignoreSignal: () => void = () => undefined;

  function end(reason?: KviError) {
    if (ended) return;
    ended = true;
    error = reason;
    ignoreSignal();
    // Most watches are in place already, and creating an error captures a stack.
    // Stryker disable next-line ConditionalExpression: rejecting a resolved promise does nothing
    if (!isCreated) {
      created.reject(reason ?? new KviError('KVI_ABORTED', 'the watch was ended before it was in place'));
    }
    // The error is thrown once, to a pull that finds the queue empty.
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
        events -= response.events.length;
        bytes -= bytesIn(response);
        return Promise.resolve({done: false, value: response});
      }
      return new Promise((resolve, reject) => {
        const pull = {resolve, reject};
        if (ended) finish(pull);
        else pulls.push(pull);
      });
    },
    requestProgress() {
      if (!ended) options.onProgressRequest?.();
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
      // Whatever its size, one response is kept: there is no other way to deliver it.
      const wasEmpty = events === 0;
      events += response.events.length;
      bytes += bytesIn(response);
      if (first === undefined || wasEmpty) queue.push(response);
      else if (events > maxBufferedEvents) end(tooSlow(`${maxBufferedEvents} events`, first.kv.modRevision));
      else if (bytes > maxBufferedBytes) end(tooSlow(`${maxBufferedBytes} bytes`, first.kv.modRevision));
      else queue.push(response);
    },
    fail: end,
  };
}

function tooSlow(limit: string, revision: number): KviError {
  return new KviError(
    'KVI_SLOW_CONSUMER',
    `more than ${limit} wait to be taken; watch again from revision ${revision}, and take events faster`,
    {revision},
  );
}

function bytesIn({events}: WatchResponse<Bytes>): number {
  return events.reduce((sum, {kv, prevKv}) => sum + size(kv) + size(prevKv), 0);
}

function size(kv: KeyValue<Bytes> | undefined): number {
  return kv === undefined ? 0 : kv.key.length + kv.value.length;
}
