/** How `mem:` grows with what only it has: history and watches. */
import {type Changes, type Kvi, open} from 'kvi';
import {MemStore} from 'kvi-mem';
import type {Point} from './curves.ts';
import {cpuOf, type Scale, scattered, usedBytes} from './subject.ts';

function openNew(): Promise<Kvi> {
  return open('mem:', {mem: {store: new MemStore({historyLimit: Infinity})}});
}

/** Lets Node compile what is going to be measured: the first sizes are small. */
async function warmUp({times}: Scale): Promise<void> {
  await using kv = await openNew();
  for (let n = 0; n < times(20_000); n++) {
    await kv.store(`key/${n % 100}`, String(n));
    await kv.get(`key/${n % 100}`, {revision: n % 2 === 0 ? undefined : n});
  }
}

export async function growHistory(scale: Scale): Promise<Point[]> {
  const {times, powers} = scale;
  await warmUp(scale);
  const kv = await openNew();
  const before = usedBytes();
  const points: Point[] = [];
  const keys = Array.from({length: 10}, (_, n) => `key/${n}`);
  const key = (n: number) => keys[n % keys.length] ?? '';
  let revision = 1;
  for (const x of powers(10, 100_000)) {
    for (; revision <= x * keys.length; revision++) await kv.store(key(revision), `value ${revision}`);
    // Before that, it is what any store takes.
    if (x >= 1_000)
      points.push({curve: 'history-memory', series: 'mem:', x, y: (usedBytes() - before) / revision});
    const calls = times(10_000);
    const add = async (series: string, call: (n: number) => Promise<unknown>) => {
      points.push({curve: 'history', series, x, y: await cpuOf(calls, call)});
    };
    await add('get', (n) => kv.get(key(n)));
    await add('get at a past revision', (n) => kv.get(key(n), {revision: 11 + scattered(n, revision - 10)}));
    // Each of them lengthens the history by its length, so few of them.
    const stores = Math.min(calls, x);
    const y = await cpuOf(stores, (n) => kv.store(key(n), `value ${n}`));
    revision += 6 * stores;
    points.push({curve: 'history', series: 'store', x, y});
  }
  return points;
}

export async function growWatches(scale: Scale): Promise<Point[]> {
  const {times, powers} = scale;
  await warmUp(scale);
  const points: Point[] = [];
  for (const x of powers(1, 10_000)) {
    const measure = async (series: string, keysOf: (n: number) => string | {prefix: string}) => {
      await using kv = await openNew();
      for (let n = 0; n < x; n++) await kv.changes(keysOf(n)).created;
      const y = await cpuOf(times(5_000), (n) => kv.store(`key/${n % 100}`, String(n)));
      points.push({curve: 'watches', series, x, y});
    };
    await measure('a store, beside watches of other keys', (n) => `watched/${n}`);
    await measure('a store, beside watches of other prefixes', (n) => ({prefix: `watched/${n}/`}));
    points.push({
      curve: 'watches',
      series: 'an event, at each watch of its prefix',
      x,
      y: await costOfEvent(x, times(50_000 / x)),
    });
  }
  return points;
}

/** What it takes to deliver an event to one of many watches that all get it. */
async function costOfEvent(watches: number, calls: number): Promise<number> {
  await using kv = await openNew();
  const all: Changes[] = [];
  for (let n = 0; n < watches; n++) all.push(kv.changes({prefix: 'key/'}));
  await Promise.all(all.map(({created}) => created));
  const cost = await cpuOf(calls, async (n) => {
    const events = all.map((changes) => changes.next());
    await kv.store('key/1', String(n));
    await Promise.all(events);
  });
  return cost / watches;
}

export async function growCatchUp(scale: Scale): Promise<Point[]> {
  const {times, powers} = scale;
  await warmUp(scale);
  const kv = await openNew();
  const points: Point[] = [];
  const changed = 10;
  let revision = 1;
  for (let n = 0; n < changed; n++, revision++) await kv.store('mine', String(n));
  for (const x of powers(1_000, 1_000_000)) {
    for (; revision <= x; revision++) await kv.store(`other/${scattered(revision, 1_000)}`, String(revision));
    const one = await cpuOf(times(100), () => takeAll(kv, 'mine', changed));
    points.push({curve: 'catch-up', series: `to a key that changed ${changed} times`, x, y: one});
    // It is the same for each event, and takes longest.
    if (x > 100_000) continue;
    const every = (await cpuOf(1, () => takeAll(kv, {prefix: ''}, revision - 1))) / (revision - 1);
    points.push({curve: 'catch-up', series: 'to all keys, for each event', x, y: every});
  }
  return points;
}

/** Follows the changes from the first on, until that many came. */
async function takeAll(kv: Kvi, keys: string | {prefix: string}, count: number): Promise<void> {
  let taken = 0;
  for await (const {events} of kv.changes(keys, {startRevision: 2})) {
    taken += events.length;
    if (taken >= count) break;
  }
  if (taken !== count) throw new Error(`a watch got ${taken} of ${count} events`);
}
