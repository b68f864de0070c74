import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {type Driver, isKviError, type LeaseId} from 'kvi-core/driver';
import {
  describeWithEtcd,
  type Etcd,
  type EtcdCluster,
  etcdctl,
  startEtcdCluster,
  startProxy,
} from 'kvi-testbed';
import {openEtcd, openEtcdDriver} from '../src/index.ts';
import {
  bytes,
  failure,
  leaderOf,
  metric,
  put,
  putOnce,
  read,
  recordDiagnostics,
  take,
  text,
  untilAvailable,
} from './support/util.ts';

describeWithEtcd('a cluster', () => {
  let cluster: EtcdCluster;
  let driver: Driver;

  beforeAll(async () => {
    cluster = await startEtcdCluster(3);
    driver = await openEtcdDriver(cluster.url);
  });

  afterAll(async () => {
    await driver.close();
    await cluster.stop();
  });

  /** Stops a member, and lets it go on also if the test fails: the next one needs it. */
  async function whileHanging(member: Etcd, body: (others: readonly Etcd[]) => Promise<void>): Promise<void> {
    await member.untilReady();
    member.signal('SIGSTOP');
    try {
      const others = cluster.nodes.filter((other) => other !== member);
      await Promise.all(others.map((other) => other.untilReady()));
      await body(others);
    } finally {
      member.signal('SIGCONT');
    }
  }

  it('tells of its members, whichever is asked', async () => {
    const described = await Promise.all(
      cluster.nodes.map(async ({url}) => {
        const direct = await openEtcdDriver(url);
        const status = await direct.status();
        await direct.close();
        return status;
      }),
    );
    const ids = described.map(({memberId}) => memberId);
    expect(new Set(ids).size).toBe(3);
    for (const {members, leader, clusterId} of described) {
      expect(members.map(({id}) => id).sort()).toEqual(ids.toSorted());
      expect(members.every(({name, isLearner}) => name !== '' && !isLearner)).toBe(true);
      expect(members.flatMap(({clientUrls}) => clientUrls)).toHaveLength(3);
      expect(ids).toContain(leader);
      expect(clusterId).toBe(described[0]?.clusterId);
    }
  });

  it('serves on, and so do its watches, whichever member is gone', async () => {
    const watch = driver.watch({key: bytes('member')});
    await watch.created;
    for (const [index, node] of cluster.nodes.entries()) {
      node.signal('SIGKILL');
      await Promise.all(cluster.nodes.filter((other) => other !== node).map((other) => other.untilReady()));
      const before = await untilAvailable(() => read(driver, 'member'));
      expect(before).toBe(index === 0 ? undefined : String(index - 1));
      await putOnce(driver, 'member', String(index));
      const [event] = await take(watch, 1);
      expect(event && text(event.kv.value)).toBe(String(index));
      await node.restart();
    }
    await watch.return();
  });

  it('loses one call at most to a member that hangs', async () => {
    for (const node of cluster.nodes) {
      const reads: unknown[] = [];
      await whileHanging(node, async () => {
        for (let index = 0; index < 3; index += 1) {
          // Only the first may be lost.
          const timeoutMs = index === 0 ? 1_000 : 20_000;
          reads.push(
            await driver.range({key: bytes('member'), serializable: true}, {timeoutMs}).catch(String),
          );
        }
      });
      expect(reads.filter((result) => typeof result === 'string').length).toBeLessThanOrEqual(1);
    }
  });

  it('keeps leases alive past a member that hangs', async () => {
    const id = await grantInElection(driver);
    for (const node of cluster.nodes) {
      await whileHanging(node, async () => {
        const first = await driver.leaseKeepAlive(id, {timeoutMs: 1_000}).catch(() => undefined);
        // The members that are left may elect a leader once more.
        const answer = first ?? (await untilAvailable(() => driver.leaseKeepAlive(id, {timeoutMs: 20_000})));
        expect(answer).toMatchObject({ttlSeconds: 60});
      });
    }
  });

  it('answers reads on another member when one hangs, and says so', async () => {
    using failovers = recordDiagnostics('kvi:etcd:failover');
    await putOnce(driver, 'frozen', 'v');
    // Calls go to one of the members, and away from it also when it has lost its leader.
    const isTold = () => failovers.messages.some(({reason}) => reason.includes('did not answer'));
    for (let round = 0; round < cluster.nodes.length || !isTold(); round += 1) {
      const node = cluster.nodes[round % cluster.nodes.length];
      if (node === undefined) throw new Error('a cluster has members');
      // The one that hangs cannot have answered, and waiting for it would take forever.
      await whileHanging(node, async () => {
        expect(await untilAvailable(() => read(driver, 'frozen'))).toBe('v');
      });
    }
  });

  it('is not blamed on its members when all of it is slow', async () => {
    const proxies = await Promise.all(cluster.nodes.map(({endpoint}) => startProxy(endpoint)));
    const own = await openEtcdDriver({endpoints: proxies.map(({endpoint}) => endpoint)});
    using failovers = recordDiagnostics('kvi:etcd:failover');
    for (const proxy of proxies) proxy.delay(900);
    await own.txn(put('slow', '1'), {timeoutMs: 30_000});
    const reads = Array.from({length: 3}, () => own.range({key: bytes('slow')}, {timeoutMs: 30_000}));
    expect((await Promise.all(reads)).map(({kvs}) => kvs.length)).toEqual([1, 1, 1]);
    const hasty = own.range({key: bytes('slow')}, {timeoutMs: 100});
    expect(await failure(hasty)).toMatchObject({code: 'KVI_TIMEOUT'});
    await own.range({key: bytes('slow')}, {timeoutMs: 30_000});
    expect(failovers.messages).toEqual([]);
    await own.close();
    await Promise.all(proxies.map((proxy) => proxy.close()));
  });

  it('delivers events again when the member of the watch hangs', async () => {
    const own = await openEtcdDriver({endpoints: cluster.nodes.map(({endpoint}) => endpoint)});
    using resumed = recordDiagnostics('kvi:etcd:watch-resume');
    const watch = own.watch({key: bytes('hanging')});
    const firstRevision = await watch.created;
    const member = await busiest(cluster.nodes);
    await whileHanging(member, async ([other]) => {
      await etcdctl(String(other?.url), 'put', 'hanging', 'seen');
      const [event] = await take(watch, 1);
      expect(event && text(event.kv.value)).toBe('seen');
    });
    expect(resumed.messages).toEqual([
      {endpoints: cluster.nodes.map(({url}) => url).join(', '), watches: 1, fromRevision: firstRevision},
    ]);
    await own.close();
  });

  it('serves again when the leader was killed', async () => {
    const kv = await openEtcd(cluster.url);
    for (const node of cluster.nodes) await node.untilReady();
    const serves = () =>
      kv.store('leader', '1', {timeoutMs: 300}).then(
        () => true,
        () => false,
      );
    while (!(await serves())) continue;
    const leader = await leaderOf(cluster.nodes);
    leader.signal('SIGKILL');
    while (!(await serves())) continue;
    expect(await kv.get('leader')).toBeDefined();
    await leader.restart();
    await kv.close();
  });

  it('promises that a write was not applied on a member that is cut off, which still answers serializable reads', async () => {
    const [node, ...others] = cluster.nodes;
    const own = await openEtcdDriver(String(node?.url));
    await putOnce(own, 'cut off', 'v');
    const watch = own.watch({key: bytes('cut off')});
    await watch.created;
    for (const other of others) other.signal('SIGSTOP');
    // Until the others have stopped, a write may succeed, and until this one has noticed, wait in vain.
    const refused = () =>
      own.txn(put('cut off', 'early'), {timeoutMs: 500}).then(
        () => undefined,
        (error: unknown) => (isKviError(error, 'KVI_UNAVAILABLE') ? error : undefined),
      );
    let error = await refused();
    while (error === undefined) error = await refused();
    expect(error.message).toContain('no leader');
    const {kvs} = await own.range({key: bytes('cut off'), serializable: true});
    expect(kvs).toHaveLength(1);
    expect(await own.status()).toMatchObject({leader: '0', members: {length: 3}});
    const opening = openEtcdDriver(String(node?.url), {timeoutMs: 60_000});
    for (const other of others) other.signal('SIGCONT');
    await (await opening).close();
    await putOnce(own, 'cut off', 'later');
    const seen: string[] = [];
    while (seen.at(-1) !== 'later') seen.push(...(await take(watch, 1)).map(({kv}) => text(kv.value)));
    await own.close();
  });

  it('gives a handle with everything else on it', async () => {
    await using kv = await openEtcd(
      {endpoints: cluster.nodes.map(({endpoint}) => endpoint)},
      {ttlSeconds: 5},
    );
    await kv.store('greeting', 'hello');
    expect(await kv.get('greeting')).toBe('hello');
    expect(await failure(openEtcd(cluster.url, {ttlSeconds: 0}))).toMatchObject({
      code: 'KVI_INVALID_ARGUMENT',
    });
  });
});

/** Grants a lease in the course of an election, in which etcd may lose the answer. Another lease does no harm. */
async function grantInElection(driver: Driver): Promise<LeaseId> {
  for (;;) {
    try {
      return (await driver.leaseGrant({ttlSeconds: 60})).id;
    } catch (error) {
      if (!isKviError(error, 'KVI_UNAVAILABLE', 'KVI_UNKNOWN_OUTCOME')) throw error;
    }
  }
}

/** The member that serves a watch, of those that do. */
async function busiest(nodes: readonly Etcd[]): Promise<Etcd> {
  const watches = await Promise.all(nodes.map((node) => metric(node, 'etcd_debugging_mvcc_watcher_total')));
  const index = watches.findIndex((count) => count > 0);
  const found = nodes[index];
  if (found === undefined) throw new Error('no member serves a watch');
  return found;
}
