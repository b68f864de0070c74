import type {Clock} from './clock.ts';
import {abortable, type WaitOptions, withDeadline} from './deadline.ts';

/** The time of one call, for its requests and for the functions that its caller passed. */
export interface CallTime {
  /** Milliseconds left, for the next request. Undefined: no limit. */
  left(): number | undefined;
  /** Calls `body` at once, which may never end. Once the time is over, its result is ignored. */
  run<R>(body: (ended: AbortSignal) => R | Promise<R>): Promise<R>;
}

/** The time counts from now. */
export function callTime(clock: Clock, {timeoutMs, signal, closing}: WaitOptions): CallTime {
  const start = clock.now();

  function left(): number | undefined {
    return timeoutMs === undefined ? undefined : Math.max(1, timeoutMs - (clock.now() - start));
  }

  return {
    left,
    run: (body) =>
      withDeadline(clock, {timeoutMs: left(), signal, closing}, (ended) =>
        abortable((async () => body(ended))(), ended),
      ),
  };
}
