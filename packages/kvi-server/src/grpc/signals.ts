/** What aborts calls. Making one costs as much as the rest of a call, so the controller of an answered call is used again. */
export interface Signals {
  take(): AbortController;
  /** @param controller - has not aborted, and nobody listens to it any more: the call that it was for has been answered */
  giveBack(controller: AbortController): void;
}

/** How many are kept: about as many as calls are answered in one turn of the event loop. */
const maxKept = 256;

export function createSignals(): Signals {
  const kept: AbortController[] = [];
  return {
    take: () => kept.pop() ?? new AbortController(),
    giveBack(controller) {
      if (kept.length < maxKept && !controller.signal.aborted) kept.push(controller);
    },
  };
}
