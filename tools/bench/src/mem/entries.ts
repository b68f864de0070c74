/** What the stores in memory hold, and how fast they are. */
import {type Sample, timed} from '../rounds.ts';

export const prefix = 'stock/';

export interface Entry {
  key: string;
  value: string;
}

/** Short keys in an order that no store profits from, each with a value of its own. */
export function entriesOf(count: number): Entry[] {
  return Array.from({length: count}, (_, n) => {
    // 7,919 is a prime that divides none of the counts, so that each number comes once.
    const number = String((n * 7_919) % count).padStart(6, '0');
    return {key: prefix + number, value: `value ${number}`};
  });
}

/** Does something `count` times and says how many of `things` that makes in a second. */
export async function rate(
  things: 'calls' | 'keys',
  count: number,
  work: () => Promise<void>,
): Promise<Sample> {
  const {seconds} = await timed(work);
  return {[`${things}/s`]: count / seconds};
}
