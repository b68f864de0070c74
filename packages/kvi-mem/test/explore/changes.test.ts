import {describe, expect, it} from '@jest/globals';
import fc from 'fast-check';
import {type ChangeSet, isKviError} from 'kvi-core';
import type {Bytes, WatchResponse} from 'kvi-core/driver';
import {type Change, change, changesOf, describeChange, follow, type Past, prefix} from './store-changes.ts';
import {clientOf, suffer, type Trouble, troubles} from './troubles.ts';
import {type Break, explorationMs, explore, makeWorld, untilNoticed, type World} from './world.ts';

/** One who reads changes. */
interface Reader {
  client: number;
  after: number;
  /** Whether it wants what was there before, from this revision on. */
  startRevision: number | undefined;
  onCompacted: 'error' | 'resync';
  /** Steps that it takes over each set. */
  slowness: number;
  /** Steps until it has had enough. */
  endAfter: number | undefined;
}

const clientCount = 2;
/** The last key that is put. */
const end = `${prefix}end`;

function readers(onCompacted: Reader['onCompacted']): fc.Arbitrary<Reader[]> {
  const reader = fc.record<Reader>({
    client: fc.nat(clientCount - 1),
    after: fc.nat(10),
    startRevision: fc.option(fc.integer({min: 1, max: 4}), {nil: undefined}),
    onCompacted: fc.constant(onCompacted),
    slowness: fc.nat(4),
    endAfter: fc.option(fc.nat(30), {freq: 3, nil: undefined}),
  });
  return fc.array(reader, {minLength: 1, maxLength: 3});
}

/** What a reader saw. */
interface Sight {
  sets: ChangeSet[];
  /** The first revision that was watched. */
  created: number | undefined;
  outcome: 'saw the end' | 'had enough' | 'KVI_COMPACTED';
}

/** @param onReady - called once its watch is in place, or never will be */
async function read(world: World, reader: Reader, onReady: () => void): Promise<Sight> {
  const {kv} = clientOf(world, reader.client);
  await world.steps(reader.after, 'a reader is yet to come');
  const {startRevision, onCompacted} = reader;
  const changes = kv.changes({prefix}, {startRevision, onCompacted});
  const sight: Sight = {sets: [], created: undefined, outcome: 'had enough'};
  let isEnded = false;
  if (reader.endAfter !== undefined) {
    void world.steps(reader.endAfter, 'a reader goes on').then(async () => {
      await changes.return?.();
      isEnded = true;
    });
  }
  try {
    changes.created
      .then(
        (revision) => (sight.created = revision),
        () => undefined,
      )
      .then(onReady, onReady);
    for await (const set of changes) {
      expect(isEnded).toBe(false);
      sight.sets.push(set);
      if (set.events.some(({key}) => key === end)) return {...sight, outcome: 'saw the end'};
      await world.steps(reader.slowness, 'a reader is slow');
    }
  } catch (error) {
    if (!isKviError(error, 'KVI_COMPACTED')) throw error;
    return {...sight, outcome: 'KVI_COMPACTED'};
  }
  return sight;
}

/** The changes of the store from one revision to another. */
function changesBetween(past: Past, from: number, to: number): string[] {
  const revisions = [...past.keys()].filter((revision) => from <= revision && revision <= to);
  return revisions.flatMap((revision) => past.get(revision)?.changes ?? []);
}

function stateAt(past: Past, revision: number): ReadonlyMap<string, string> {
  const last = Math.max(...[...past.keys()].filter((known) => known <= revision));
  return past.get(last)?.state ?? new Map<string, string>();
}

function checkSight(past: Past, {sets, created, outcome}: Sight): void {
  const revisions = sets.map(({revision}) => revision);
  expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
  const [last] = revisions.slice(-1);
  if (outcome === 'saw the end') expect(last).toBe(Math.max(...past.keys()));
  if (last === undefined) return;
  if (created === undefined) throw new Error('there were changes before the watch was in place');

  /** What a reader has learnt from the changes alone. */
  const seen = new Map<string, string>();
  const changed = new Set<string>();
  let next = created;
  for (const {resync, events, revision} of sets) {
    if (resync !== true) {
      expect(events.map(describeChange)).toEqual(changesBetween(past, next, revision));
    }
    for (const {type, key, value} of events) {
      changed.add(key);
      if (type === 'put') seen.set(key, value);
      else seen.delete(key);
    }
    const state = stateAt(past, revision);
    const before = stateAt(past, created - 1);
    const expected = [...state].filter(([key, value]) => changed.has(key) || before.get(key) !== value);
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(expected));
    next = revision + 1;
  }
}

