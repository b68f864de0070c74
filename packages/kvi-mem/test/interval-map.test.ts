import {describe, expect, it} from '@jest/globals';
import fc from 'fast-check';
import {includes, type Interval} from '../src/mvcc/interval.ts';
import {IntervalMap} from '../src/mvcc/interval-map.ts';

const key = fc.array(fc.constantFrom('a', 'b', '\xff'), {maxLength: 3}).map((letters) => letters.join(''));
const interval = fc.record<Interval>({start: key, end: key});
/** Adds a value, or deletes the one that was added so many steps before. */
const step = fc.oneof(
  {weight: 3, arbitrary: fc.record({add: interval})},
  {weight: 1, arbitrary: fc.record({delete: fc.nat(20)})},
  {weight: 1, arbitrary: fc.record({at: key})},
);

describe('A map of intervals', () => {
  it('finds the values whose interval includes a key, whatever was added and deleted before', () => {
    fc.assert(
      fc.property(fc.array(step, {minLength: 1, maxLength: 120}), (steps) => {
        const map = new IntervalMap<number>();
        const added: {interval: Interval; value: number}[] = [];
        const found = (at: string) => {
          const values: number[] = [];
          map.at(at, (value) => values.push(value));
          return values.sort((a, b) => a - b);
        };
        const expected = (at: string) =>
          added.filter((each) => includes(each.interval, at)).map(({value}) => value);
        for (const [value, now] of steps.entries()) {
          if ('add' in now) {
            added.push({interval: now.add, value});
            map.add(now.add, value);
          } else if ('at' in now) {
            expect(found(now.at)).toEqual(expected(now.at));
          } else {
            const [gone] = added.splice(now.delete, 1);
            if (gone !== undefined) map.delete(gone.interval, gone.value);
          }
        }
        for (const at of ['', 'a', 'ab', 'b', 'ba', 'b\xff', '\xff', '\xff\xff\xff'])
          expect(found(at)).toEqual(expected(at));
      }),
      {seed: 1, numRuns: 500},
    );
  });

  describe('of thousands', () => {
    let compared = 0;
    const counted = (n: number, end?: string): Interval => {
      const start = String(n).padStart(4, '0');
      return {
        get start() {
          compared += 1;
          return start;
        },
        end: end ?? `${start}~`,
      };
    };
    /** How many intervals a key is compared with. */
    const comparisons = (map: IntervalMap<number>, key: string, expected: number[]): number => {
      map.at('', () => undefined);
      compared = 0;
      const values: number[] = [];
      map.at(key, (value) => values.push(value));
      expect(values).toEqual(expected);
      return compared;
    };

    it('compares a key with a few of them', () => {
      const map = new IntervalMap<number>();
      for (let n = 0; n < 4_096; n += 1) map.add(counted(n), n);
      expect(comparisons(map, '2000/x', [2_000])).toBeLessThan(60);
    });

    it('does so too where each was added between two searches, and compares few to get there', () => {
      const map = new IntervalMap<number>();
      let total = 0;
      for (let n = 0; n < 4_096; n += 1) {
        map.add(counted(n), n);
        compared = 0;
        map.at('', () => undefined);
        total += compared;
      }
      expect(comparisons(map, '2000/x', [2_000])).toBeLessThan(60);
      expect(total / 4_096).toBeLessThan(300);
    });

    it('does not come across those that were deleted', () => {
      const map = new IntervalMap<number>();
      const nested = (n: number) => counted(0, String(9_999 - n));
      for (let n = 0; n < 4_096; n += 1) map.add(nested(n), n);
      map.at('', () => undefined);
      compared = 0;
      for (let n = 1; n < 4_096; n += 1) {
        map.delete(nested(n), n);
        map.at('', () => undefined);
      }
      expect(compared / 4_096).toBeLessThan(50);
      expect(comparisons(map, '0001', [0])).toBeLessThan(60);
    });
  });
});
