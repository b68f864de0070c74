import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {compact, deleteRange, prefixed, put, range, type WatchMessage} from 'kvi-wire';
import {startServer, type TestServer} from 'kvi-server/testing';
import {type Client, connectClient, type OpenStream} from './support/client.ts';

let server: TestServer;
let client: Client;
beforeEach(async () => {
  server = await startServer({limits: {progressNotifyIntervalMs: 20, maxRequestBytes: 1_000_000}});
  client = connectClient(server.url);
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await server.close();
});

const key = Buffer.from('k');
const all = {key: Buffer.of(0), rangeEnd: Buffer.of(0)};

async function write(value: string | Buffer, to = key): Promise<number> {
  const {header} = await client.call(put, {key: to, value: Buffer.from(value)});
  return header?.revision ?? 0;
}

function shown({watchId, created, canceled, compactRevision, cancelReason, events}: WatchMessage): string {
  if (created && canceled) return `${watchId} refused: ${cancelReason}`;
  if (created) return `${watchId} created`;
  if (canceled) return `${watchId} canceled ${compactRevision} ${cancelReason}`.trim();
  const changes = events.map(
    ({type, kv, prevKv}) => `${type} ${String(kv?.value)}${prevKv ? ` was ${String(prevKv.value)}` : ''}`,
  );
  return changes.length === 0 ? `${watchId} progress` : `${watchId} ${changes.join(', ')}`;
}

async function take(stream: Pick<OpenStream<never, WatchMessage>, 'next'>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) taken.push(shown(await stream.next()));
  return taken;
}

