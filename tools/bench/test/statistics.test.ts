import {describe, expect, it} from '@jest/globals';
import {alternate} from '../src/rounds.ts';
import {comparePairs, median} from '../src/statistics.ts';

describe('The statistics of the bench', () => {
  it('takes the number in the middle, or the mean of the two', () => {
    expect(median([9])).toBe(9);
    expect(median([10, 9, 1])).toBe(9);
    expect(median([100, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow('no numbers');
  });

  it('relates two contestants round by round, not by their medians', () => {
    const ratio = (our: number, their: number) => our / their;
    // The machine was ten times as fast in the second round, and one of the two was interrupted in the last.
    expect(comparePairs([10, 100, 4], [20, 200, 20], ratio)).toEqual({middle: 0.5, low: 0.2, high: 0.5});
    expect(() => comparePairs([1], [1, 2], ratio)).toThrow('1 rounds beside 2');
  });

  it('lets the contestants begin in turn, and does not count the round that warms up', async () => {
    const turns: string[] = [];
    const contestant = (name: string) => () => {
      turns.push(name);
      return Promise.resolve({turn: turns.length});
    };
    const samples = await alternate(3, [contestant('a'), contestant('b'), contestant('c')]);
    expect(turns.join('')).toBe('abc' + 'bca' + 'cab' + 'abc');
    expect(samples).toEqual([
      [{turn: 6}, {turn: 8}, {turn: 10}],
      [{turn: 4}, {turn: 9}, {turn: 11}],
      [{turn: 5}, {turn: 7}, {turn: 12}],
    ]);
  });
});
