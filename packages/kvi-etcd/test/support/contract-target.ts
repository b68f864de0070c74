import {setTimeout as sleep} from 'node:timers/promises';
import {afterAll, beforeAll} from '@jest/globals';
import type {ContractTarget} from 'kvi-contract';
import {type EtcdOptions, openEtcdDriver} from 'kvi-etcd';
import {type Etcd, startEtcd} from 'kvi-testbed';

/** An etcd for the suite around the call alone: the contract compacts, and counts revisions. */
export function contractTarget(options: EtcdOptions = {}): ContractTarget {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.stop());
  return {open: () => openEtcdDriver(etcd.url, options), leftovers: () => watchesLeftOn(etcd)};
}

/**
 * What etcd counts while nobody watches. It takes a watch that was compacted away, and cancelled in the same moment, off
 * twice (`cancelWatcher` in its mvcc/watchable_store.go), so that the count can sink below 0.
 */
let countWithoutWatches = 0;

/** Waits a little for etcd to let go of watches: it does so some time after it was told. */
async function watchesLeftOn(etcd: Etcd): Promise<string[]> {
  let count = NaN;
  for (let tries = 0; tries < 1_000; tries += 1) {
    const metrics = await (await fetch(`${etcd.url}/metrics`)).text();
    count = Number(/^etcd_debugging_mvcc_watcher_total (-?\d+)$/m.exec(metrics)?.[1]);
    if (count <= countWithoutWatches) {
      countWithoutWatches = count;
      return [];
    }
    await sleep(10);
  }
  return [`${String(count - countWithoutWatches)} watches`];
}
