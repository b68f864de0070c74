/** What a client can have the server do and keep. */
import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {serve, type ServeOptions, type ServerHandle} from 'kvi-server';
import {grpcCode, leaseGrant, leaseKeepAlive, lock, prefixed, put, range, watch} from 'kvi-wire';
import {
  block,
  code,
  data,
  flag,
  frame,
  frameType,
  headers,
  ping,
  reset,
  setting,
  settings,
  windowUpdate,
} from './support/frames.ts';
import {SlowDriver, slowKey} from './support/slow-driver.ts';
import {connectRaw, expectServed, openWatch, type RawClient} from './support/raw-client.ts';

const key = Buffer.from('k');

let slow: SlowDriver;
let server: ServerHandle;
beforeEach(() => {
  slow = new SlowDriver();
});
afterEach(async () => {
  slow.letGo();
  await server.close();
  expect(slow.store.watchCount).toBe(0);
  await slow.close();
});

async function start(options: ServeOptions = {}): Promise<void> {
  server = await serve(slow.driver, {listen: '127.0.0.1:0', ...options});
}

/** Sends again and again, and reads nothing, until the connection is gone. */
async function flood({socket, closed}: RawClient, bytes: Buffer): Promise<void> {
  socket.pause();
  const many = Buffer.concat(Array.from({length: Math.ceil(100_000 / bytes.length)}, () => bytes));
  while (!socket.destroyed) {
    if (socket.write(many)) await new Promise(setImmediate);
    else await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
  }
}

describe('a client that floods', () => {
  const call = block(
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', range.path],
    ['content-type', 'application/grpc'],
  );

  it.each([
    ['pings', ping()],
    ['settings', settings()],
    ['settings for many streams', settings([setting.window, 1], [setting.window, 0])],
    ['data that has no stream any more', headers(1, call)],
  ])('with %s, and reads nothing, loses its connection', async (_, bytes) => {
    await start({limits: {keepaliveTimeoutMs: 100}});
    using other = await connectRaw(server);
    using client = await connectRaw(server);
    client.request(range, {key});
    await client.sync();
    await flood(client, bytes);
    await expectServed(other);
  });

  it('is told that it does', async () => {
    await start();
    using client = await connectRaw(server);
    client.socket.pause();
    const many = Buffer.concat(Array.from({length: 1_000_000}, () => ping()));
    await new Promise<void>((resolve) => client.socket.write(many, () => resolve()));
    client.socket.resume();
    expect(await client.goaway()).toBe(code.calm);
    await client.closed;
  });

  it('with what needs no answer is heard', async () => {
    await start();
    using client = await connectRaw(server);
    const id = await openWatch(client);
    const each = Buffer.concat([
      data(id, Buffer.alloc(0)),
      frame(frameType.priority, 0, id, Buffer.alloc(5)),
      frame(99, 0, id),
      windowUpdate(id, 1),
      windowUpdate(0, 1),
      frame(frameType.ping, flag.ack, 0, Buffer.alloc(8)),
      frame(frameType.settings, flag.ack, 0),
    ]);
    client.send(...Array.from({length: 10_000}, () => each));
    await client.sync();
    await expectServed(client);
  });
});

