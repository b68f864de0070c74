/** The group `lock`: taking a lock that nobody holds, and giving it back. */
import {Etcd3} from 'etcd3';
import {open} from 'kvi';
import type {Bench} from '../bench.ts';
import {type Sample, timed} from '../rounds.ts';
import {openRawEtcd, type RawEtcd, withPrefix} from './raw.ts';

const name = 'bench/lock';

/** @param url of an etcd that nobody else uses */
export async function etcdLocks(bench: Bench, url: string): Promise<void> {
  using raw = openRawEtcd(url);
  await using kv = await open(url);
  const etcd3 = new Etcd3({hosts: url});
  const cycles = bench.times(150);
  try {
    await bench.measure({
      name: 'etcd: lock and unlock, uncontended',
      kvi: () =>
        oneRound(raw, url, cycles, async () => {
          const lock = await kv.distLock(name);
          await lock.release();
        }),
      peers: {
        etcd3: () =>
          oneRound(raw, url, cycles, async () => {
            const lock = await etcd3.lock(name).ttl(10).acquire();
            await lock.release();
          }),
      },
    });
  } finally {
    etcd3.close();
  }
}

async function oneRound(
  raw: RawEtcd,
  url: string,
  cycles: number,
  cycle: () => Promise<void>,
): Promise<Sample> {
  const revision = await revisionOf(raw);
  const requests = await requestsTo(url);
  const {seconds, cpuSeconds} = await timed(async () => {
    for (let n = 0; n < cycles; n++) await cycle();
  });
  const sent = (await requestsTo(url)) - requests;
  const revisions = (await revisionOf(raw)) - revision;
  // The lock's key comes and goes.
  if (revisions !== 2 * cycles) throw new Error(`${cycles} cycles made ${revisions} revisions`);
  return {
    'ms a cycle': (seconds * 1_000) / cycles,
    'µs of CPU a cycle': (cpuSeconds * 1_000_000) / cycles,
    'requests a cycle': sent / cycles,
  };
}

async function revisionOf(raw: RawEtcd): Promise<number> {
  const {header} = await raw.range(withPrefix(name));
  return Number(header.revision);
}

/** How many requests etcd has received: calls, and the messages on streams. */
async function requestsTo(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return [...metrics.matchAll(/^grpc_server_msg_received_total\{.*\} (\S+)$/gm)]
    .map(([, count]) => Number(count))
    .reduce((sum, count) => sum + count, 0);
}