async function checkReaders(
  scheduler: fc.Scheduler,
  changes: Change[],
  all: Reader[],
  trouble: Trouble[],
  broken?: Break,
): Promise<void> {
  const world = makeWorld(scheduler, {fates: [], pauses: []}, clientCount, {}, broken);
  const past = follow(world);
  // So that every revision from which a reader starts is there.
  for (const value of ['x', 'y', 'z']) await change(world, {after: 0, kind: 'put', key: 'w/a'}, value);
  const sights: Sight[] = [];
  const changing = Promise.all(changes.map((one, i) => change(world, one, `v${i}`)));
  const ready: Promise<void>[] = [];
  const reading = all.map(async (reader) => {
    const {promise, resolve} = later();
    ready.push(promise);
    sights.push(await read(world, reader, resolve));
  });
  await world.run([
    Promise.all([changing, ...ready]).then(() =>
      world.truth.txn({success: [{type: 'put', key: Buffer.from(end), value: Buffer.from('')}]}),
    ),
    ...reading,
    ...trouble.map((one) => suffer(world, one)),
  ]);
  for (const sight of sights) checkSight(past, sight);
  await world.run(world.clients.map(({kv}) => kv.close()));
  // The one that follows.
  expect(await world.leftovers()).toEqual(
    [...stateAt(past, Infinity).keys()]
      .sort()
      .map((key) => `key ${key}`)
      .concat('watch'),
  );
}

function later() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return {promise, resolve};
}

function changesAreRead(kinds: Change['kind'][], onCompacted: Reader['onCompacted'], broken?: Break) {
  return fc.asyncProperty(
    fc.scheduler(),
    changesOf(kinds),
    readers(onCompacted),
    troubles(clientCount),
    (scheduler, changes, all, trouble) => checkReaders(scheduler, changes, all, trouble, broken),
  );
}

const someCompactions: Change['kind'][] = ['put', 'put', 'delete', 'put two', 'compact'];
const manyCompactions: Change['kind'][] = ['put', 'delete', 'put two', 'compact', 'compact'];

describe('Changes, in whatever order they are made and delivered,', () => {
  it(
    'are read each once, in order, and as long as none of them was compacted away',
    () => fc.assert(changesAreRead(someCompactions, 'error'), explore(150)),
    explorationMs,
  );

  it(
    'lead to the state of the store at each revision that is told, through any compaction, with resync',
    () => fc.assert(changesAreRead(manyCompactions, 'resync'), explore(150)),
    explorationMs,
  );
});

describe('The exploration of watches notices', () => {
  /** A driver whose watches change what they deliver. */
  const delivering =
    (change: (response: WatchResponse<Bytes>, count: number) => WatchResponse<Bytes>[]): Break =>
    (driver) => ({
      ...driver,
      watch(request, options) {
        const watch = driver.watch(request, options);
        const waiting: WatchResponse<Bytes>[] = [];
        let count = 0;
        return {
          ...watch,
          [Symbol.asyncIterator]() {
            return this;
          },
          async next() {
            while (waiting.length === 0) {
              const result: IteratorResult<WatchResponse<Bytes>, undefined> = await watch.next();
              if (result.done === true) return result;
              count += 1;
              waiting.push(...change(result.value, count));
            }
            const [first] = waiting.splice(0, 1);
            return first === undefined ? {done: true, value: undefined} : {done: false, value: first};
          },
        };
      },
    });

  it.each<[string, Break]>([
    [
      'a response that comes twice',
      delivering((response, count) => (count === 2 ? [response, response] : [response])),
    ],
    [
      'a response that is left out',
      delivering((response, count) => (count === 2 && response.events[0]?.type === 'put' ? [] : [response])),
    ],
  ])('%s', async (_, make) => {
    const property = changesAreRead(someCompactions, 'error', make);
    expect((await fc.check(property, untilNoticed)).failed).toBe(true);
  });
});
