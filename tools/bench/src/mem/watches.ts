/** What watches of other keys cost a write in memory. */
import {open} from 'kvi';
import {MemStore} from 'kvi-mem';
import type {Bench} from '../bench.ts';
import {type Sample, timed} from '../rounds.ts';

const watchCount = 1_000;

export async function memWatches(bench: Bench): Promise<void> {
  const writes = bench.times(20_000);
  await bench.measure({
    name: `mem: store, with ${watchCount.toLocaleString('en')} watches of other prefixes`,
    kvi: () => oneRound(writes, watchCount),
    peers: {'kvi without watches': () => oneRound(writes, 0)},
  });
}

async function oneRound(writes: number, watches: number): Promise<Sample> {
  const store = new MemStore();
  await using kv = await open('mem:', {mem: {store}});
  for (let n = 0; n < watches; n += 1) await kv.changes({prefix: `watched/${String(n)}/`}).created;
  const {cpuSeconds} = await timed(async () => {
    for (let n = 0; n < writes; n += 1) await kv.store(`key/${String(n % 1_000)}`, String(n));
  });
  return {'µs of CPU a call': (cpuSeconds / writes) * 1_000_000};
}
