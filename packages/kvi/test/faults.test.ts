/** What a test sees on `mem:` with faults is what a service sees on an etcd behind a network that fails. */
import {setTimeout as sleep} from 'node:timers/promises';
import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {createKvi, isKviError, type Kvi, noRetries} from 'kvi-core';
import {openEtcdDriver} from 'kvi-etcd';
import {Faults, MemStore} from 'kvi-mem';
import {describeWithEtcd, type Etcd, type Proxy, startEtcd, startProxy} from 'kvi-testbed';

/** A network between a service and its store, on either backend. */
interface Network {
  /** The handle of the service. */
  kv: Kvi;
  /** That of somebody on the other side of the network, to whom nothing happens. */
  operator: Kvi;
  /** Has a write applied and its answer lost. */
  loseAnswer: (write: () => Promise<unknown>, isApplied: () => Promise<boolean>) => Promise<unknown>;
  /** Has a write lost on its way. */
  loseRequest: (write: () => Promise<unknown>) => Promise<unknown>;
  refuse: () => void;
  hang: () => void;
  heal: () => Promise<void>;
  /** The lease of the key ends. */
  loseLease: (key: string) => Promise<void>;
  close: () => Promise<void>;
}

const options = {retryPolicy: noRetries, ttlSeconds: 2};

function onMem(): Network {
  const faults = new Faults();
  const store = new MemStore();
  const kv = createKvi(store.driver({faults}), options);
  const operator = createKvi(store.driver());
  return {
    kv,
    operator,
    loseAnswer(write) {
      faults.next('txn').failAfterApplying();
      return write();
    },
    loseRequest(write) {
      faults.next('txn').fail('KVI_UNKNOWN_OUTCOME');
      return write();
    },
    refuse() {
      faults.partition({calls: 'fail'});
    },
    hang() {
      faults.partition();
    },
    heal() {
      faults.heal();
      return Promise.resolve();
    },
    loseLease: (key) => faults.loseLeases({key}),
    async close() {
      await kv.close();
      await operator.close();
    },
  };
}

async function onEtcd(etcd: Etcd): Promise<Network> {
  const proxy: Proxy = await startProxy(etcd.endpoint);
  const kv = createKvi(await openEtcdDriver(proxy.url), options);
  const driver = await openEtcdDriver(etcd.url);
  const operator = createKvi(driver);
  await operator.delete({start: '\0', end: '\0'});

  async function cutWhen(isOnItsWay: () => Promise<boolean>): Promise<void> {
    while (!(await isOnItsWay())) await sleep(1);
    proxy.cut();
    proxy.swallow();
  }

  return {
    kv,
    operator,
    async loseAnswer(write, isApplied) {
      proxy.swallow('toClient');
      const writing = write();
      writing.catch(() => undefined);
      await cutWhen(isApplied);
      return writing;
    },
    async loseRequest(write) {
      const sent = proxy.bytes.toServer;
      proxy.swallow('toServer');
      const writing = write();
      writing.catch(() => undefined);
      await cutWhen(() => Promise.resolve(proxy.bytes.toServer > sent));
      return writing;
    },
    refuse() {
      proxy.refuse();
      proxy.cut();
    },
    hang() {
      proxy.swallow('toServer');
    },
    async heal() {
      proxy.cut();
      proxy.swallow();
      await proxy.accept();
    },
    async loseLease(key) {
      const [found] = await operator.getRange(key);
      if (found !== undefined) await driver.leaseRevoke(found.lease);
    },
    async close() {
      await proxy.accept();
      await kv.close();
      await operator.close();
      await proxy.close();
    },
  };
}

/** What a caller can act on: the code and the message's form, those of the cause, and whether nothing is known. */
async function seen(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    if (!isKviError(error)) throw error;
    const {cause} = error;
    return {
      code: error.code,
      // Which member, and how the connection broke, is the network's own.
      message: error.message.replace(/ \(.*\)$/, ''),
      cause: isKviError(cause) ? cause.code : cause instanceof Error && 'code' in cause ? cause.code : cause,
      applied: error.applied,
    };
  }
}

