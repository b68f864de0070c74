/** The number in the middle; of an even count, the mean of the two. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const [lower, upper] = [sorted[sorted.length % 2 === 0 ? half - 1 : half], sorted[half]];
  if (lower === undefined || upper === undefined) throw new Error('the median of no numbers');
  return (lower + upper) / 2;
}

/** What two contestants have to do with each other: the middle, and the lowest and highest of the rounds. */
export interface Comparison {
  middle: number;
  low: number;
  high: number;
}

/**
 * Compares two contestants round by round. A machine that slows down slows both of a round, so the rounds' ratios say more
 * than the ratio of two medians.
 *
 * @param relate what to make of the two numbers of a round: their ratio, say
 */
export function comparePairs(
  ours: readonly number[],
  theirs: readonly number[],
  relate: (our: number, their: number) => number,
): Comparison {
  if (ours.length !== theirs.length) throw new Error(`${ours.length} rounds beside ${theirs.length}`);
  const pairs = ours.map((our, round) => relate(our, theirs[round] ?? NaN));
  return {middle: median(pairs), low: Math.min(...pairs), high: Math.max(...pairs)};
}
