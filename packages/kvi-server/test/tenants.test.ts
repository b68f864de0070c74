// Two tenants of one server try to see each other, over each kind of store.
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it} from '@jest/globals';
import {type Driver, KviError} from 'kvi-core/driver';
import {openEtcdDriver} from 'kvi-etcd';
import {MemStore} from 'kvi-mem';
import {serve, type ServerHandle, tenants} from 'kvi-server';
import {createAuthority, describeWithEtcd, type Etcd, startEtcd} from 'kvi-testbed';
import {
  alarm,
  campaign,
  compact,
  defragment,
  deleteRange,
  etcdErrors,
  hashKv,
  leader,
  leaseGrant,
  leaseKeepAlive,
  leaseLeases,
  leaseRevoke,
  leaseTimeToLive,
  lock,
  type Method,
  observe,
  put,
  range,
  status,
  txn,
} from 'kvi-wire';
import {type Client, connectClient} from './support/client.ts';

const everything = {key: Buffer.of(0), rangeEnd: Buffer.of(0)};
const key = Buffer.from('k');
const {leaseNotFound} = etcdErrors;
const notFound = {code: leaseNotFound.code, details: leaseNotFound.details};

function testTenants(openDriver: () => Promise<Driver>): void {
  let store: Driver;
  let server: ServerHandle;
  let client: Client;
  beforeEach(async () => {
    store = await openDriver();
    await store.txn({success: [{type: 'deleteRange', ...everything}]});
    await start();
  });
  afterEach(async () => {
    await stop();
    await store.close();
  });

  async function start(): Promise<void> {
    const nameOf = ({metadata}: {metadata: Record<string, unknown>}): string =>
      decodeURIComponent(String(metadata['tenant']));
    server = await serve(store, {listen: '127.0.0.1:0', authorize: tenants(store, {nameOf})});
    client = connectClient(server.url);
  }

  async function stop(): Promise<void> {
    await client[Symbol.asyncDispose]();
    await server.close();
  }

  /** What a tenant of this name can do. */
  function tenant(name: string) {
    const headers = {tenant: encodeURIComponent(name)};
    return {
      call: <Q, R>(method: Method<Q, R>, request: Q) => client.call(method, request, headers),
      failure: <Q>(method: Method<Q, unknown>, request: Q) => client.failure(method, request, headers),
      open: <Q, R>(method: Method<Q, R>) => client.open(method, headers),
    };
  }

  /** All that a tenant sees. */
  async function seenBy(name: string): Promise<string[]> {
    const {kvs, count} = await tenant(name).call(range, everything);
    expect(count).toBe(kvs.length);
    return kvs.map((kv) => `${String(kv.key)}=${String(kv.value)}`);
  }

  it('each read, count and delete what is their own', async () => {
    // Names of which one begins as another, or looks like a key of another.
    const names = ['a', 'ab', 'a/keys', 'a/', 'a%2F', '..', '\u{1f600}', 'A'];
    for (const name of names) {
      for (const each of ['k', 'k1', '\0', '\xff']) {
        await tenant(name).call(put, {key: Buffer.from(each, 'latin1'), value: Buffer.from(name)});
      }
    }
    const first = tenant('a');
    for (const request of [
      everything,
      {key, rangeEnd: Buffer.of(0)},
      {key: Buffer.of(0), rangeEnd: Buffer.of(0xff)},
      {key: Buffer.from('k'), rangeEnd: Buffer.from('z')},
    ]) {
      const {kvs, count} = await first.call(range, request);
      expect(new Set(kvs.map(({value}) => String(value)))).toEqual(new Set(['a']));
      expect(await first.call(range, {...request, countOnly: true})).toMatchObject({count});
      expect(await first.call(range, {...request, limit: 1})).toMatchObject({count, more: count > 1});
    }
    expect(await seenBy('nobody')).toEqual([]);
    expect(await first.call(deleteRange, {...everything, prevKv: true})).toMatchObject({deleted: 4});
    expect(await seenBy('a')).toEqual([]);
    for (const name of names.slice(1)) expect(await seenBy(name)).toHaveLength(4);
  });

  it('compare and change in transactions what is their own, however deep', async () => {
    const [mine, yours] = [tenant('a'), tenant('ab')];
    await yours.call(put, {key, value: Buffer.from('yours')});
    const response = await mine.call(txn, {
      compare: [{key, target: 'version', result: '=', version: 0}],
      success: [
        {
          txn: {
            // True if there is no key.
            compare: [{...everything, target: 'create', result: '=', createRevision: 0}],
            success: [{put: {key, value: Buffer.from('mine'), prevKv: true}}, {range: everything}],
          },
        },
      ],
    });
    const [nested] = response.responses;
    expect(nested?.txn?.responses).toMatchObject([{put: {prevKv: undefined}}, {range: {count: 1}}]);
    expect(await seenBy('a')).toEqual(['k=mine']);
    expect(await seenBy('ab')).toEqual(['k=yours']);
  });

  it('watch what is their own, also from the past and to the end of the keys', async () => {
    const [mine, yours] = [tenant('a'), tenant('ab')];
    const {header} = await yours.call(put, {key, value: Buffer.from('yours')});
    const watches = [everything, {key, rangeEnd: Buffer.of(0)}, {key, prevKv: true}];
    const stream = client.watch({tenant: 'a'});
    for (const watch of watches) stream.send({create: watch});
    for (const watch of watches) stream.send({create: {...watch, startRevision: header?.revision}});
    for (let n = 0; n < 6; n += 1) expect(await stream.next()).toMatchObject({watchId: n, created: true});
    await yours.call(put, {key, value: Buffer.from('yours again')});
    await yours.call(deleteRange, {key});
    await mine.call(put, {key, value: Buffer.from('mine')});
    const told = new Map<number, string[]>();
    while (told.size < 6) {
      const {watchId, events} = await stream.next();
      const texts = events.map(
        (event) => `${String(event.kv?.key)}=${String(event.kv?.value)} ${String(event.prevKv?.value)}`,
      );
      told.set(watchId, texts);
    }
    for (const texts of told.values()) expect(texts).toEqual(['k=mine undefined']);
    stream.stream.close(8);
  });

  it('have leases that do not exist for the others', async () => {
    const [mine, yours] = [tenant('a'), tenant('ab')];
    const {id} = await mine.call(leaseGrant, {ttl: 100});
    await mine.call(put, {key, value: Buffer.from('v'), lease: id});
    expect(await mine.call(leaseLeases, {})).toMatchObject({leases: [{id}]});
    expect(await mine.call(leaseTimeToLive, {id, keys: true})).toMatchObject({grantedTtl: 100, keys: [key]});

    expect(await yours.call(leaseLeases, {})).toMatchObject({leases: []});
    expect(await yours.call(leaseTimeToLive, {id, keys: true})).toMatchObject({
      ttl: -1,
      grantedTtl: 0,
      keys: [],
    });
    expect(await yours.failure(leaseRevoke, {id})).toEqual(notFound);
    const stream = client.open(leaseKeepAlive, {tenant: 'ab'});
    stream.send({id});
    expect(await stream.next()).toMatchObject({id, ttl: 0});
    stream.stream.end();
    expect(await yours.failure(put, {key, lease: id})).toEqual(notFound);
    expect(await yours.failure(lock, {name: key, lease: id})).toMatchObject({details: notFound.details});
    expect(await yours.failure(campaign, {name: key, lease: id})).toMatchObject({details: notFound.details});
    const under = {put: {key, lease: id}};
    expect(await yours.failure(txn, {success: [{txn: {success: [under]}}]})).toEqual(notFound);
    // In a branch that is not taken, no lease is looked at.
    expect(await yours.call(txn, {failure: [{txn: {success: [under]}}]})).toMatchObject({
      succeeded: true,
    });
    expect(await seenBy('ab')).toEqual([]);

    // With a lease of their own beside it.
    const {id: own} = await yours.call(leaseGrant, {ttl: 100});
    const both = [{put: {key, lease: own}}, {put: {key: Buffer.from('k2'), lease: id}}];
    expect(await yours.failure(txn, {success: both})).toEqual(notFound);
    expect(await yours.call(txn, {success: both.slice(0, 1), failure: both})).toMatchObject({
      succeeded: true,
    });
    await yours.call(leaseRevoke, {id: own});
    expect(await seenBy('ab')).toEqual([]);
    expect(await seenBy('a')).toEqual(['k=v']);
    await mine.call(leaseRevoke, {id});
    expect(await seenBy('a')).toEqual([]);
  });

  it('keep their leases when the server is another, and leave nothing of them behind', async () => {
    const {id} = await tenant('a').call(leaseGrant, {ttl: 100, id: '123'});
    await tenant('a').call(leaseGrant, {ttl: 100, id: '45'});
    await stop();
    await start();
    const [mine, yours] = [tenant('a'), tenant('ab')];
    expect(await yours.failure(leaseRevoke, {id})).toEqual(notFound);
    // An id can be had once in the whole store: it is the only thing that a tenant can find out.
    expect(await yours.failure(leaseGrant, {ttl: 100, id})).toMatchObject({
      code: etcdErrors.leaseExists.code,
    });
    // None of the leases that the server grants, and none that it can be made to grant.
    expect(await yours.failure(leaseGrant, {ttl: 100, id: 'f'.repeat(16)})).toMatchObject({
      code: etcdErrors.leaseExists.code,
    });
    expect(await mine.call(leaseLeases, {})).toMatchObject({leases: [{id: '123'}, {id: '45'}]});
    expect(await mine.call(leaseTimeToLive, {id, keys: true})).toMatchObject({grantedTtl: 100, keys: []});
    await mine.call(leaseRevoke, {id});
    await mine.call(leaseRevoke, {id: '45'});
    expect(await mine.call(leaseTimeToLive, {id})).toMatchObject({ttl: -1});
    expect(await store.range(everything)).toMatchObject({kvs: []});
  });

  it('lock and lead by themselves', async () => {
    const [mine, yours] = [tenant('a'), tenant('ab')];
    for (const each of [mine, yours]) {
      const {key: held} = await each.call(lock, {name: key});
      expect(String(held)).toMatch(/^k\/[0-9a-f]+$/);
    }
    const observer = client.open(observe, {tenant: 'ab'});
    observer.send({name: Buffer.from('e')});
    await mine.call(campaign, {name: Buffer.from('e'), value: Buffer.from('mine')});
    expect(await yours.failure(leader, {name: Buffer.from('e')})).toMatchObject(etcdErrors.nobodyLeads);
    await yours.call(campaign, {name: Buffer.from('e'), value: Buffer.from('yours')});
    const {kv} = await observer.next();
    expect(String(kv?.value)).toBe('yours');
    observer.stream.close(8);
  });

  it('cannot take the history, the alarms or the space from the others', async () => {
    const [mine, yours] = [tenant('a'), tenant('ab')];
    const {header} = await yours.call(put, {key, value: Buffer.from('1')});
    await yours.call(put, {key, value: Buffer.from('2')});
    const denied = {code: 7, details: 'etcdserver: permission denied'};
    for (const physical of [false, true]) {
      expect(await mine.failure(compact, {revision: 2, physical})).toEqual(denied);
    }
    const past = await yours.call(range, {key, revision: header?.revision});
    expect(String(past.kvs[0]?.value)).toBe('1');
    for (const action of ['activate', 'deactivate'] as const) {
      expect(await mine.failure(alarm, {action, alarm: 'noSpace'})).toEqual(denied);
    }
    expect(await mine.call(alarm, {action: 'get'})).toMatchObject({alarms: []});
    await mine.call(defragment, {});
  });

  it('are told nothing of how much the others have', async () => {
    const [mine, yours] = [tenant('a'), tenant('ab')];
    await mine.call(put, {key, value: Buffer.from('1')});
    const before = {hash: (await mine.call(hashKv, {})).hash, size: (await mine.call(status, {})).dbSize};
    await yours.call(put, {key: Buffer.from('other'), value: Buffer.alloc(1_000_000)});
    expect(await mine.call(hashKv, {})).toMatchObject({hash: before.hash});
    expect(await mine.call(status, {})).toMatchObject({dbSize: before.size, dbSizeInUse: before.size});
    expect(await yours.call(hashKv, {})).not.toMatchObject({hash: before.hash});
    const snapshot = {...status, path: '/etcdserverpb.Maintenance/Snapshot'};
    expect(await mine.failure(snapshot, {})).toMatchObject({code: 12});
    // Nor by the page of the whole store.
    const page = await fetch(`${server.url}/metrics`, {headers: {tenant: 'a'}});
    expect([page.status, await page.json()]).toMatchObject([403, {code: 7}]);
    // It is not even known by name.
    expect(await tenant('').failure(range, {key})).toMatchObject({code: etcdErrors.invalidToken.code});
  });
}

