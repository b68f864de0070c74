import {describe, expect, it} from '@jest/globals';
import {History} from '../src/mvcc/history.ts';
import {type Interval, overlap} from '../src/mvcc/interval.ts';
import {KeyIndex} from '../src/mvcc/key-index.ts';
import type {Version} from '../src/mvcc/version.ts';
import {cost} from './tools.ts';

function version(key: string, modRevision: number, value = ''): Version {
  return {key, value, modRevision, createRevision: modRevision, version: 1, lease: '0', inBytes: undefined};
}

function tombstone(key: string, modRevision: number): Version {
  return {...version(key, modRevision), createRevision: 0, version: 0};
}

describe('Two intervals', () => {
  const letters = ['a', 'b', 'c', 'd'];
  const intervals = letters
    .slice(0, 3)
    .flatMap((start) => [undefined, '', ...letters].map((end): Interval => ({start, end})));
  const keysOf = ({start, end}: Interval) =>
    letters.filter((key) => (end === undefined ? key === start : key >= start && (end === '' || key < end)));

  it('overlap when there is a key in both, whatever their ends', () => {
    for (const a of intervals) {
      for (const b of intervals) {
        const shared = keysOf(a).filter((key) => keysOf(b).includes(key));
        expect({a, b, overlap: overlap(a, b)}).toEqual({a, b, overlap: shared.length > 0});
      }
    }
  });
});

describe('A history', () => {
  function history(length: number): History {
    const result = new History();
    for (let revision = 1; revision <= length; revision += 1)
      result.append(revision, [version('k', revision)]);
    return result;
  }
  function revisions(of: History, from: number, to: number): number[] {
    return of.between(from, to).map(({modRevision}) => modRevision);
  }
  const numbers = (from: number, to: number) => Array.from({length: to - from + 1}, (_, i) => from + i);

  it.each([127, 128, 129, 300])('of %d revisions gives any part of them', (length) => {
    const all = history(length);
    expect(all.between(1, length)).toEqual(numbers(1, length).map((revision) => version('k', revision)));
    for (const from of [1, 127, 128, 129, 256, 257]) {
      for (const to of [1, 127, 128, 129, 256, 257]) {
        if (from <= to && to <= length) expect(revisions(all, from, to)).toEqual(numbers(from, to));
      }
    }
  });

  it('forgets what came before a revision in steps of 128 changes, and nothing from there on', () => {
    const all = history(300);
    for (const [revision, oldest] of [
      [128, 1],
      [129, 129],
      [256, 129],
      [300, 257],
    ] as const) {
      all.forget(revision);
      expect(revisions(all, 1, 300)).toEqual(numbers(oldest, 300));
    }
  });

  it.each([1, 127, 128, 129])(
    'of %d revisions goes its own way from the one that begins with it',
    (length) => {
      const one = history(length);
      const other = new History(one);
      one.append(length + 1, [version('one', length + 1)]);
      other.append(length + 1, [version('other', length + 1), version('another', length + 1)]);
      const latest = (of: History) => of.between(length, length + 1).map(({key}) => key);
      expect(latest(one)).toEqual(['k', 'one']);
      expect(latest(other)).toEqual(['k', 'other', 'another']);
      one.forget(length + 1);
      expect(revisions(other, 1, length)).toEqual(numbers(1, length));
    },
  );
});

