import type {Clock} from './clock.ts';
import {aborted, KviError} from '../etcd/errors.ts';
import {onAbort, type Signals} from './abort.ts';

/** What may end a wait early. */
export interface WaitOptions {
  /** Milliseconds until it fails with `KVI_TIMEOUT`. Absent: no limit. */
  timeoutMs?: number | undefined;
  /** The caller's: fails with `KVI_ABORTED`. */
  signal?: AbortSignal | undefined;
  /** The signals of the handle, and of those that it is a part of: fails with the reason of the first to abort. */
  closing?: Signals | undefined;
}

/**
 * Runs `body`, which is to end soon after the signal that it gets aborts, and throws what aborted it.
 *
 * Not `AbortSignal.any`, which keeps every signal alive as long as the longest-lived one, here the handle's.
 */
export async function withDeadline<R>(
  clock: Clock,
  {timeoutMs, signal, closing}: WaitOptions,
  body: (signal: AbortSignal) => Promise<R>,
): Promise<R> {
  const ended = new AbortController();
  const timer =
    timeoutMs === undefined
      ? undefined
      : clock.setTimer(timeoutMs, () => {
          ended.abort(new KviError('KVI_TIMEOUT', `gave up after ${Math.round(timeoutMs)} ms`));
        });
  const ignoreClosing = onAbort(closing, (reason) => ended.abort(reason));
  const ignoreSignal = onAbort(signal, () => ended.abort(aborted(signal)));
  try {
    ended.signal.throwIfAborted();
    return await body(ended.signal);
  } catch (error) {
    ended.signal.throwIfAborted();
    throw error;
  } finally {
    timer?.cancel();
    ignoreSignal();
    ignoreClosing();
  }
}

/**
 * Waits for a promise, or for the signal, whichever comes first. What the promise brings later is dropped.
 *
 * @throws the signal's reason
 */
export async function abortable<R>(promise: Promise<R>, signal: AbortSignal): Promise<R> {
  // A failure that nobody waits for would end the process.
  promise.catch(() => undefined);
  signal.throwIfAborted();
  let ignoreSignal: (() => void) | undefined;
  const abort = new Promise<never>((_, reject) => {
    ignoreSignal = onAbort(signal, () => reject(signal.reason as Error));
  });
  try {
    return await Promise.race([promise, abort]);
  } finally {
    // Stryker disable next-line OptionalChaining: it is set by now
    ignoreSignal?.();
  }
}
