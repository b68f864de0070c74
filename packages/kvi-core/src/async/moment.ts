import type {Clock} from './clock.ts';

/** A moment, by both times that a clock may have. */
export interface Moment {
  readonly now: number;
  readonly wallTime: number | undefined;
}

export function present(clock: Clock): Moment {
  return {now: clock.now(), wallTime: clock.wallTime?.()};
}

/**
 * Milliseconds since a moment, by the time that has advanced further: the monotonic one stands still while the machine
 * sleeps, and the other may have been set back. Right for what may be over, never for what must have lasted.
 */
export function elapsedMs(clock: Clock, since: Moment): number {
  const {now, wallTime} = present(clock);
  const byWall = wallTime === undefined || since.wallTime === undefined ? 0 : wallTime - since.wallTime;
  return Math.max(now - since.now, byWall);
}
