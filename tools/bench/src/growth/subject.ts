/** What every subject measures with. */
import {median} from '../statistics.ts';

const rounds = 5;

/** What a subject gets to work with. */
export interface Scale {
  /** How often to do something that a full run does `n` times: less in a quick run, and at least once. */
  times: (n: number) => number;
  /** The powers of ten from one to another, of which a quick run leaves out the last ones. */
  powers: (from: number, to: number) => number[];
}

/** @param scale part of the work of a full run, 1 for all of it */
export function scaled(scale: number): Scale {
  return {
    times: (n) => Math.max(1, Math.round(n * scale)),
    powers(from, to) {
      const powers: number[] = [];
      for (let n = from; n <= to; n *= 10) if (n === from || n <= to * scale) powers.push(n);
      return powers;
    },
  };
}

/**
 * Makes calls 0 to `calls - 1`, one after the other, some times over.
 *
 * @returns the microseconds of CPU that one takes, the median of the rounds
 */
export async function cpuOf(calls: number, call: (n: number) => Promise<unknown>): Promise<number> {
  const samples: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const before = process.cpuUsage();
    for (let n = 0; n < calls; n++) await call(n);
    const {user, system} = process.cpuUsage(before);
    // The first warms up.
    if (round >= 0) samples.push((user + system) / calls);
  }
  return median(samples);
}

/** Bytes that are in use, within the heap of JavaScript and beside it. Node has to run with `--expose-gc`. */
export function usedBytes(): number {
  if (globalThis.gc === undefined) throw new Error('memory is measured under node --expose-gc');
  globalThis.gc();
  globalThis.gc();
  const {heapUsed, external} = process.memoryUsage();
  return heapUsed + external;
}

/** A number below `count`, in an order that no store profits from. */
export function scattered(n: number, count: number): number {
  // 7,919 is a prime that divides no power of ten.
  return (n * 7_919) % count;
}
