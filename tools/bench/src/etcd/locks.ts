/** The group `lock`: taking a lock and giving it back, when nobody else wants it and when many do. */
import {setTimeout as sleep} from 'node:timers/promises';
import {Etcd3, EtcdLockFailedError, type Lock} from 'etcd3';
import {open} from 'kvi';
import type {Bench} from '../bench.ts';
import {inFlight} from '../in-flight.ts';
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
    await measureWaiters(bench, url, etcd3);
  } finally {
    etcd3.close();
  }
}

const waiters = 64;

/** Handles that the waiters belong to: some wait for each other in their process, and the handles in the store. */
const handles = 8;

/** How long a caller of `etcd3` waits before it tries again: its lock does not wait. */
const retryMs = 5;

async function measureWaiters(bench: Bench, url: string, etcd3: Etcd3): Promise<void> {
  const cycles = Math.max(waiters, bench.times(512));
  const kvs = await Promise.all(Array.from({length: handles}, () => open(url)));
  try {
    await bench.measure({
      name: `etcd: lock and unlock, ${String(waiters)} waiters`,
      kvi: () =>
        contended(cycles, async (n) => {
          const lock = await kvs[n % handles]?.distLock(`${name}/contended`);
          return async () => lock?.release();
        }),
      peers: {
        etcd3: () =>
          contended(cycles, async () => {
            const lock = await acquired(etcd3);
            return () => lock.release();
          }),
      },
    });
  } finally {
    await Promise.all(kvs.map((kv) => kv.close()));
  }
}

async function acquired(etcd3: Etcd3): Promise<Lock> {
  for (;;) {
    try {
      return await etcd3.lock(`${name}/contended`).ttl(10).acquire();
    } catch (error) {
      if (!(error instanceof EtcdLockFailedError)) throw error;
      await sleep(retryMs);
    }
  }
}

/** @param take - takes the lock, and resolves with what gives it back */
async function contended(
  cycles: number,
  take: (n: number) => Promise<() => Promise<unknown>>,
): Promise<Sample> {
  let holders = 0;
  const {seconds} = await timed(() =>
    inFlight(waiters, cycles, async (n) => {
      const release = await take(n);
      holders += 1;
      const isOnly = holders === 1;
      holders -= 1;
      await release();
      return isOnly;
    }),
  );
  return {'cycles/s': cycles / seconds};
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
