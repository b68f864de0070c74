// The services for locks and elections, beside an etcd's: the same calls, the same answers, field by field but for ids.
import {afterEach, beforeEach, expect, it} from '@jest/globals';
import {startServer, type TestServer} from 'kvi-server/testing';
import {describeWithEtcd, type Etcd, startEtcd} from 'kvi-testbed';
import {
  campaign,
  deleteRange,
  leader,
  leaseGrant,
  leaseRevoke,
  lock,
  type Method,
  observe,
  proclaim,
  put,
  range,
  resign,
  unlock,
} from 'kvi-wire';
import {type Client, connectClient} from './support/client.ts';

let etcd: Etcd;
let server: TestServer;
let clients: Client[];
beforeEach(async () => {
  const storeOptions = {minTtlSeconds: 1};
  [etcd, server] = await Promise.all([
    startEtcd(),
    startServer({storeOptions, limits: {minLeaseTtlSeconds: 1}}),
  ]);
  clients = [connectClient(etcd.url), connectClient(server.url)];
});
afterEach(async () => {
  for (const client of clients) await client[Symbol.asyncDispose]();
  await Promise.all([etcd.stop(), server.close()]);
});

const name = Buffer.from('name');
const [mine, yours, hers] = ['1a', '2b', '3c'];

/** Plays the same on an etcd and on the server, and compares what is told. */
async function same(play: (client: Client, tell: (what: unknown) => void) => Promise<void>): Promise<void> {
  const told = await Promise.all(
    clients.map(async (client) => {
      const all: unknown[] = [];
      for (const id of [mine, yours, hers]) await client.call(leaseGrant, {ttl: 100, id});
      await play(client, (what) => all.push(what));
      return all;
    }),
  );
  expect(readable(told[1])).toEqual(readable(told[0]));
}

/** Shows bytes as text, and hides which cluster it was. */
function readable(told: unknown): unknown {
  return JSON.parse(
    JSON.stringify(told, (field, value: unknown) => {
      if (field === 'raftTerm') return undefined;
      const isBuffer =
        typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer';
      return isBuffer && 'data' in value ? Buffer.from(value.data as number[]).toString('latin1') : value;
    }),
  );
}

/** Calls, and tells the response or how it failed. */
async function outcome<Q, R>(client: Client, method: Method<Q, R>, request: Q): Promise<unknown> {
  return client.call(method, request).catch(() => client.failure(method, request));
}

/** Waits until a call is in the queue for a name: it has put its key. */
async function untilQueued(client: Client, lease: string): Promise<void> {
  for (;;) {
    const {count} = await client.call(range, {key: Buffer.from(`name/${lease}`)});
    if (count === 1) return;
  }
}

describeWithEtcd('locks', () => {
  it('are had by one lease at a time, in the order in which they were asked for', () =>
    same(async (client, tell) => {
      const first = await client.call(lock, {name, lease: mine});
      tell(first);
      tell(await client.call(lock, {name, lease: mine}));
      const second = client.call(lock, {name, lease: yours});
      await untilQueued(client, yours);
      const third = client.call(lock, {name, lease: hers});
      await untilQueued(client, hers);
      tell(await client.call(unlock, {key: first.key}));
      const {key} = await second;
      tell(key);
      tell(await client.call(range, {key: Buffer.from('name/'), rangeEnd: Buffer.from('name0')}));
      // The lease ends, and with it the lock.
      await client.call(leaseRevoke, {id: yours});
      tell((await third).key);
    }));

  it('are refused in the words of etcd', () =>
    same(async (client, tell) => {
      tell(await outcome(client, lock, {name, lease: '99'}));
      tell(await outcome(client, unlock, {}));
      tell(await outcome(client, unlock, {key: Buffer.from('absent')}));
      // Names are bytes, and may be empty.
      tell(await outcome(client, lock, {name: Buffer.from([0xff, 0xfe]), lease: mine}));
      tell(await outcome(client, lock, {lease: mine}));
    }));

  it('that are no longer waited for leave nothing behind', () =>
    same(async (client, tell) => {
      await client.call(lock, {name, lease: mine});
      const {stream, ended, send} = client.open(lock);
      send({name, lease: yours});
      stream.end();
      await untilQueued(client, yours);
      stream.close(8);
      await ended;
      for (let count = 1; count > 0;) {
        ({count} = await client.call(range, {key: Buffer.from('name/2b')}));
      }
      tell(await client.call(range, {key: Buffer.from('name/'), rangeEnd: Buffer.from('name0')}));
    }));

  it('have a lease of their own if they are given none', async () => {
    for (const client of clients) {
      const {key} = await client.call(lock, {name});
      const {kvs} = await client.call(range, {key});
      expect(Buffer.from(key).toString()).toBe(`name/${kvs[0]?.lease}`);
      expect(kvs[0]?.lease).not.toBe('0');
    }
  });
});

