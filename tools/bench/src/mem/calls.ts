/** The group `mem`: kvi's store in process beside stores that only hold text, and beside its own driver. */
import type {Bench} from '../bench.ts';
import {startContestant} from './contestant.ts';
import type {Work} from './works.ts';

const rivals = ['keyv', 'unstorage', 'memory-level'];
const levels = ['memory-level', 'memory-level (utf8)'];
const peers = ['keyv', 'unstorage', ...levels, 'an async Map', 'kvi-mem driver'];
const peersThatScan = [...levels, 'kvi-mem driver'];

/** @param nodeArgs for the processes of the stores. Default: those of this one. */
export async function memCalls(bench: Bench, nodeArgs: readonly string[] = process.execArgv): Promise<void> {
  const kvi = startContestant('kvi', nodeArgs);
  const others = peers.map((store) => startContestant(store, nodeArgs));

  async function measure(
    name: string,
    work: Work,
    keys: number,
    {against = peers, ...options}: {against?: readonly string[]; rivals?: readonly string[]},
  ): Promise<void> {
    const competing = others.filter(({store}) => against.includes(store));
    await bench.measure({
      name,
      kvi: () => kvi.round(work, keys),
      peers: Object.fromEntries(competing.map((peer) => [peer.store, () => peer.round(work, keys)])),
      ...options,
    });
  }

  try {
    const keys = bench.times(10_000);
    await measure('mem: store', 'store', keys, {rivals});
    await measure('mem: get', 'get', keys, {rivals});
    const scanned = bench.times(100_000);
    const scan = `mem: scan of ${scanned.toLocaleString('en')} keys`;
    await measure(scan, 'scan', scanned, {against: peersThatScan});
  } finally {
    await Promise.all([kvi, ...others].map((each) => each.stop()));
  }
}
