/** A generator of pseudo-random numbers. The same seed gives the same numbers. */
export interface Random {
  /** From 0 up to but not including `below`. */
  integer(below: number): number;
  /** From `from` to `to`, inclusive. */
  between(from: number, to: number): number;
  pick<T>(items: readonly [T, ...T[]]): T;
  /** The same items in another order. */
  shuffle<T>(items: readonly T[]): T[];
}

/** A 32-bit generator (mulberry32), small and good enough to choose faults. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (below: number): number => Math.floor(next() * below);
  return {
    integer,
    between: (from, to) => from + integer(to - from + 1),
    pick: <T>(items: readonly [T, ...T[]]) => items[integer(items.length)] ?? items[0],
    shuffle: (items) =>
      items
        .map((item) => ({item, rank: next()}))
        .sort((a, b) => a.rank - b.rank)
        .map(({item}) => item),
  };
}
