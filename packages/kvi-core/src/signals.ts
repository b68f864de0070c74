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
