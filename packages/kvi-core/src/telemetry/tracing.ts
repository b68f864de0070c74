/**
 * Every operation of a handle as a span, on Node's TracingChannels `kvi.get`, `kvi.store` and so on, for OpenTelemetry and
 * other tracers:
 *
 * ```ts
 * import {tracingChannel} from 'node:diagnostics_channel';
 * tracingChannel('kvi.get').subscribe({...});
 * ```
 *
 * Nothing is built while nobody listens.
 *
 * @see https://nodejs.org/api/diagnostics_channel.html#class-tracingchannel
 */
import {type TracingChannel, tracingChannel} from 'node:diagnostics_channel';

/** Everything that is traced: the operations of a handle, what opens one, and what a handle does by itself. */
export const operations = [
  'open',
  'openMem',
  'openEtcd',
  'store',
  'get',
  'getKeyValue',
  'getRange',
  'range',
  'delete',
  'deleteRange',
  'tas',
  'transaction',
  'txn',
  'lease',
  'attachLease',
  'leases',
  'compact',
  'tempKey',
  'distLock',
  'distTimedLock',
  'distUnlock',
  'watch',
  'watchWithCB',
  'changes',
  'outcomeKeys',
] as const;

export type Operation = (typeof operations)[number];

/** The context of a span. Node adds `result` or `error`. */
export interface OperationContext {
  operation: Operation;
  /** The key, the keys or the name of the lock that it is about, as the caller passed it; absent where there is none. */
  subject?: unknown;
}

type Channels = Record<Operation, TracingChannel<unknown, OperationContext>>;

// Kept here because Node drops a channel without references, and its subscribers with it.
const channels = Object.fromEntries(
  operations.map((operation) => [operation, tracingChannel<unknown, OperationContext>(`kvi.${operation}`)]),
) as Channels;

/** Runs an operation as a span, if anybody listens. */
export function trace<R>(operation: Operation, subject: unknown, body: () => Promise<R>): Promise<R> {
  const channel = channelOf(operation);
  return channel.hasSubscribers ? channel.tracePromise(body, {operation, subject}) : body();
}

/**
 * The method as a span.
 *
 * @param subjectAt - which of its arguments it is about
 */
export function traced<Args extends unknown[], R>(
  operation: Operation,
  method: (...args: Args) => Promise<R>,
  subjectAt = 0,
): (...args: Args) => Promise<R> {
  const channel = channelOf(operation);
  return (...args) =>
    channel.hasSubscribers
      ? channel.tracePromise(() => method(...args), {operation, subject: args[subjectAt]})
      : method(...args);
}

/** The method, which returns at once, as a span. */
export function tracedSync<Args extends unknown[], R>(
  operation: Operation,
  method: (...args: Args) => R,
): (...args: Args) => R {
  const channel = channelOf(operation);
  return (...args) =>
    channel.hasSubscribers
      ? channel.traceSync(() => method(...args), {operation, subject: args[0]})
      : method(...args);
}

/** The channel of an operation. */
export function channelOf(operation: Operation): Channels[Operation] {
  return channels[operation];
}