describe('a client that cancels calls', () => {
  it('is served, however many they are', async () => {
    await start();
    using client = await connectRaw(server);
    for (let n = 0; n < 20; n += 1) {
      for (let i = 0; i < 1_000; i += 1) client.send(reset(client.request(range, {key})));
      await client.sync();
    }
    await expectServed(client);
    expect(client.frames.some(({type}) => type === frameType.reset)).toBe(false);
  });

  it.each<[name: string, end: (id: number) => Buffer]>([
    ['cancels them', (id) => reset(id)],
    // CVE-2025-8671
    ['has the server reset them', (id) => windowUpdate(id, 0)],
  ])('has no more under way than it may have, if it %s', async (_, end) => {
    await start({limits: {maxConcurrentStreams: 10}});
    using client = await connectRaw(server);
    using other = await connectRaw(server);
    await expectServed(client);
    const ids = Array.from({length: 30}, () => {
      const id = client.request(range, {key: slowKey});
      client.send(end(id));
      return id;
    });
    await client.sync();
    expect(slow.waiting).toHaveLength(10);
    expect(slow.waiting.every(({signal}) => signal?.aborted)).toBe(true);
    for (const id of ids.slice(10)) expect(await client.response(id)).toMatchObject({reset: code.refused});
    await expectServed(other);
    slow.letGo();
    await expectServed(client);
  });

  it('in JSON has no more under way than it may have', async () => {
    await start({limits: {maxConcurrentStreams: 3}});
    using client = await connectRaw(server);
    const json = block([':method', 'POST'], [':scheme', 'http'], [':path', '/v3/kv/range']);
    const body = Buffer.from(JSON.stringify({key: slowKey.toString('base64')}));
    for (let id = 1; id < 20; id += 2) {
      client.send(headers(id, json), data(id, body, flag.endStream));
      // Some are cancelled before their body has been read.
      if (id > 1) await client.sync();
      client.send(reset(id));
    }
    await client.sync();
    expect(slow.waiting.length).toBeLessThanOrEqual(3);
    slow.letGo();
    await client.sync();
    const last = 99;
    client.send(headers(last, json), data(last, Buffer.from('{"key": "aw=="}'), flag.endStream));
    expect(await client.response(last)).toMatchObject({headers: {':status': '200'}, reset: undefined});
  });

  it('waits for none of those that who may do what is asked for', async () => {
    let asked = 0;
    let allow: (() => void) | undefined;
    const allowed = new Promise<void>((resolve) => (allow = resolve));
    await start({
      limits: {maxConcurrentStreams: 5},
      authorize: () => {
        asked += 1;
        return allowed.then(() => slow.driver);
      },
    });
    using client = await connectRaw(server);
    for (let n = 0; n < 10; n += 1) client.send(reset(client.request(range, {key})));
    await client.sync();
    expect(asked).toBe(5);
    allow?.();
    await client.sync();
    await expectServed(client);
  });

  it('of locks has no more under way than it may have', async () => {
    await start({limits: {maxConcurrentStreams: 2}});
    using client = await connectRaw(server);
    const granted = await client.result(leaseGrant, client.request(leaseGrant, {ttl: 60, id: '7'}));
    expect(granted.status).toMatchObject({code: 0});
    for (let n = 0; n < 10; n += 1) {
      client.send(reset(client.request(lock, {name: slowKey, lease: '7'})));
      await client.sync();
    }
    expect(slow.waiting).toHaveLength(2);
    slow.letGo();
    await client.sync();
    await expectServed(client);
  });

  it('that has failed stops it in the store', async () => {
    await start();
    using client = await connectRaw(server);
    const id = client.open(range.path);
    const message = prefixed(range.encode({key: slowKey}));
    client.send(data(id, message));
    await client.sync();
    expect(slow.waiting).toMatchObject([{signal: {aborted: false}}]);
    client.send(data(id, message));
    expect((await client.result(range, id)).status).toEqual({
      code: grpcCode.internal,
      details: 'more than one request',
    });
    expect(slow.waiting).toMatchObject([{signal: {aborted: true}}]);
  });
});

