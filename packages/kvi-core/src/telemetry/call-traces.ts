/**
 * Which call of a user something was opened for, long after the call, so that a test double can name the line that
 * opened what was never closed. A lease is granted several awaits after `kv.distLock(...)`, where a stack no longer shows
 * who called. Nothing is noted, and nothing costs time, until {@link traceCalls}.
 */
import {AsyncLocalStorage} from 'node:async_hooks';
import type {Input} from '../etcd/bytes.ts';

/** A call that opens something. */
export interface CallTrace {
  /** Calls are counted: a later one has a higher number. */
  readonly number: number;
  /** What was called, as a user would write it: `kv.distLock`. */
  readonly method: string;
  /** What it was called for: the name of a lock, a key. Absent where what it opens says it. */
  readonly subject: Input | undefined;
  /** Made in the call, so that its stack is the caller's. */
  readonly error: Error;
  /** Whether it has not been answered yet. */
  isPending: boolean;
}

/** So many frames of a caller are kept; a service's own line may be below many of its framework's. */
const stackTraceLimit = 50;

const calls = new AsyncLocalStorage<CallTrace | undefined>();
let isTracing = false;
let lastNumber = 0;

/** From now on calls are noted. Capturing stacks, and following calls across awaits, makes everything slower. */
export function traceCalls(): void {
  isTracing = true;
}

/** The call that is being carried out, if calls are traced. */
export function currentCall(): CallTrace | undefined {
  return calls.getStore();
}

/** Notes a call. */
export function noteCall(method: string, subject?: Input): CallTrace {
  const usualLimit = Error.stackTraceLimit;
  Error.stackTraceLimit = stackTraceLimit;
  const error = new Error(method);
  Error.stackTraceLimit = usualLimit;
  lastNumber += 1;
  return {number: lastNumber, method, subject, error, isPending: false};
}

/** The number of the last call that was noted. */
export function lastCall(): number {
  return lastNumber;
}

/** Carries a call out. What is opened for it, in it or later, finds it with {@link currentCall}. */
export function asCall<R>(method: string, subject: Input | undefined, body: () => R): R {
  if (!isTracing) return body();
  const call = noteCall(method, subject);
  const result = calls.run(call, body);
  if (result instanceof Promise) {
    call.isPending = true;
    const end = () => {
      call.isPending = false;
    };
    result.then(end, end);
  }
  return result;
}

/** Runs what a user gave to a call, such as a callback: what it opens is not the call's. */
export function outsideOfCalls<R>(body: () => R): R {
  return isTracing ? calls.run(undefined, body) : body();
}

/** Keeps the present call for a function that is called out of another. */
export function inThisCall<Args extends unknown[], R>(body: (...args: Args) => R): (...args: Args) => R {
  const call = currentCall();
  return call === undefined ? body : (...args) => calls.run(call, body, ...args);
}
