import {describe, expect, it} from '@jest/globals';
import fc from 'fast-check';
import {SortedMap} from '../src/sorted-map.ts';

/** What a {@link SortedMap} must hold, kept in the simplest way. */
type Model = Map<number, string>;

const keySpace = 700;

/** A map of several levels, filled in an order of its own, and what it must hold. */
function filled(keys: readonly number[]): {map: SortedMap<number, string>; model: Model} {
  const map = new SortedMap<number, string>((a, b) => a - b, 4);
  const model: Model = new Map();
  for (const key of keys) {
    map.set(key, `first ${key}`);
    model.set(key, `first ${key}`);
  }
  return {map, model};
}

function expectToHold(map: SortedMap<number, string>, model: Model): void {
  const entries = [...model].sort(([a], [b]) => a - b);
  expect(map.keys()).toEqual(entries.map(([key]) => key));
  expect(map.values()).toEqual(entries.map(([, value]) => value));
  expect(map.minKey()).toBe(entries[0]?.[0]);
  const everyKey = Array.from({length: keySpace + 2}, (_, n) => n);
  expect(everyKey.map((key) => map.get(key))).toEqual(everyKey.map((key) => model.get(key)));
  expect(everyKey.filter((key) => map.has(key))).toEqual(everyKey.filter((key) => model.has(key)));
}

/** The values of the keys from `start` to `end`. */
function valuesOf(model: Model, start: number, end: number | undefined): string[] {
  return [...model]
    .filter(([key]) => key >= start && (end === undefined || key < end))
    .sort(([a], [b]) => a - b)
    .map(([, value]) => value);
}

function visited(walk: (visit: (value: string) => boolean) => void, limit: number): string[] {
  const values: string[] = [];
  walk((value) => values.push(value) < limit);
  return values;
}

const someKeys = fc.uniqueArray(fc.nat(keySpace), {minLength: 0, maxLength: 600, size: 'max'});
const inOrder = fc.nat(keySpace).map((count) => Array.from({length: count}, (_, key) => key));
const filledMap = fc.oneof(someKeys, inOrder).map(filled);
const bound = fc.integer({min: -1, max: keySpace});
const type = fc.oneof(
  {arbitrary: fc.constantFrom('set' as const, 'delete' as const), weight: 100},
  {arbitrary: fc.constantFrom('deleteBefore' as const, 'clear' as const), weight: 1},
);
const change = fc.record({type, key: fc.nat(keySpace)});
const changes = fc.array(change, {maxLength: 600, size: 'max'});

function apply(
  made: readonly {type: 'set' | 'delete' | 'deleteBefore' | 'clear'; key: number}[],
  map: SortedMap<number, string>,
  model: Model,
): void {
  for (const [n, {type, key}] of made.entries()) {
    switch (type) {
      case 'set':
        map.set(key, `${n} ${key}`);
        model.set(key, `${n} ${key}`);
        break;
      case 'delete':
        map.delete(key);
        model.delete(key);
        break;
      case 'deleteBefore':
        map.deleteBefore(key);
        for (const other of model.keys()) if (other < key) model.delete(other);
        break;
      case 'clear':
        map.clear();
        model.clear();
        break;
    }
  }
}

const course = {seed: 1, numRuns: 60};

describe('A sorted map', () => {
  it('holds what was set and not deleted, in the order of the keys', () => {
    fc.assert(
      fc.property(filledMap, changes, ({map, model}, made) => {
        apply(made, map, model);
        expectToHold(map, model);
      }),
      course,
    );
  });

  it('visits the keys of a range in both directions, and stops when it is told to', () => {
    fc.assert(
      fc.property(
        filledMap,
        bound,
        fc.option(bound, {nil: undefined}),
        fc.integer({min: 1, max: 300}),
        ({map, model}, start, end, limit) => {
          const expected = valuesOf(model, start, end);
          expect(map.count(start, end)).toBe(expected.length);
          expect(
            visited((visit) => {
              map.ascend(start, end, visit);
            }, limit),
          ).toEqual(expected.slice(0, limit));
          expect(
            visited((visit) => {
              map.descend(start, end, visit);
            }, limit),
          ).toEqual(expected.reverse().slice(0, limit));
        },
      ),
    );
  });

  it('and its clone do not see what the other does', () => {
    fc.assert(
      fc.property(filledMap, changes, changes, ({map, model}, ofClone, ofOrigin) => {
        const clone = map.clone();
        const clonedModel = new Map(model);
        apply(ofClone, clone, clonedModel);
        const before = clone.clone();
        const beforeModel = new Map(clonedModel);
        apply(ofOrigin, map, model);
        apply(ofOrigin, clone, clonedModel);
        expectToHold(map, model);
        expectToHold(clone, clonedModel);
        expectToHold(before, beforeModel);
      }),
      course,
    );
  });

  it('knows its first key while it is emptied from either end', () => {
    const keys = Array.from({length: 100}, (_, key) => key);
    const [rising, falling] = [filled(keys).map, filled(keys).map];
    for (const key of keys) {
      expect(rising.minKey()).toBe(key);
      rising.delete(key);
      falling.delete(99 - key);
      expect(falling.minKey()).toBe(key === 99 ? undefined : 0);
    }
    expect([...rising.keys(), ...falling.keys()]).toEqual([]);
  });

  it('takes a few comparisons for each operation, however many keys there are', () => {
    let comparisons = 0;
    const counting = new SortedMap<number, number>((a, b) => {
      comparisons += 1;
      return a - b;
    });
    const count = 100_000;
    const taken = (run: () => void): number => {
      comparisons = 0;
      run();
      return comparisons;
    };
    const filling = taken(() => {
      for (let n = 0; n < count; n += 1) counting.set((n * 7_919) % count, n);
    });
    expect(filling / count).toBeLessThan(40);
    let seen = 0;
    const stop = () => (seen += 1) % 10 !== 0;
    const map = counting.clone();
    const steps = {
      get: () => map.get(50_000),
      count: () => map.count(10, 90_000),
      'count to the end': () => map.count(10, undefined),
      'the first 10': () => {
        map.ascend(10, undefined, stop);
      },
      'the last 10': () => {
        map.descend(10, 90_000, stop);
      },
      set: () => {
        map.set(50_000.5, 0);
      },
      delete: () => {
        map.delete(50_000);
      },
      deleteBefore: () => {
        map.deleteBefore(40_000);
      },
      minKey: () => map.minKey(),
    };
    for (const [name, run] of Object.entries(steps)) {
      expect({name, isFew: taken(run) < 100}).toEqual({name, isFew: true});
    }
    expect(seen).toBe(20);
    expect(map.count(0, undefined)).toBe(60_000);
    expect(counting.count(0, undefined)).toBe(count);
  });
});