describe('A key index', () => {
  /** The index of its example, which says what each compaction leaves. */
  function example(): KeyIndex {
    const index = new KeyIndex();
    for (const item of [
      version('a', 2),
      version('a', 3),
      tombstone('a', 4),
      version('a', 6),
      version('b', 7),
    ])
      index.append(item);
    return index;
  }
  const read = (index: KeyIndex, key: string) =>
    [1, 2, 3, 4, 5, 6, 7].map((revision) => index.get(key, revision)?.modRevision);
  const none = undefined;

  it.each([
    [1, [none, 2, 3, none, none, 6, 6]],
    [2, [none, 2, 3, none, none, 6, 6]],
    [3, [none, none, 3, none, none, 6, 6]],
    [4, [none, none, none, none, none, 6, 6]],
    [5, [none, none, none, none, none, 6, 6]],
    [7, [none, none, none, none, none, 6, 6]],
  ])('that is compacted at %d has what can be seen from there on', (revision, expected) => {
    const index = example();
    index.compact('a', revision);
    index.compact('never there', revision);
    expect(read(index, 'a')).toEqual(expected);
    expect(read(index, 'b')).toEqual([none, none, none, none, none, none, 7]);
    index.append(version('a', 8));
    expect(index.get('a', 8)?.modRevision).toBe(8);
  });

  it('is not changed by the one that it began with, nor the other way round', () => {
    const one = example();
    const other = new KeyIndex(one);
    one.compact('a', 3);
    expect(read(other, 'a')).toEqual([none, 2, 3, none, none, 6, 6]);
    other.compact('a', 7);
    expect(read(one, 'a')).toEqual([none, none, 3, none, none, 6, 6]);
    one.append(version('b', 8, 'one'));
    other.append(version('b', 8, 'other'));
    one.append(version('b', 9));
    expect(one.get('b', 8)?.value).toBe('one');
    expect(other.get('b', 9)?.value).toBe('other');
  });

  it('that began with another one has versions of its own for a key that was written often', () => {
    const one = new KeyIndex();
    for (let revision = 2; revision <= 9; revision += 1) one.append(version('k', revision));
    const other = new KeyIndex(one);
    for (const [index, value] of [
      [other, 'other'],
      [one, 'one'],
    ] as const) {
      for (const revision of [10, 11]) index.append(version('k', revision, value));
    }
    for (const revision of [10, 11]) {
      expect(one.get('k', revision)?.value).toBe('one');
      expect(other.get('k', revision)?.value).toBe('other');
    }
    one.removeNewest('k');
    one.compact('k', 9);
    expect([8, 9, 10].map((revision) => one.get('k', revision)?.modRevision)).toEqual([none, 9, 10]);
    expect([8, 9, 10].map((revision) => other.get('k', revision)?.modRevision)).toEqual([8, 9, 10]);
  });

  it('finds the same keys in both directions, and counts them, also after it was shared or taken back', () => {
    const original = example();
    original.append(tombstone('b', 8));
    original.append(version('b', 9));
    original.append(version('c', 9));
    original.append(tombstone('c', 10));
    original.append(tombstone('a', 11));
    original.removeNewest('a');
    const index = new KeyIndex(original);
    index.append(version('d', 11));
    index.append(tombstone('d', 12));
    original.append(version('c', 11));
    original.compact('a', 5);
    const bounds = ['', 'a', 'b', 'c', 'd', 'e'];
    const intervals = bounds.flatMap((start) => [undefined, ...bounds].map((end) => ({start, end})));
    for (const {interval, revision} of intervals.flatMap((interval) =>
      [5, 8, 9, 10, Infinity].map((revision) => ({interval, revision})),
    )) {
      for (const either of [original, index]) {
        const found = either.find(interval, {revision});
        const reversed = either.find(interval, {revision, isDescending: true});
        if (revision === Infinity) expect(either.count(interval)).toBe(found.length);
        expect(reversed.reverse()).toEqual(found);
        for (const limit of [1, 2]) {
          expect(either.find(interval, {revision, limit})).toEqual(found.slice(0, limit));
        }
      }
    }
    const keys = (one: KeyIndex) => one.find({start: '', end: ''}).map(({key}) => key);
    expect({original: keys(original), index: keys(index)}).toEqual({
      original: ['a', 'b', 'c'],
      index: ['a', 'b'],
    });
  });

  it('finds no more than the limit, from either end', () => {
    const index = example();
    index.append(version('c', 8));
    const keys = (limit: number, isDescending = false) =>
      index.find({start: 'a', end: ''}, {limit, isDescending}).map(({key}) => key);
    const one = {start: 'a', end: undefined};
    expect(index.find(one, {limit: 0})).toEqual([]);
    expect(index.find(one, {accepts: () => false})).toEqual([]);
    expect([keys(0), keys(1), keys(2), keys(1, true), keys(2, true)]).toEqual([
      [],
      ['a'],
      ['a', 'b'],
      ['c'],
      ['c', 'b'],
    ]);
  });

  it('does no more for a write or a compaction of a key however long its history is', async () => {
    const rounds = 50_000;
    /** What writes and compactions cost, spread over so many keys. */
    async function costs(keys: number): Promise<{writing: number; compacting: number}> {
      const index = new KeyIndex();
      const key = (round: number) => String(round % keys);
      const writing = await cost(() => {
        for (let round = 0; round < rounds; round += 1) index.append(version(key(round), round + 2));
      });
      const compacting = await cost(() => {
        for (let round = 0; round < rounds; round += 1) index.compact(key(round), 2);
      });
      return {writing, compacting};
    }
    const short = await costs(1_000);
    const long = await costs(1);
    // Copying the versions each time makes it some seventy times as much.
    expect(long.writing).toBeLessThan(10 * short.writing);
    expect(long.compacting).toBeLessThan(10 * short.compacting);
  });

  it('looks at no deleted key for a read of the present, and at few keys for the first ones', () => {
    let looks = 0;
    const counted = (item: Version): Version => ({
      ...item,
      get modRevision() {
        looks += 1;
        return item.modRevision;
      },
    });
    const index = new KeyIndex();
    for (let n = 0; n < 2_000; n += 1) {
      const key = String(10_000 + n);
      index.append(counted(version(key, 2 * n + 2)));
      if (n % 100 !== 99) index.append(counted(tombstone(key, 2 * n + 3)));
    }
    const looksFor = (read: () => unknown) => {
      looks = 0;
      read();
      return looks;
    };
    const all = {start: '', end: ''};
    expect(index.find(all)).toHaveLength(20);
    expect(looksFor(() => index.find(all))).toBeLessThan(50);
    expect(looksFor(() => index.find(all, {limit: 1}))).toBeLessThan(5);
    expect(looksFor(() => index.find(all, {limit: 1, isDescending: true}))).toBeLessThan(5);
    expect(looksFor(() => index.find(all, {revision: 2, limit: 1}))).toBeLessThan(100);
    expect(looksFor(() => index.count(all))).toBe(0);
    expect(index.countAll(all)).toBe(2_000);
    for (let n = 0; n < 2_000; n += 1) index.compact(String(10_000 + n), 4_001);
    expect(index.countAll(all)).toBe(20);
  });
});
