/**
 * Remembers which call opened a resource, so that a test can name the line that opened what was never closed. A lease is
 * granted several awaits after `kv.distLock(...)`, when the stack no longer shows the caller.
 *
 * Listens to the TracingChannels of operations. Nothing is recorded, and nothing costs time, before {@link traceCalls}.
 */
import {AsyncLocalStorage} from 'node:async_hooks';
import {subscribe} from 'node:diagnostics_channel';
import {channelOf, isBytes, type OperationContext, operations} from 'kvi-core/driver';

/** A call that opens something. */
export interface CallTrace {
  /** Numbers count up: a later call has a higher one. */
  readonly number: number;
  /** The method as users write it: `kv.distLock`. */
  readonly method: string;
  /** The name of the lock, or the key. Absent if the resource itself tells. */
  readonly subject: string | undefined;
  /** Created in the call, so that it has the caller's stack. Absent unless calls are traced. */
  readonly error: Error | undefined;
  /** Whether the call has not returned yet. */
  isPending: boolean;
}

/** Maximum number of stack frames kept: a service's own frames may be below many of its framework. */
const stackTraceLimit = 50;

const calls = new AsyncLocalStorage<CallTrace>();
let isTracing = false;
let lastNumber = 0;

/** Starts recording calls. Capturing stacks and following calls across awaits makes everything slower. */
export function traceCalls(): void {
  if (isTracing) return;
  isTracing = true;
  const traces = new WeakMap<object, CallTrace>();
  for (const operation of operations) {
    channelOf(operation).start.bindStore(calls, (context) => {
      const call = noteCall(methodOf(context), subjectOf(context));
      call.isPending = operation !== 'changes';
      traces.set(context, call);
      return call;
    });
    subscribe(`tracing:kvi.${operation}:asyncEnd`, (context) => {
      const call = traces.get(context as object);
      if (call !== undefined) call.isPending = false;
    });
  }
}

/** Whether calls are traced. */
export function areCallsTraced(): boolean {
  return isTracing;
}

/** The current call, if calls are traced. */
export function currentCall(): CallTrace | undefined {
  return calls.getStore();
}

/** Records a call. */
export function noteCall(method: string, subject?: string): CallTrace {
  lastNumber += 1;
  const error = isTracing ? errorWithStack(method) : undefined;
  return {number: lastNumber, method, subject, error, isPending: false};
}

function errorWithStack(message: string): Error {
  const usualLimit = Error.stackTraceLimit;
  Error.stackTraceLimit = stackTraceLimit;
  const error = new Error(message);
  Error.stackTraceLimit = usualLimit;
  return error;
}

/** The number of the last recorded call. */
export function lastCall(): number {
  return lastNumber;
}

function methodOf({operation}: OperationContext): string {
  return operation.startsWith('open') || operation === 'outcomeKeys' ? operation : `kv.${operation}`;
}

function subjectOf({operation, subject}: OperationContext): string | undefined {
  // A lock without a name has that of the handle, which its key tells.
  if (operation === 'changes' || subject === undefined) return undefined;
  return typeof subject === 'string' || isBytes(subject) ? Buffer.from(subject).toString() : undefined;
}
