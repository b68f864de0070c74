import {turns} from './turns.ts';

/** What a call of a shared read is told. */
export interface Share<R> {
  result: R;
  /** Which of the calls that share the read it was, from 0. */
  number: number;
}

/**
 * Reads once for all calls that come while an earlier read is under way. A call never shares a read that began before it, so
 * what it is told is at least as new.
 */
export function sharedRead<R>(read: () => Promise<R>): () => Promise<Share<R>> {
  const inTurn = turns();
  let next: {result: Promise<R>; calls: number} | undefined;

  function begin() {
    const result = inTurn(() => {
      next = undefined;
      return read();
    });
    return {result, calls: 0};
  }

  return async () => {
    next ??= begin();
    const number = next.calls;
    next.calls += 1;
    return {result: await next.result, number};
  };
}
