// etcd's `tests/common/lease_test.go`, case by case under its names, and much of `tests/integration/v3_lease_test.go`.
import {expect, it} from '@jest/globals';
import {leaseGrant, leaseKeepAlive, leaseLeases, leaseRevoke, leaseTimeToLive, put, range} from 'kvi-wire';
import {describeBesideEtcd, type Subject} from '../support/reference.ts';
import {refusal} from '../support/refusal.ts';

const foo = Buffer.from('foo');
const missing = refusal('requested lease not found', 5);

/** Resolves when a key is deleted, which only its lease does. */
async function deleted({client}: Subject, key: Buffer): Promise<void> {
  const stream = client.watch();
  stream.send({create: {key, filters: ['noput']}});
  await stream.next();
  const {events} = await stream.next();
  expect(events).toMatchObject([{type: 'delete', kv: {key}}]);
  stream.stream.close(8);
}

describeBesideEtcd('leases', (subject) => {
  it('TestLeaseGrantTimeToLive: a lease is as long as it was granted', async () => {
    const {client} = subject;
    const {id, ttl} = await client.call(leaseGrant, {ttl: 10});
    expect(ttl).toBe(10);
    const told = await client.call(leaseTimeToLive, {id});
    expect(told).toMatchObject({id, grantedTtl: 10, keys: []});
    expect([9, 10]).toContain(told.ttl);
  });

  it.each([0, 1, 3])('TestLeaseGrantAndList: %d leases', async (count) => {
    const granted: string[] = [];
    while (granted.length < count) granted.push((await subject.client.call(leaseGrant, {ttl: 10})).id);
    const {leases} = await subject.client.call(leaseLeases, {});
    expect(leases.map(({id}) => id).sort()).toEqual(granted.sort());
  });

  it('TestLeaseGrantTimeToLiveExpired: its keys go when it ends', async () => {
    const {client} = subject;
    const {id} = await client.call(leaseGrant, {ttl: 1});
    const gone = deleted(subject, foo);
    await client.call(put, {key: foo, lease: id});
    expect(await client.call(range, {key: foo})).toMatchObject({count: 1});
    await gone;
    expect(await client.call(leaseTimeToLive, {id})).toMatchObject({ttl: -1, grantedTtl: 0});
    expect(await client.call(range, {key: foo})).toMatchObject({count: 0});
  });

  it('TestLeaseGrantKeepAliveOnce: a lease that is kept alive outlives its time', async () => {
    const {client} = subject;
    const [kept, other] = [
      await client.call(leaseGrant, {ttl: 2, id: '1'}),
      await client.call(leaseGrant, {ttl: 2, id: '2'}),
    ];
    const gone = deleted(subject, foo);
    await client.call(put, {key: foo, lease: other.id});
    const stream = client.open(leaseKeepAlive);
    // One that is renewed again and again is there when the other has ended.
    const renewal = setInterval(() => stream.send({id: kept.id}), 200);
    await gone;
    clearInterval(renewal);
    stream.stream.end();
    expect(await stream.next()).toMatchObject({id: kept.id, ttl: 2});
    const {ttl} = await client.call(leaseTimeToLive, {id: kept.id});
    expect(ttl).toBeGreaterThan(0);
    expect(await client.call(leaseTimeToLive, {id: other.id})).toMatchObject({ttl: -1});
  });

  it('TestLeaseGrantRevoke: its keys go when it is revoked, in one revision', async () => {
    const {client} = subject;
    const {id} = await client.call(leaseGrant, {ttl: 20});
    const bar = Buffer.from('bar');
    for (const key of [foo, bar]) await client.call(put, {key, lease: id});
    const {keys} = await client.call(leaseTimeToLive, {id, keys: true});
    // In no order that etcd promises.
    expect(keys.map(String).sort()).toEqual(['bar', 'foo']);
    expect(await client.call(leaseRevoke, {id})).toMatchObject({header: {revision: 4}});
    expect(await client.call(leaseTimeToLive, {id})).toMatchObject({ttl: -1});
    expect(await client.call(range, {key: foo})).toMatchObject({count: 0, header: {revision: 4}});
    expect(await client.failure(leaseRevoke, {id})).toEqual(missing);
  });

  it('TestV3LeaseGrantByID: an id can be chosen, and is taken once', async () => {
    const {client} = subject;
    expect(await client.call(leaseGrant, {id: '1', ttl: 1})).toMatchObject({id: '1', ttl: 1});
    const taken = refusal('lease already exists', 9);
    expect(await client.failure(leaseGrant, {id: '1', ttl: 1})).toEqual(taken);
    const {id} = await client.call(leaseGrant, {id: '0', ttl: 1});
    expect(id).not.toBe('0');
  });

  it('TestV3LeaseNegativeID: an id may be any but 0', async () => {
    const {client} = subject;
    const ids = ['ffffffffffffffff', '8000000000000000', '7fffffffffffffff'];
    for (const id of ids) {
      await client.call(leaseGrant, {id, ttl: 100});
      const key = Buffer.from(id);
      await client.call(put, {key, lease: id});
      expect(await client.call(leaseTimeToLive, {id, keys: true})).toMatchObject({id, keys: [key]});
      expect(await client.call(range, {key})).toMatchObject({kvs: [{lease: id}]});
      await client.call(leaseRevoke, {id});
      expect(await client.call(range, {key})).toMatchObject({count: 0});
    }
  });

  it('TestV3LeaseSwitch: a key belongs to the lease of its last put', async () => {
    const {client} = subject;
    for (const id of ['1', '2']) await client.call(leaseGrant, {id, ttl: 100});
    for (const lease of ['1', '2']) await client.call(put, {key: foo, lease});
    await client.call(leaseRevoke, {id: '1'});
    expect(await client.call(range, {key: foo})).toMatchObject({count: 1});
    await client.call(leaseRevoke, {id: '2'});
    expect(await client.call(range, {key: foo})).toMatchObject({count: 0});
  });

  it('TestLeaseKeepAliveNotFound: a lease that was revoked ends for its own keepalives only', async () => {
    const {client} = subject;
    for (const id of ['1', '2', '3']) await client.call(leaseGrant, {id, ttl: 100});
    await client.call(leaseRevoke, {id: '2'});
    const stream = client.open(leaseKeepAlive);
    for (const id of ['1', '2', '3']) stream.send({id});
    const answers = [await stream.next(), await stream.next(), await stream.next()];
    expect(answers.map(({id, ttl}) => [id, ttl])).toEqual([
      ['1', 100],
      ['2', 0],
      ['3', 100],
    ]);
    stream.stream.end();
  });

  it('TestV3PutOnNonExistLease, TestV3GetNonExistLease: a lease that never was', async () => {
    const {client} = subject;
    expect(await client.failure(put, {key: foo, lease: '7b'})).toEqual(missing);
    expect(await client.call(leaseTimeToLive, {id: '7b', keys: true})).toMatchObject({
      id: '7b',
      ttl: -1,
      grantedTtl: 0,
      keys: [],
    });
  });
});
