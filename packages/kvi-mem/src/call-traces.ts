/**
 * Which call of a user something was opened for, long after the call, so that a test can name the line that opened what was
 * never closed. A lease is granted several awaits after `kv.distLock(...)`, where a stack no longer shows the caller.
 *
 * Listens to the operations' TracingChannels; nothing is noted, and nothing costs time, until {@link traceCalls}.
 */
import {AsyncLocalStorage} from 'node:async_hooks';
import {subscribe} from 'node:diagnostics_channel';
import {channelOf, isBytes, type OperationContext, operations} from 'kvi-core/driver';

/** A call that opens something. */
export interface CallTrace {
  /** Calls are counted: a later one has a higher number. */
  readonly number: number;
  /** What was called, as a user would write it: `kv.distLock`. */
  readonly method: string;
  /** What it was called for: a lock's name, a key. Absent where what it opens says it. */
  readonly subject: string | undefined;
  /** Made in the call, so that its stack is the caller's. Absent unless calls are traced. */
  readonly error: Error | undefined;
  /** Whether it has not returned yet. */
  isPending: boolean;
}

/** Maximum number of stack frames kept: a service's own line may be below many of its framework's. */
const stackTraceLimit = 50;

const calls = new AsyncLocalStorage<CallTrace>();
let isTracing = false;
let lastNumber = 0;

/** From now on calls are noted. Capturing stacks, and following calls across awaits, makes everything slower. */
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

/** The call that is being carried out, if calls are traced. */
export function currentCall(): CallTrace | undefined {
  return calls.getStore();
}

/** Notes a call. */
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

/** The number of the last call that was noted. */
export function lastCall(): number {
  return lastNumber;
}

function methodOf({operation}: OperationContext): string {
  return operation.startsWith('open') || operation === 'outcomeKeys' ? operation : `kv.${operation}`;
}

function subjectOf({operation, subject}: OperationContext): string | undefined {
  // A lock without a name has the handle's, which its key tells.
  if (operation === 'changes' || subject === undefined) return undefined;
  return typeof subject === 'string' || isBytes(subject) ? Buffer.from(subject).toString() : undefined;
}