describe('a stream of watches', () => {
  it('numbers its watches from 0, and takes the ids that a client chooses', async () => {
    const stream = client.watch();
    for (const watchId of [0, 5, 0, 1, 0, 5]) stream.send({create: {key, watchId}});
    expect(await take(stream, 6)).toEqual([
      '0 created',
      '5 created',
      '1 created',
      '-1 refused: mvcc: duplicate watch ID provided on the WatchStream',
      '2 created',
      '-1 refused: mvcc: duplicate watch ID provided on the WatchStream',
    ]);
    const other = client.watch();
    other.send({create: {key}});
    expect(await take(other, 1)).toEqual(['0 created']);
  });

  it('tells of the past first, and of whole revisions', async () => {
    await write('1');
    await write('2');
    const stream = client.watch();
    stream.send({create: {key, startRevision: 2, prevKv: true}});
    expect(await take(stream, 2)).toEqual(['0 created', '0 put 1, put 2 was 1']);
    await write('3');
    expect(await take(stream, 1)).toEqual(['0 put 3 was 2']);
  });

  it('leaves out what is filtered', async () => {
    const stream = client.watch();
    stream.send({create: {...all, filters: ['noput']}});
    stream.send({create: {...all, filters: ['nodelete']}});
    // As clients in Go and Python send it: with its filters, `noput` and `nodelete`, in one piece.
    stream.stream.write(prefixed(Buffer.from('0a0a' + '0a0100' + '120100' + '2a020001', 'hex')));
    await take(stream, 3);
    await write('1');
    await client.call(deleteRange, {key});
    expect(await take(stream, 2)).toEqual(['1 put 1', '0 delete ']);
    expect(stream.waiting).toEqual([]);
  });

  it('cancels a watch once, and uses its id again', async () => {
    const stream = client.watch();
    stream.send({create: {key, watchId: 7}});
    stream.send({cancel: {watchId: 7}});
    stream.send({cancel: {watchId: 7}});
    stream.send({cancel: {watchId: 8}});
    stream.send({create: {key, watchId: 7}});
    expect(await take(stream, 3)).toEqual(['7 created', '7 canceled 0', '7 created']);
    expect(server.store.watchCount).toBe(1);
  });

  it('refuses what cannot be watched', async () => {
    const stream = client.watch();
    stream.send({create: {key: Buffer.from('b'), rangeEnd: Buffer.from('a')}});
    stream.send({create: {key, startRevision: -1}});
    expect(await take(stream, 2)).toEqual([
      '-1 refused: mvcc: watcher range is empty',
      '-1 refused: etcdserver: mvcc: required revision has been compacted',
    ]);
  });

  it('creates a watch of what was compacted away, and cancels it with the revision', async () => {
    for (const value of ['1', '2', '3']) await write(value);
    await client.call(compact, {revision: 3});
    const stream = client.watch();
    stream.send({create: {key, startRevision: 2}});
    expect(await take(stream, 2)).toEqual(['0 created', '0 canceled 3']);
    stream.send({create: {key, startRevision: 3, prevKv: true}});
    expect(await take(stream, 2)).toEqual(['1 created', '1 put 2, put 3 was 2']);
  });

  it('answers a request for progress once, when all of its watches are up to date', async () => {
    const stream = client.watch();
    stream.send({progress: {}});
    for (let n = 0; n < 3; n += 1) stream.send({create: {...all, startRevision: 1}});
    await take(stream, 3);
    const revision = await write('1');
    await take(stream, 3);
    stream.send({progress: {}});
    const answer = await stream.next();
    expect(answer).toMatchObject({
      watchId: -1,
      created: false,
      canceled: false,
      events: [],
      header: {revision},
    });
    // A watch of the future is up to date when the future is there.
    stream.send({create: {...all, watchId: 9, startRevision: revision + 2}});
    stream.send({progress: {}});
    expect(await take(stream, 1)).toEqual(['9 created']);
    await write('2');
    expect(await take(stream, 3)).toEqual(['0 put 2', '1 put 2', '2 put 2']);
  });

  it('tells a quiet watch of its progress, if it wants to know', async () => {
    const stream = client.watch();
    stream.send({create: {key, progressNotify: true, watchId: 3}});
    expect(await take(stream, 3)).toEqual(['3 created', '3 progress', '3 progress']);
  });

  it('splits what is too large for a client, and says which part is the last', async () => {
    const value = Buffer.alloc(400_000, 'v');
    for (let n = 0; n < 7; n += 1) await write(value, Buffer.from(`k${n}`));
    const stream = client.watch();
    stream.send({create: {...all, startRevision: 1, fragment: true}});
    await take(stream, 1);
    const parts = [await stream.next(), await stream.next(), await stream.next()];
    expect(parts.map(({events, fragment}) => [events.length, fragment])).toEqual([
      [3, true],
      [3, true],
      [1, false],
    ]);
    stream.send({create: {...all, startRevision: 1}});
    const [, whole] = [await stream.next(), await stream.next()];
    expect(whole.events).toHaveLength(7);
  });

  it('loses nothing when its client does not read, and keeps little of it', async () => {
    const store = server.store;
    await server.close();
    server = await startServer({store, limits: {maxWatchBacklogBytes: 100_000}});
    await client[Symbol.asyncDispose]();
    client = connectClient(server.url);
    const stream = client.watch();
    stream.send({create: {...all}});
    await take(stream, 1);
    stream.stream.pause();
    const writer = connectClient(server.url);
    const value = Buffer.alloc(50_000, 'v');
    const before = process.memoryUsage().arrayBuffers;
    for (let n = 0; n < 400; n += 1) await writer.call(put, {key, value});
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
    stream.stream.resume();
    const versions: number[] = [];
    while (versions.length < 400) {
      versions.push(...(await stream.next()).events.map(({kv}) => kv?.version ?? 0));
    }
    expect(versions).toEqual(Array.from({length: 400}, (_, n) => n + 1));
    await writer[Symbol.asyncDispose]();
  });

  it('goes on when its client has asked for all, and leaves nothing behind when it is gone', async () => {
    const stream = client.watch();
    stream.send({create: {key}});
    await take(stream, 1);
    stream.stream.end();
    await write('1');
    expect(await take(stream, 1)).toEqual(['0 put 1']);
    expect(server.store.watchCount).toBe(1);
    stream.stream.close(8);
    await stream.ended;
    // The server has heard of it before it answers another call.
    await client.call(range, {key});
    expect(server.store.watchCount).toBe(0);
  });

  it('has a limited number of watches', async () => {
    await using small = await startServer({limits: {maxWatchers: 2}});
    await using other = connectClient(small.url);
    const stream = other.watch();
    for (let n = 0; n < 3; n += 1) stream.send({create: {key}});
    stream.send({cancel: {watchId: 0}});
    stream.send({create: {key}});
    expect(await take(stream, 5)).toEqual([
      '0 created',
      '1 created',
      '-1 refused: kvi-server: too many watches (limit 2)',
      '0 canceled 0',
      '2 created',
    ]);
  });
});