/** Does the same on both backends, one after the other. */
const scenarios: Readonly<Record<string, (network: Network) => Promise<unknown>>> = {
  'a write whose answer is lost': async ({kv, operator, loseAnswer}) => [
    await seen(
      loseAnswer(
        () => kv.tas('k', null, 'a'),
        async () => (await operator.get('k')) === 'a',
      ),
    ),
    await operator.get('k'),
  ],

  'a write whose answer is lost, and whose outcome is found out': async ({kv, operator, loseAnswer}) => {
    // The guards' lease is granted before the answer is lost.
    await kv.tas('k', null, 'a', {onUnknownOutcome: 'resolve'});
    const write = () => kv.tas('k', 'a', 'b', {onUnknownOutcome: 'resolve', timeoutMs: 20_000});
    return [
      await seen(loseAnswer(write, async () => (await operator.get('k')) === 'b')),
      await operator.get('k'),
    ];
  },

  'a write that is lost on its way': async ({kv, operator, loseRequest}) => [
    await seen(loseRequest(() => kv.store('k', 'a'))),
    await operator.get('k'),
  ],

  'connections that are refused': async ({kv, operator, refuse, heal}) => {
    await kv.get('k');
    refuse();
    // The handle may take a moment to find out that its connection is gone.
    await seen(kv.get('k', {timeoutMs: 1000}));
    const outcomes = [await seen(kv.get('k')), await seen(kv.store('k', 'a')), await operator.get('k')];
    await heal();
    return outcomes;
  },

  'a network that hangs': async ({kv, operator, hang, heal}) => {
    await kv.get('k');
    hang();
    // Of one key, the write would wait for the read, and not be sent.
    const outcomes = await Promise.all([
      seen(kv.get('other', {timeoutMs: 200})),
      seen(kv.store('k', 'a', {timeoutMs: 200})),
    ]);
    const aborted = await seen(kv.store('k', 'a', {signal: AbortSignal.timeout(50)}));
    const found = await operator.get('k');
    await heal();
    return [outcomes, {...(aborted as object), cause: 'KVI_ABORTED'}, found];
  },

  'a lock whose holder is cut off': async ({kv, operator, hang, heal}) => {
    const lock = await kv.distLock('job');
    hang();
    const next = await operator.distLock('job');
    const outcomes = [lock.signal.aborted, lock.isHeld(), next.token > lock.token];
    await heal();
    return [outcomes, (await seen(lock.release())) as object];
  },

  'a lock and a temporary key whose leases end': async ({kv, operator, loseLease}) => {
    const lock = await kv.distLock('job');
    const here = await kv.tempKey('here');
    const changes = operator.changes('here');
    await changes.created;
    const aborted = new Promise<void>((resolve) => {
      lock.signal.addEventListener('abort', () => resolve(), {once: true});
    });
    await loseLease(lock.key);
    await aborted;
    const reason = await seen(Promise.reject(lock.signal.reason as Error));
    const released = await seen(lock.release());
    await loseLease('here');
    const types: string[] = [];
    for await (const {events} of changes) {
      types.push(...events.map(({type}) => type));
      if (types.length >= 2) break;
    }
    return [reason, released, types, here.signal.aborted];
  },

  'a watch that is away while things happen': async ({kv, operator, refuse, heal}) => {
    const changes = kv.changes('k');
    await changes.created;
    refuse();
    await operator.store('k', 'a');
    await operator.delete('k');
    await operator.store('k', 'b');
    const told: (string | undefined)[] = [];
    await heal();
    for await (const {events} of changes) {
      told.push(...events.map(({value}) => value));
      if (told.length >= 3) break;
    }
    return told;
  },
};

describeWithEtcd(
  'what a service sees on mem: with faults is what it sees on an etcd behind a broken network',
  () => {
    let etcd: Etcd;
    beforeAll(async () => {
      etcd = await startEtcd();
    });
    afterAll(() => etcd.stop());

    it.each(Object.entries(scenarios))('%s', async (_name, scenario) => {
      const results: unknown[] = [];
      for (const network of [onMem(), await onEtcd(etcd)]) {
        try {
          results.push(await scenario(network));
        } finally {
          await network.close();
        }
      }
      expect(results[0]).toEqual(results[1]);
    });
  },
);
