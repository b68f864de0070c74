// What Kubernetes' storage layer asks of an etcd, beside one: the same calls, the same answers but for ids.
import {afterEach, beforeEach, expect, it} from '@jest/globals';
import {startServer, type TestServer} from 'kvi-server/testing';
import {describeWithEtcd, type Etcd, startEtcd} from 'kvi-testbed';
import {compact, deleteRange, leaseGrant, put, range, txn, type WatchMessage} from 'kvi-wire';
import {type Client, connectClient} from './support/client.ts';

let etcd: Etcd;
let server: TestServer;
let clients: Client[];
beforeEach(async () => {
  [etcd, server] = await Promise.all([
    startEtcd(),
    startServer({storeOptions: {minTtlSeconds: 1}, limits: {minLeaseTtlSeconds: 1}}),
  ]);
  clients = [connectClient(etcd.url), connectClient(server.url)];
});
afterEach(async () => {
  for (const client of clients) await client[Symbol.asyncDispose]();
  await Promise.all([etcd.stop(), server.close()]);
});

const noKey = Buffer.alloc(0);
const bytes = (text: string): Buffer => Buffer.from(text);
const prefix = '/registry/pods/';
const pods = {key: bytes(prefix), rangeEnd: bytes('/registry/pods0')};
const pod = (name: string) => bytes(`${prefix}default/${name}`);

/** Which cluster it is. */
const ids = new Set(['clusterId', 'memberId', 'raftTerm']);

/** Plays the same on an etcd and on the server, and compares what is told. */
async function same(play: (client: Client, tell: (what: unknown) => void) => Promise<void>): Promise<void> {
  const told = await Promise.all(
    clients.map(async (client) => {
      const all: unknown[] = [];
      await play(client, (what) => all.push(what));
      return JSON.parse(JSON.stringify(all), (name, value: unknown) =>
        ids.has(name) ? 'ID' : value,
      ) as unknown;
    }),
  );
  expect(told[1]).toEqual(told[0]);
}

/** Creates a key that does not exist. There is no failure branch. */
function create(client: Client, key: Buffer, value: string, lease = '0') {
  return client.call(txn, {
    compare: [{key, target: 'mod', result: '=', modRevision: 0}],
    success: [{put: {key, value: bytes(value), lease}}],
  });
}

/** Updates a key that is as it was read; otherwise it is told what it is now. */
function update(client: Client, key: Buffer, modRevision: number, value: string) {
  return client.call(txn, {
    compare: [{key, target: 'mod', result: '=', modRevision}],
    success: [{put: {key, value: bytes(value)}}],
    failure: [{range: {key}}],
  });
}

describeWithEtcd('the storage of Kubernetes', () => {
  it('creates, reads, updates and deletes', () =>
    same(async (client, tell) => {
      tell(await create(client, pod('a'), '1'));
      tell(await create(client, pod('a'), 'again'));
      const {kvs} = await client.call(range, {key: pod('a'), limit: 1});
      tell(kvs);
      const read = kvs[0]?.modRevision ?? 0;
      tell(await update(client, pod('a'), read, '2'));
      tell(await update(client, pod('a'), read, 'too late'));
      const remove = (modRevision: number) =>
        client.call(txn, {
          compare: [{key: pod('a'), target: 'mod', result: '=', modRevision}],
          success: [{deleteRange: {key: pod('a'), prevKv: true}}],
          failure: [{range: {key: pod('a')}}],
        });
      tell(await remove(read));
      tell(await remove(read + 1));
      tell(await remove(read + 1));
      tell(await client.call(range, {key: pod('a'), limit: 1}));
      await client.call(leaseGrant, {ttl: 100, id: '77'});
      tell(await create(client, bytes('/registry/events/default/e'), 'with a TTL', '77'));
    }));

  it('lists in pages of one revision, and counts', () =>
    same(async (client, tell) => {
      for (let n = 0; n < 7; n += 1) await create(client, pod(`p${n}`), String(n));
      const first = await client.call(range, {...pods, limit: 3});
      tell(first);
      await create(client, pod('p00'), 'comes later');
      await client.call(deleteRange, {key: pod('p5')});
      const revision = first.header?.revision;
      let key = Buffer.concat([first.kvs.at(-1)?.key ?? noKey, Buffer.of(0)]);
      for (let more = true; more;) {
        const page = await client.call(range, {...pods, key, limit: 3, revision});
        tell(page);
        ({more} = page);
        key = Buffer.concat([page.kvs.at(-1)?.key ?? noKey, Buffer.of(0)]);
      }
      tell(await client.call(range, {...pods, countOnly: true}));
      await client.call(compact, {revision: (revision ?? 0) + 1});
      tell(await client.failure(range, {...pods, key, limit: 3, revision}));
    }));

  it('compacts by turns, by the version of a key', () =>
    same(async (client, tell) => {
      const key = bytes('compact_rev_key');
      const turn = (version: number, value: string) =>
        client.call(txn, {
          compare: [{key, target: 'version', result: '=', version}],
          success: [{put: {key, value: bytes(value)}}],
          failure: [{range: {key}}],
        });
      tell(await turn(0, '1'));
      tell(await turn(0, 'another server'));
      for (let n = 0; n < 3; n += 1) await client.call(put, {key: pod('a')});
      tell(await turn(1, '4'));
      tell(await client.call(compact, {revision: 4}));
      tell(await client.failure(compact, {revision: 4}));
    }));

  it('watches with what was there before, and is told how far it has got', () =>
    same(async (client, tell) => {
      await create(client, pod('a'), '1');
      const {header} = await client.call(range, {...pods, limit: 1});
      const revision = header?.revision ?? 0;
      const stream = client.watch();
      stream.send({create: {...pods, startRevision: revision + 1, prevKv: true, progressNotify: true}});
      tell(await stream.next());
      await update(client, pod('a'), revision, '2');
      await client.call(deleteRange, {key: pod('a')});
      await create(client, pod('b'), '3');
      const events: WatchMessage['events'] = [];
      while (events.length < 3) events.push(...(await stream.next()).events);
      tell(events);
      // Bookmarks, also while others write elsewhere.
      await client.call(put, {key: bytes('/registry/other/a')});
      stream.send({progress: {}});
      let bookmark = await stream.next();
      while (bookmark.events.length > 0) bookmark = await stream.next();
      tell([bookmark.watchId, bookmark.header?.revision]);
      stream.stream.close(8);
      await client.call(compact, {revision: revision + 2});
      const late = client.watch();
      late.send({create: {...pods, startRevision: revision}});
      const {watchId, created} = await late.next();
      const {canceled, compactRevision} = await late.next();
      tell([watchId, created, canceled, compactRevision]);
      late.stream.close(8);
    }));
});
