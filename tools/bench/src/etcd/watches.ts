/** The group `watch`: many watches of one client. */
import {Etcd3, type IKeyValue} from 'etcd3';
import {open} from 'kvi';
import type {Bench} from '../bench.ts';
import {type Sample, timed} from '../rounds.ts';

const key = 'bench/watched';

/** A watch that is in place. */
interface Watching {
  /** Resolves with the value of the next put. */
  next: () => Promise<string>;
  end: () => Promise<unknown>;
}

/** @param url of an etcd that nobody else uses */
export async function etcdWatches(bench: Bench, url: string): Promise<void> {
  await using kv = await open(url);
  const etcd3 = new Etcd3({hosts: url});
  const count = bench.times(10_000);
  try {
    await bench.measure({
      name: `etcd: ${count.toLocaleString('en')} watches of a key`,
      kvi: () =>
        oneRound(
          count,
          (value) => kv.store(key, value),
          async () => {
            const changes = kv.changes(key);
            await changes.created;
            return {
              async next() {
                const {value} = await changes.next();
                return value?.events[0]?.value ?? '';
              },
              end: async () => changes.return?.(),
            };
          },
        ),
      peers: {
        etcd3: () =>
          oneRound(
            count,
            (value) => etcd3.put(key).value(value).exec(),
            async () => {
              const watcher = await etcd3.watch().key(key).create();
              return {
                next: () =>
                  new Promise((resolve) => {
                    watcher.once('put', ({value}: IKeyValue) => resolve(value.toString()));
                  }),
                end: () => watcher.cancel(),
              };
            },
          ),
      },
    });
  } finally {
    etcd3.close();
  }
}

/** Starts the watches, writes once, and waits until each of them has been told. */
async function oneRound(
  count: number,
  write: (value: string) => Promise<unknown>,
  watch: () => Promise<Watching>,
): Promise<Sample> {
  let watches: Watching[] = [];
  const started = await timed(async () => {
    watches = await Promise.all(Array.from({length: count}, watch));
  });
  const value = String(performance.now());
  const told = watches.map(({next}) => next());
  const delivered = await timed(async () => {
    await write(value);
    const values = await Promise.all(told);
    if (values.some((each) => each !== value)) throw new Error('a watch delivered another value');
  });
  await Promise.all(watches.map(({end}) => end()));
  return {
    'ms to start': started.seconds * 1_000,
    'ms from a write to the last event': delivered.seconds * 1_000,
    'ms of CPU for both': (started.cpuSeconds + delivered.cpuSeconds) * 1_000,
  };
}
