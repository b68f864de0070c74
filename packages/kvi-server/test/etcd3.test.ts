// What npm etcd3's high-level API does with an etcd, it does with a server of kvi.
import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {EtcdLockFailedError, Etcd3} from 'etcd3';
import {startServer, type TestServer} from 'kvi-server/testing';
import {once} from 'node:events';

let server: TestServer;
let client: Etcd3;
beforeEach(async () => {
  server = await startServer();
  client = new Etcd3({hosts: server.url});
});
afterEach(async () => {
  client.close();
  await server.close();
});

describe('npm etcd3', () => {
  it('reads and writes keys', async () => {
    await client.put('a/1').value('one');
    await client.put('a/2').value(2);
    expect(await client.get('a/1')).toBe('one');
    expect(await client.get('a/2').number()).toBe(2);
    expect(await client.get('absent')).toBeNull();
    expect(await client.get('a/1').exists()).toBe(true);
    expect(await client.getAll().prefix('a/').strings()).toEqual({'a/1': 'one', 'a/2': '2'});
    expect(await client.getAll().prefix('a/').sort('Key', 'Descend').limit(1).keys()).toEqual(['a/2']);
    expect(await client.getAll().prefix('a/').count()).toBe(2);
    expect(await client.delete().prefix('a/')).toMatchObject({deleted: '2'});
    const namespace = client.namespace('ns/');
    await namespace.put('k').value('v');
    expect(server.store.dump()).toEqual({'ns/k': 'v'});
  });

  it('compares and swaps', async () => {
    const attempt = () =>
      client.if('k', 'Create', '==', 0).then(client.put('k').value('mine')).else(client.get('k')).commit();
    expect(await attempt()).toMatchObject({succeeded: true});
    const {succeeded, responses} = await attempt();
    expect(succeeded).toBe(false);
    expect(String(responses[0]?.response_range?.kvs[0]?.value)).toBe('mine');
    await client.stm().transact(async (tx) => {
      await tx.put('k').value(`${String(await tx.get('k'))}, and more`);
    });
    expect(await client.get('k')).toBe('mine, and more');
  });

  it('watches', async () => {
    const watcher = await client.watch().prefix('w/').create();
    const put = once(watcher, 'put');
    await client.put('w/1').value('v');
    const [kv] = (await put) as [{key: Buffer; value: Buffer}];
    expect(`${String(kv.key)}=${String(kv.value)}`).toBe('w/1=v');
    const deleted = once(watcher, 'delete');
    await client.delete().key('w/1');
    await deleted;
    await watcher.cancel();
  });

  it('keeps leases, locks and leads', async () => {
    const lease = client.lease(10);
    await lease.put('leased').value('v');
    expect(await client.leaseClient.leaseLeases()).toMatchObject({leases: [{}]});
    await lease.keepaliveOnce();
    await lease.revoke();
    expect(await client.get('leased')).toBeNull();

    const lock = client.lock('lock');
    await lock.acquire();
    await expect(client.lock('lock').acquire()).rejects.toThrow(EtcdLockFailedError);
    await lock.release();

    const election = client.election('election', 10);
    const campaign = election.campaign('me');
    await once(campaign, 'elected');
    expect(await election.leader()).toBe('me');
    const observer = await election.observe();
    expect(observer.leader()).toBe('me');
    await observer.cancel();
    await campaign.resign();
    expect(await election.leader()).toBeUndefined();
  });
});
