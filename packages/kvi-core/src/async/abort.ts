import {setMaxListeners} from 'node:events';

/** One signal, or several of which any one ends the wait. */
export type Signals = AbortSignal | readonly AbortSignal[];

/**
 * Calls `listener` with the reason when the signal aborts, at once if it has; of several, when each does.
 *
 * @returns stops listening
 */
export function onAbort(signals: Signals | undefined, listener: (reason: unknown) => void): () => void {
  const stops = listOf(signals).map((signal) => onAbortOf(signal, () => listener(signal.reason)));
  return () => {
    for (const stop of stops) stop();
  };
}

function onAbortOf(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  allowManyListeners(signal);
  signal.addEventListener('abort', listener, {once: true});
  return () => {
    signal.removeEventListener('abort', listener);
  };
}

/** Whether the signal has aborted, or one of several has. */
export function isAborted(signals: Signals | undefined): boolean {
  return listOf(signals).some(({aborted}) => aborted);
}

function listOf(signals: Signals = []): readonly AbortSignal[] {
  return 'aborted' in signals ? [signals] : signals;
}

/**
 * Keeps Node from warning of a leak of listeners: one signal, for example for a service's shutdown, may end any number of
 * calls.
 */
export function allowManyListeners(signal: AbortSignal): void {
  try {
    setMaxListeners(0, signal);
  } catch {
    // Not one of Node's, but of jsdom for instance, which neither counts its listeners nor warns.
  }
}

/** Whether this does what an `AbortSignal` does. One of another realm or of jsdom is no instance of the class here. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    typeof value.aborted === 'boolean' &&
    'addEventListener' in value &&
    typeof value.addEventListener === 'function' &&
    'removeEventListener' in value &&
    typeof value.removeEventListener === 'function'
  );
}

/**
 * Has `look` called before anybody is told whether the signal has aborted. A timer that aborts it comes late when the event
 * loop stalled, or the process was stopped; whoever asks in between would be told what is no longer true.
 *
 * @param look - may abort the signal
 */
export function lookBeforeTelling(signal: AbortSignal, look: () => void): void {
  Object.defineProperties(signal, {
    aborted: {
      get(): boolean {
        look();
        return Reflect.get<AbortSignal, 'aborted'>(AbortSignal.prototype, 'aborted', signal);
      },
    },
    throwIfAborted: {
      value() {
        look();
        AbortSignal.prototype.throwIfAborted.call(signal);
      },
    },
  });
}
