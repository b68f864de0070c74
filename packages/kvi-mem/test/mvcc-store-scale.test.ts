import {describe, expect, it, jest} from '@jest/globals';
import fc from 'fast-check';
import {includes, type Interval} from '../src/mvcc/interval.ts';
import {History} from '../src/mvcc/history.ts';
import {KeyVersions} from '../src/mvcc/key-versions.ts';
import {MvccStore} from '../src/mvcc/store.ts';
import type {Version} from '../src/mvcc/version.ts';

/** A store, and all its changes. */
function setUp(): {store: MvccStore; changes: Version[]} {
  const changes: Version[] = [];
  const store = new MvccStore({
    historyLimit: Infinity,
    onLeaseChange: () => undefined,
    onCommit: (_revision, committed) => changes.push(...committed),
  });
  return {store, changes};
}

interface Write {
  key: string;
  isDeletion: boolean;
}

function commit(store: MvccStore, writes: readonly Write[]): void {
  store.transact(() => {
    for (const {key, isDeletion} of writes) {
      if (isDeletion) store.delete(key);
      else store.put(key, '', undefined);
    }
  });
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const write = fc.record({key, isDeletion: fc.boolean()});
const transaction = fc.uniqueArray(write, {minLength: 1, maxLength: 4, selector: ({key}) => key});
const interval: fc.Arbitrary<Interval> = fc.record({
  start: key,
  end: fc.option(fc.constantFrom('', 'b', 'd', 'f'), {nil: undefined}),
});
const course = {seed: 1, numRuns: 300};

describe('A store', () => {
  it('counts and finds what there was, at each revision that is not compacted, within a transaction too', () => {
    fc.assert(
      fc.property(
        fc.array(transaction, {minLength: 2, maxLength: 12}),
        fc.array(interval, {minLength: 1, maxLength: 4}),
        fc.nat(),
        (transactions, intervals, compaction) => {
          const {store} = setUp();
          const states = new Map<number, Set<string>>([[1, new Set()]]);
          const expectStates = () => {
            for (const [revision, keys] of states) {
              for (const each of intervals) {
                const expected = [...keys].filter((one) => includes(each, one)).sort();
                expect(store.find(each, {revision}).map((found) => found.key)).toEqual(expected);
                expect(store.count(each, revision)).toBe(expected.length);
              }
            }
          };
          let existing = new Set<string>();
          for (const writes of transactions) {
            existing = new Set(existing);
            for (const each of writes) {
              if (each.isDeletion) existing.delete(each.key);
              else existing.add(each.key);
            }
            store.transact(() => {
              for (const each of writes) {
                if (each.isDeletion) store.delete(each.key);
                else store.put(each.key, '', undefined);
              }
              states.set(store.revision, existing);
              expectStates();
            });
          }
          const oldest = 1 + (compaction % store.revision);
          store.compact(oldest);
          for (const revision of states.keys()) if (revision < oldest) states.delete(revision);
          expectStates();
        },
      ),
      course,
    );
  });

  it('gives the changes of some keys from each revision on, in the order in which they were made', () => {
    fc.assert(
      fc.property(
        fc.array(transaction, {minLength: 2, maxLength: 12}),
        fc.array(interval, {minLength: 1, maxLength: 4}),
        fc.nat(),
        (transactions, intervals, compaction) => {
          const {store, changes} = setUp();
          for (const writes of transactions) commit(store, writes);
          const oldest = 1 + (compaction % store.revision);
          store.compact(oldest);
          for (let from = oldest; from <= store.revision + 1; from += 1) {
            for (const each of intervals) {
              const expected = changes.filter(
                ({key, modRevision}) => modRevision >= from && includes(each, key),
              );
              expect(store.changesOf(each, from)).toEqual(expected);
            }
          }
        },
      ),
      course,
    );
  });
});

describe('A store with a long history', () => {
  /** How many changes are handed out of the history, and how many keys are looked at, while something runs. */
  function handedOut(run: () => unknown): number {
    const changes = jest.spyOn(History.prototype, 'between');
    const keys = [jest.spyOn(KeyVersions.prototype, 'at'), jest.spyOn(KeyVersions.prototype, 'since')];
    run();
    const count =
      changes.mock.results.reduce((sum, {value}) => sum + lengthOf(value), 0) +
      keys.reduce((sum, {mock}) => sum + mock.calls.length, 0);
    for (const spy of [changes, ...keys]) spy.mockRestore();
    return count;
  }
  const lengthOf = (value: unknown) => (Array.isArray(value) ? value.length : 0);

  const {store} = setUp();
  const revisions = 5_000;
  for (let n = 0; n < revisions; n += 1) {
    commit(store, [{key: `other/${String(n % 1_000).padStart(4, '0')}`, isDeletion: false}]);
    if (n % 1_000 === 500) commit(store, [{key: `mine/${n}`, isDeletion: n > 3_000}]);
  }
  const mine = {start: 'mine/', end: 'mine0'};
  const others = {start: 'other/', end: ''};

  it('looks only at the changes of the few keys that are asked for', () => {
    expect(store.changesOf(mine, 2)).toHaveLength(3);
    expect(handedOut(() => store.changesOf(mine, 2))).toBe(3 + 3);
    expect(handedOut(() => store.changesOf({start: 'mine/500', end: undefined}, 2))).toBe(1 + 1);
    expect(handedOut(() => store.changesOf({start: 'absent', end: undefined}, 2))).toBe(0);
  });

  it('looks only at the latest changes where the keys are many', () => {
    expect(handedOut(() => store.changesOf(others, store.revision - 9))).toBe(10);
  });

  it('counts many keys as they were a few revisions ago by what has changed since', () => {
    expect(store.count(others, store.revision - 9)).toBe(1_000);
    expect(handedOut(() => store.count(others, store.revision - 9))).toBe(9);
    expect(handedOut(() => store.count(others))).toBe(0);
  });

  it('counts few keys as they were long ago by the keys', () => {
    expect(handedOut(() => store.count(mine, 3_000))).toBeLessThanOrEqual(3);
  });

  it('looks only at the changes that a compaction discards', () => {
    const oldest = store.revision - 100;
    store.compact(oldest);
    expect(
      handedOut(() => {
        store.compact(oldest + 10);
      }),
    ).toBe(10);
  });
});