describeWithEtcd('elections', () => {
  it('have one leader at a time, who proclaims and resigns', () =>
    same(async (client, tell) => {
      tell(await outcome(client, leader, {name}));
      const {leader: first} = await client.call(campaign, {name, lease: mine, value: Buffer.from('me')});
      tell(first);
      tell(await client.call(leader, {name}));
      const second = client.call(campaign, {name, lease: yours, value: Buffer.from('you')});
      await untilQueued(client, yours);
      tell(await client.call(proclaim, {leader: first, value: Buffer.from('still me')}));
      tell(await client.call(leader, {name}));
      tell(await client.call(resign, {leader: first}));
      const {header, leader: next} = await second;
      tell([header, next]);
      tell(await outcome(client, proclaim, {leader: first, value: Buffer.from('not me')}));
      // Resigning twice does no harm.
      tell(await client.call(resign, {leader: first}));
      tell(await client.call(leader, {name}));
      // Again under the same lease, with another value: that is a proclamation.
      tell(await client.call(campaign, {name, lease: yours, value: Buffer.from('you')}));
      tell(await client.call(campaign, {name, lease: yours, value: Buffer.from('you again')}));
      tell(await client.call(leader, {name}));
    }));

  it('refuse in the words of etcd', () =>
    same(async (client, tell) => {
      tell(await outcome(client, campaign, {name, lease: '99'}));
      tell(await outcome(client, proclaim, {value: Buffer.from('v')}));
      tell(await outcome(client, resign, {}));
      tell(await outcome(client, proclaim, {leader: {}, value: Buffer.from('v')}));
      tell(await outcome(client, resign, {leader: {}}));
      const {leader: own} = await client.call(campaign, {name, lease: mine});
      tell(await outcome(client, proclaim, {leader: {...own, lease: '99'}}));
      tell(await outcome(client, proclaim, {leader: {...own, rev: 1}}));
      tell(await outcome(client, proclaim, {leader: own, value: Buffer.alloc(1_600_000)}));
    }));

  it('tell observers of each leader and of all that it proclaims', () =>
    same(async (client, tell) => {
      const early = client.open(observe);
      early.send({name});
      early.stream.end();
      // The observer of an etcd answers nothing yet; what it is told first is who leads, in any case.
      const {leader: first} = await client.call(campaign, {name, lease: mine, value: Buffer.from('1')});
      tell((await early.next()).kv);
      await client.call(proclaim, {leader: first, value: Buffer.from('2')});
      tell(await early.next());
      const late = client.open(observe);
      late.send({name});
      late.stream.end();
      tell(await late.next());
      const second = client.call(campaign, {name, lease: yours, value: Buffer.from('3')});
      await untilQueued(client, yours);
      await client.call(resign, {leader: first});
      await second;
      tell((await early.next()).kv);
      tell((await late.next()).kv);
      await client.call(deleteRange, {key: Buffer.from('name/'), rangeEnd: Buffer.from('name0')});
      await client.call(put, {key: Buffer.from('name/someone'), value: Buffer.from('4')});
      tell((await early.next()).kv);
      for (const {stream} of [early, late]) stream.close(8);
    }));
});

it('tells a client whose lease ended while it waited for a lock', async () => {
  const client = connectClient(server.url);
  clients.push(client);
  for (const id of [mine, yours]) await client.call(leaseGrant, {ttl: 100, id});
  const {key} = await client.call(lock, {name, lease: mine});
  const second = client.failure(lock, {name, lease: yours});
  await untilQueued(client, yours);
  await client.call(leaseRevoke, {id: yours});
  await client.call(unlock, {key});
  // As from an etcd since 3.5. One before says that the lock is held.
  expect(await second).toEqual({code: 2, details: 'mutex: session is expired'});
});

it('ends waits, and lets go of what waits, when it closes', async () => {
  const client = connectClient(server.url);
  clients.push(client);
  for (const id of [mine, yours]) await client.call(leaseGrant, {ttl: 100, id});
  await client.call(lock, {name, lease: mine});
  const second = client.failure(lock, {name, lease: yours});
  const observer = client.open(observe);
  observer.send({name: Buffer.from('other')});
  await untilQueued(client, yours);
  await server.close();
  expect(await second).toEqual({code: 14, details: 'etcdserver: server stopped'});
  expect(await observer.ended).toEqual({code: 14, details: 'etcdserver: server stopped'});
  expect(server.store.watchCount).toBe(0);
  expect(Object.keys(server.store.dump())).toHaveLength(1);
});
