/** How the stores of text grow: with the number of keys, and with the size of values. */
import {openStore} from '../mem/stores.ts';
import type {Point} from './curves.ts';
import {cpuOf, scattered, type Scale, usedBytes} from './subject.ts';

const scanned = 100;

/** The names of the stores; each is measured in a process of its own. */
export const storeNames = ['kvi', 'keyv', 'unstorage', 'memory-level', 'an async Map'] as const;

const keyOf = (n: number) => `stock/${String(n).padStart(7, '0')}`;

export async function growKeys(series: string, {times, powers}: Scale): Promise<Point[]> {
  const store = await openStore(series);
  const before = usedBytes();
  const points: Point[] = [];
  let filled = 0;
  for (const x of powers(1_000, 1_000_000)) {
    // A value of its own for each key, as all of them together have in a service.
    for (; filled < x; filled++) await store.set(keyOf(filled), `value ${String(filled).padStart(7, '0')}`);
    store.compact?.();
    points.push({curve: 'keys-memory', series, x, y: (usedBytes() - before) / x});
    const key = (n: number) => keyOf(scattered(n, x));
    const get = await cpuOf(times(10_000), async (n) => {
      if ((await store.get(key(n))) === undefined) throw new Error(`${series} lost ${key(n)}`);
    });
    points.push({curve: 'keys-get', series, x, y: get});
    const set = await cpuOf(times(10_000), (n) => store.set(key(n), `value ${String(n)}`));
    points.push({curve: 'keys-store', series, x, y: set});
    if (!store.scan) continue;
    const scan = await cpuOf(times(500), async (n) => {
      const {length} = (await store.scan?.(keyOf(scattered(n, x - scanned)), scanned)) ?? [];
      if (length !== scanned) throw new Error(`${series} found ${length} keys`);
    });
    points.push({curve: 'keys-scan', series, x, y: scan});
  }
  return points;
}

export async function growValues(series: string, {times, powers}: Scale): Promise<Point[]> {
  const store = await openStore(series);
  const points: Point[] = [];
  const keys = Array.from({length: 100}, (_, n) => keyOf(n));
  for (const x of powers(10, 100_000)) {
    const values = keys.map((_, n) => String(n).padEnd(x, 'x'));
    // Few of the large ones: a history of them would take all of the memory.
    const calls = times(Math.min(5_000, 30_000_000 / x));
    const set = await cpuOf(calls, (n) => store.set(keys[n % 100] ?? '', values[n % 100] ?? ''));
    points.push({curve: 'values-store', series, x, y: set});
    for (const [n, key] of keys.entries()) await store.set(key, values[n] ?? '');
    const get = await cpuOf(calls, async (n) => {
      if ((await store.get(keys[n % 100] ?? '')) !== values[n % 100])
        throw new Error(`${series} lost a value`);
    });
    points.push({curve: 'values-get', series, x, y: get});
  }
  return points;
}