describe('tenants on kvi-mem', () => {
  testTenants(() => Promise.resolve(new MemStore().driver()));
});

describeWithEtcd('tenants on an etcd', () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.stop());
  testTenants(() => openEtcdDriver(etcd.url));
});

describe('tenants', () => {
  it('are told apart by the names in their certificates', async () => {
    await using authority = await createAuthority();
    const [own, mine, yours] = await Promise.all([
      authority.issue('server', 'IP:127.0.0.1'),
      authority.issue('a', 'DNS:client'),
      authority.issue('ab', 'DNS:client'),
    ]);
    const store = new MemStore();
    const driver = store.driver();
    const server = await serve(driver, {
      listen: '127.0.0.1:0',
      tls: {cert: own.cert, key: own.key, clientCa: authority.root.cert},
      authorize: tenants(driver, {prefix: 'in/'}),
    });
    const seen: number[] = [];
    for (const {cert, key: privateKey} of [mine, yours]) {
      await using client = connectClient(server.url, {ca: authority.root.cert, cert, key: privateKey});
      await client.call(put, {key, value: Buffer.from('v')});
      // A name in a header is not the certificate's.
      seen.push((await client.call(range, everything, {tenant: 'ab'})).count);
    }
    expect(seen).toEqual([1, 1]);
    expect(store.dump()).toEqual({'in/a/keys/k': 'v', 'in/ab/keys/k': 'v'});
    await server.close();
    await driver.close();
  });

  it('are refused without a certificate', async () => {
    const driver = new MemStore().driver();
    const server = await serve(driver, {listen: '127.0.0.1:0', authorize: tenants(driver)});
    await using client = connectClient(server.url);
    expect(await client.failure(range, {key})).toMatchObject({code: 16});
    await server.close();
    await driver.close();
  });

  it('need keys of their own', () => {
    const driver = new MemStore().driver();
    expect(() => tenants(driver, {prefix: ''})).toThrow(KviError);
    void driver.close();
  });
});