describe('streams', () => {
  it('are refused when there are too many', async () => {
    await start({limits: {maxConcurrentStreams: 2}});
    using client = await connectRaw(server);
    const first = await openWatch(client);
    await openWatch(client);
    const refused = client.request(range, {key});
    expect(await client.response(refused)).toMatchObject({reset: code.refused});
    client.send(reset(first));
    await client.sync();
    await expectServed(client);
  });

  it('that ask together for more than may wait are answered as far as it may', async () => {
    await start({limits: {maxUnreadBytes: 1_000_000}});
    using client = await connectRaw(server, settings([setting.window, 2 ** 31 - 1]));
    const value = Buffer.alloc(200_000);
    await slow.driver.txn({success: [{type: 'put', key, value}]});
    client.socket.cork();
    const ids = Array.from({length: 50}, () => client.request(range, {key}));
    client.socket.uncork();
    await client.sync();
    client.send(windowUpdate(0, 2 ** 30));
    const results = await Promise.all(ids.map((id) => client.result(range, id)));
    const codes = results.map(({status}) => status?.code);
    const answered = codes.filter((each) => each === grpcCode.ok).length;
    // One that was there already, and one more than fit.
    expect(answered).toBeLessThanOrEqual(7);
    expect(answered).toBeGreaterThanOrEqual(5);
    // Those that were made and not answered are not told as refused.
    expect(codes.filter((each) => each === grpcCode.unavailable)).toHaveLength(50 - answered);
  });

  it('whose requests do not come whole hold no more than may wait', async () => {
    await start({limits: {maxUnreadBytes: 10_000, maxRequestBytes: 1_000_000}});
    using client = await connectRaw(server);
    // Nearly all that may wait, which is a little more than one request.
    const message = prefixed(put.encode({key: Buffer.from('large'), value: Buffer.alloc(990_000)}));
    const [first, second] = [client.open(put.path), client.open(put.path)];
    const send = (id: number, from: number, to: number, flags?: number): void => {
      for (let at = from; at < to; at += 10_000) {
        client.send(data(id, message.subarray(at, Math.min(to, at + 10_000)), at + 10_000 < to ? 0 : flags));
      }
    };
    send(first, 0, 800_000);
    send(second, 0, 800_000);
    const tooMuch = {
      code: grpcCode.resourceExhausted,
      details: 'kvi-server: the client sends too many requests at once',
    };
    expect((await client.result(put, second)).status).toEqual(tooMuch);
    send(first, 800_000, message.length, flag.endStream);
    expect((await client.result(put, first)).status).toMatchObject({code: 0});
    await expectServed(client);
  });

  it('hold no more than may wait until it is known who may do what', async () => {
    let allow: (() => void) | undefined;
    const allowed = new Promise<void>((resolve) => (allow = resolve));
    await start({
      limits: {maxUnreadBytes: 10_000, maxRequestBytes: 1},
      authorize: () => allowed.then(() => slow.driver),
    });
    using client = await connectRaw(server);
    const [first, second, third] = [
      client.open(watch.path),
      client.open(watch.path),
      client.open(watch.path),
    ];
    const create = prefixed(watch.encode({create: {key}}));
    client.send(data(first, create), data(third, create));
    for (let n = 0; n < 100; n += 1)
      client.send(data(second, Buffer.concat(Array.from({length: 100}, () => create))));
    expect((await client.result(watch, second)).status).toMatchObject({code: grpcCode.resourceExhausted});
    allow?.();
    for (const id of [first, third])
      await client.frame((each) => each.id === id && each.type === frameType.data);
    client.send(reset(first), reset(third));
    await client.sync();
  });

  it('of JSON hold no more than may wait until it is known who may do what', async () => {
    let allow: (() => void) | undefined;
    const allowed = new Promise<void>((resolve) => (allow = resolve));
    await start({limits: {maxRequestBytes: 1_000}, authorize: () => allowed.then(() => slow.driver)});
    using client = await connectRaw(server);
    const json = block([':method', 'POST'], [':scheme', 'http'], [':path', '/v3/watch']);
    client.send(headers(1, json), headers(3, json));
    for (let n = 0; n < 100; n += 1) client.send(data(1, Buffer.alloc(16_000)));
    expect(await client.response(1)).toMatchObject({reset: code.calm});
    client.send(data(3, Buffer.from('{"create_request": {"key": "aw=="}}')));
    allow?.();
    await client.frame((each) => each.id === 3 && each.type === frameType.data);
    client.send(reset(3));
    await client.sync();
  });

  it('of JSON end when their client asks and takes no answers', async () => {
    await start({limits: {maxUnreadBytes: 10_000}});
    using client = await connectRaw(server, settings([setting.window, 0]));
    client.send(
      headers(1, block([':method', 'POST'], [':scheme', 'http'], [':path', '/v3/lease/keepalive'])),
    );
    for (let n = 0; n < 20; n += 1) {
      client.send(data(1, Buffer.from('{"ID": 1}'.repeat(100))));
      await client.sync();
    }
    client.send(settings([setting.window, 2 ** 31 - 1]));
    const {body} = await client.response(1);
    expect(body.toString()).toContain('the client takes no responses');
    expect(body.length).toBeLessThan(100_000);
  });

  it.each([
    ['of leases', leaseKeepAlive.path, leaseKeepAlive.encode({id: '1'})],
    ['of watches', watch.path, watch.encode({create: {key, rangeEnd: Buffer.from('a')}})],
  ])('%s end when their client asks and takes no answers', async (_, path, request) => {
    await start({limits: {maxUnreadBytes: 10_000}});
    using client = await connectRaw(server, settings([setting.window, 0]));
    const id = client.open(path);
    const message = prefixed(request);
    for (let n = 0; n < 100; n += 1) {
      client.send(data(id, Buffer.concat(Array.from({length: 100}, () => message))));
      await client.sync();
    }
    client.send(settings([setting.window, 2 ** 31 - 1]));
    const {headers: got, body} = await client.response(id);
    expect(got).toMatchObject({'grpc-status': String(grpcCode.resourceExhausted)});
    expect(body.length).toBeLessThan(50_000);
  });
});
