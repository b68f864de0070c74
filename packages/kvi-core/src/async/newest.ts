import {turns} from './turns.ts';

/** An iteration that its consumer may end at any time, also while it waits for the next value. */
export interface Iteration<T> extends AsyncIterator<T, undefined>, AsyncDisposable {
  // Not `AsyncIterableIterator`, which has one type parameter before TypeScript 5.6.
  [Symbol.asyncIterator](): this;
}

/** The side of an {@link Iteration} that has the values. */
export interface Newest<T> {
  readonly iteration: Iteration<T>;
  /**
   * Says that there is a new value, which takes the place of one that nobody has taken.
   *
   * @param read - makes it when the consumer takes it. Returns undefined if it is not new after all.
   */
  put: (read: () => T | undefined) => void;
  /** Ends the iteration at once, with an error or without. Ending it again changes nothing. */
  end: (error?: unknown) => void;
}

/**
 * Hands states to a consumer who wants the newest: one that falls behind skips those in between, so nothing piles up.
 *
 * @param onEnd - called once, when either side ends the iteration
 */
export function newest<T>(onEnd: () => void): Newest<T> {
  const inTurn = turns();
  let waiting: (() => T | undefined) | undefined;
  let outcome: {error?: unknown} | undefined;
  let wake: () => void = () => undefined;

  async function next(): Promise<IteratorResult<T, undefined>> {
    while (outcome === undefined) {
      const value = waiting?.();
      waiting = undefined;
      if (value !== undefined) return {done: false, value};
      await new Promise<void>((resolve) => (wake = resolve));
    }
    const {error} = outcome;
    // An error is thrown once.
    outcome = {};
    if (error !== undefined) throw error as Error;
    return {done: true, value: undefined};
  }

  function end(error?: unknown): void {
    if (outcome !== undefined) return;
    outcome = {error};
    wake();
    onEnd();
  }

  const iteration: Iteration<T> = {
    [Symbol.asyncIterator]: () => iteration,
    next: () => inTurn(next),
    return() {
      end();
      // Whoever leaves does not want to know any more what went wrong.
      outcome = {};
      return Promise.resolve({done: true, value: undefined});
    },
    throw(error) {
      end();
      return Promise.reject(error as Error);
    },
    async [Symbol.asyncDispose]() {
      await iteration.return?.();
    },
  };
  return {
    iteration,
    put(read) {
      waiting = read;
      wake();
    },
    end,
  };
}
