import {setMaxListeners} from 'node:events';

/**
 * Calls `listener` once when the signal aborts, at once if it has.
 *
 * One signal, such as that of a service's shutdown, may end any number of calls at a time, which Node would take for a
 * leak of listeners and warn of.
 *
 * @returns stops listening
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, {once: true});
  return () => {
    signal.removeEventListener('abort', listener);
  };
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
