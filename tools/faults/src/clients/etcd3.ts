/** npm `etcd3` as its README uses it, with its own retries, watcher, lease and lock. */
import {Etcd3, EtcdLockFailedError, type Lease, type Watcher} from 'etcd3';
import {setTimeout as sleep} from 'node:timers/promises';
import {now} from '../history.ts';
import {lockWaitSeconds, ttlSeconds, type Client, type HeldLock, type WatchSink} from './client.ts';

/** It has no timeout of its own, and a call that hangs would hang the workload. */
const timeoutMs = 5_000;

export async function openEtcd3(endpoints: readonly string[]): Promise<Client> {
  const etcd = new Etcd3({
    hosts: endpoints.map((endpoint) => `http://${endpoint}`),
    defaultCallOptions: ({isStream}) => (isStream ? {} : {deadline: Date.now() + timeoutMs}),
  });
  await etcd.getAll().limit(1).exec();
  let isClosed = false;
  const watchers = new Set<Watcher>();
  const leases: Lease[] = [];

  async function watch(prefix: string, sink: WatchSink): Promise<void> {
    while (!isClosed) {
      try {
        const {header} = await etcd.getAll().prefix(prefix).limit(1).exec();
        const from = Number(header.revision) + 1;
        const watcher = await etcd.watch().prefix(prefix).startRevision(String(from)).create();
        watchers.add(watcher);
        sink.started(from);
        watcher.on('put', ({key, value, mod_revision}) =>
          sink.changed(key.toString(), value.toString(), Number(mod_revision)),
        );
        watcher.on('delete', ({key, mod_revision}) =>
          sink.changed(key.toString(), undefined, Number(mod_revision)),
        );
        await new Promise((_, reject) => {
          watcher.on('error', reject);
          watcher.on('end', () => reject(new Error('the watcher ended')));
        });
      } catch (error) {
        if (isClosed) return;
        sink.failed(error);
        await sleep(100);
      }
    }
  }

  async function lock(name: string): Promise<HeldLock | undefined> {
    const deadline = now() + lockWaitSeconds * 1_000;
    for (;;) {
      const held = etcd.lock(name).ttl(ttlSeconds);
      try {
        await held.acquire();
        return {
          // It does not signal the loss of a lock.
          isHeld: () => true,
          isToldLost: () => false,
          release: async () => {
            await held.release();
            return true;
          },
        };
      } catch (error) {
        if (!(error instanceof EtcdLockFailedError)) throw error;
        if (now() > deadline) return undefined;
        await sleep(50);
      }
    }
  }

  return {
    put: async (key, value) => {
      await etcd.put(key).value(value);
    },
    get: async (key) => (await etcd.get(key).string()) ?? undefined,
    cas: async (key, test, value) => {
      const condition = test === null ? etcd.if(key, 'Create', '==', 0) : etcd.if(key, 'Value', '==', test);
      return (await condition.then(etcd.put(key).value(value)).commit()).succeeded;
    },
    transaction: async (key, test, value, otherKey, otherValue) => {
      const {succeeded} = await etcd
        .if(key, 'Value', '==', test)
        .then(etcd.put(key).value(value))
        .else(etcd.put(otherKey).value(otherValue))
        .commit();
      return succeeded;
    },
    watch: (prefix, sink) => void watch(prefix, sink),
    lock,
    tempKey: async (key) => {
      const lease = etcd.lease(ttlSeconds);
      await lease.put(key).value('here');
      leases.push(lease);
    },
    // Its errors do not tell.
    mayHaveBeenApplied: () => true,
    close: async () => {
      isClosed = true;
      await Promise.allSettled(Array.from(watchers, (watcher) => watcher.cancel()));
      await Promise.allSettled(leases.map((lease) => lease.revoke()));
      etcd.close();
    },
  };
}
