/** How much goes out, and comes in, at a time. */
import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {startServer, type TestServer} from 'kvi-server/testing';
import {grpcCode, prefixed, put, range} from 'kvi-wire';
import {block, data, flag, frameType, headers, setting, settings, windowUpdate} from './support/frames.ts';
import {connectRaw, expectServed, type RawClient} from './support/raw-client.ts';

const defaultWindow = 65_535;
const maxWindow = 2 ** 31 - 1;
const wide = settings([setting.window, maxWindow]);
const largeBytes = 300_000;
const large = Buffer.from('large');
const small = Buffer.from('small');

let server: TestServer;
beforeEach(async () => {
  server = await startServer({limits: {maxUnreadBytes: 1024 * 1024}});
  const driver = server.store.driver();
  await driver.txn({success: [{type: 'put', key: large, value: Buffer.alloc(largeBytes, 'x')}]});
  await driver.txn({success: [{type: 'put', key: small, value: Buffer.alloc(100, 'y')}]});
  await driver.close();
});
afterEach(async () => {
  const other = await connectRaw(server);
  await expectServed(other);
  other[Symbol.dispose]();
  await server.close();
});

/** Waits until a stream was sent as much of its body, and then no more. */
async function expectBody(client: RawClient, id: number, bytes: number): Promise<void> {
  const sent = (): number =>
    client.frames
      .filter((frame) => frame.id === id && frame.type === frameType.data)
      .reduce((sum, {payload}) => sum + payload.length, 0);
  await client.frame((frame) => frame.id === id && sent() >= bytes);
  await client.sync();
  expect(sent()).toBe(bytes);
}

describe('a response', () => {
  it('waits for the window of its stream', async () => {
    using client = await connectRaw(server);
    client.send(windowUpdate(0, 1_000_000));
    const id = client.request(range, {key: large});
    await expectBody(client, id, defaultWindow);
    client.send(windowUpdate(id, 1));
    await expectBody(client, id, defaultWindow + 1);
    const next = client.request(range, {key: small});
    await client.result(range, next);
    client.send(windowUpdate(id, largeBytes));
    const {status, message} = await client.result(range, id);
    expect(status).toMatchObject({code: 0});
    expect(message?.kvs[0]?.value).toHaveLength(largeBytes);
    expect(client.frames.every(({payload}) => payload.length <= 16_384)).toBe(true);
  });

  it('waits for settings that widen the window', async () => {
    using client = await connectRaw(server, settings([setting.window, 0]));
    client.send(windowUpdate(0, 1_000_000));
    const ids = [large, small, large].map((key) => client.request(range, {key}));
    for (const id of ids) await expectBody(client, id, 0);
    client.send(settings([setting.window, 10]));
    for (const id of ids) await expectBody(client, id, 10);
    client.send(settings([setting.window, 20], [setting.window, 15]));
    for (const id of ids) await expectBody(client, id, 15);
    client.send(wide);
    for (const id of ids) expect((await client.result(range, id)).status).toMatchObject({code: 0});
  });

  it('waits while its window is less than nothing', async () => {
    using client = await connectRaw(server);
    client.send(windowUpdate(0, 1_000_000));
    const id = client.request(range, {key: large});
    await expectBody(client, id, defaultWindow);
    client.send(settings([setting.window, 0]));
    client.send(windowUpdate(id, defaultWindow));
    await expectBody(client, id, defaultWindow);
    client.send(windowUpdate(id, 5));
    await expectBody(client, id, defaultWindow + 5);
    client.send(settings([setting.window, 7]));
    await expectBody(client, id, defaultWindow + 12);
    client.send(wide);
    expect((await client.result(range, id)).status).toMatchObject({code: 0});
  });

  it('that has nothing to send any more ends while its window is less than nothing', async () => {
    using client = await connectRaw(server);
    // In JSON, a stream ends without trailers.
    const [id, next] = [1, 3];
    const path = '/v3/lease/keepalive';
    client.send(headers(id, block([':method', 'POST'], [':scheme', 'http'], [':path', path])));
    client.send(data(id, Buffer.from('{"ID": 1}')));
    await client.frame((frame) => frame.id === id && frame.type === frameType.data);
    client.send(settings([setting.window, 0]));
    await client.sync();
    client.send(data(id, Buffer.alloc(0), flag.endStream));
    const {headers: got, body} = await client.response(id);
    expect(got).toMatchObject({':status': '200'});
    expect(client.frames.filter((frame) => frame.id === id && frame.type === frameType.data)).toHaveLength(2);
    // And what is open on the connection is no more than before.
    client.send(
      headers(
        next,
        block(
          [':method', 'POST'],
          [':scheme', 'http'],
          [':path', range.path],
          ['content-type', 'application/grpc'],
        ),
      ),
    );
    client.send(
      data(next, prefixed(range.encode({key: large})), flag.endStream),
      windowUpdate(next, largeBytes * 2),
    );
    await expectBody(client, next, defaultWindow - body.length);
  });

  it('waits for the window of the connection, by turns with others', async () => {
    using client = await connectRaw(server, wide);
    const first = client.request(range, {key: large});
    const second = client.request(range, {key: large});
    const third = client.request(range, {key: small});
    await expectBody(client, first, defaultWindow);
    await expectBody(client, second, 0);
    // What needs no window goes out meanwhile.
    const missing = client.request(range, {});
    expect((await client.result(range, missing)).status).toMatchObject({code: grpcCode.invalidArgument});
    client.send(windowUpdate(0, 3 * 16_384));
    await client.result(range, third);
    await client.sync();
    expect(client.frames.some(({id, type}) => id === second && type === frameType.data)).toBe(true);
    expect(client.bodyBytes).toBe(defaultWindow + 3 * 16_384);
    client.send(windowUpdate(0, 2 * largeBytes));
    await client.result(range, first);
    await client.result(range, second);
  });

  it('that is small is not held up by a large one', async () => {
    using client = await connectRaw(server, wide);
    client.send(windowUpdate(0, maxWindow - defaultWindow));
    const first = client.request(range, {key: large});
    const second = client.request(range, {key: small});
    await Promise.all([client.result(range, first), client.result(range, second)]);
    const endOf = (id: number): number => client.frames.findLastIndex((frame) => frame.id === id);
    expect(endOf(second)).toBeLessThan(endOf(first));
  });

  it('goes out to many who take little', async () => {
    using client = await connectRaw(server, wide);
    const ids = Array.from({length: 1_000}, () => client.request(range, {key: small}));
    await client.frame(() => client.bodyBytes >= defaultWindow);
    await client.sync();
    expect(client.bodyBytes).toBe(defaultWindow);
    client.send(...Array.from({length: 5_000}, () => windowUpdate(0, 1)));
    await client.sync();
    expect(client.bodyBytes).toBe(defaultWindow + 5_000);
    client.send(
      ...Array.from({length: 5_000}, () => settings([setting.window, 0], [setting.window, maxWindow])),
    );
    client.send(windowUpdate(0, 1_000_000));
    for (const id of ids) expect((await client.result(range, id)).status).toMatchObject({code: 0});
  });

  it('is none to a client that takes nothing', async () => {
    using client = await connectRaw(server, settings([setting.window, 0]));
    const ids: number[] = [];
    for (let n = 0; n < 10; n += 1) {
      const id = client.request(range, {key: large});
      ids.push(id);
      await client.frame((frame) => frame.id === id);
    }
    const refusal = {code: grpcCode.resourceExhausted, details: 'kvi-server: the client takes no responses'};
    // Those fill what may wait.
    for (const id of ids.slice(4)) expect((await client.result(range, id)).status).toEqual(refusal);
    client.send(windowUpdate(0, 10 * largeBytes), wide);
    for (const id of ids.slice(0, 4))
      expect((await client.result(range, id)).status).toMatchObject({code: 0});
    await expectServed(client);
  });

  it('counts also if it is nothing but headers', async () => {
    using client = await connectRaw(server);
    client.socket.pause();
    const path = `/${'\xe9'.repeat(4_000)}/X`;
    const ids = Array.from({length: 2_000}, () => client.open(path));
    await new Promise<void>((resolve) => client.socket.write(Buffer.alloc(0), () => resolve()));
    client.socket.resume();
    const codes = new Set<number | undefined>();
    for (const id of ids) codes.add((await client.result(range, id)).status?.code);
    expect([...codes]).toEqual([grpcCode.unimplemented, grpcCode.resourceExhausted]);
    await expectServed(client);
  });

  it('whose stream is reset leaves room', async () => {
    using client = await connectRaw(server, wide);
    const ids = Array.from({length: 3}, () => client.request(range, {key: large}));
    await client.sync();
    client.send(windowUpdate(0, 1));
    const [first = 0, second = 0, third = 0] = ids;
    client.socket.write(Buffer.concat([first, second].map((id) => headers(id, Buffer.alloc(0)))));
    await client.response(first);
    await client.response(second);
    client.send(windowUpdate(0, largeBytes * 2));
    expect((await client.result(range, third)).status).toMatchObject({code: 0});
  });
});

describe('a request', () => {
  it('is as large as the window and larger, beside others', async () => {
    await using roomy = await startServer();
    using client = await connectRaw(roomy);
    const value = Buffer.alloc(1_500_000, 'z');
    const message = prefixed(put.encode({key: large, value}));
    const ids = [1, 2, 3, 4].map(() => client.open(put.path));
    for (let at = 0; at < message.length; at += 16_384) {
      const isLast = at + 16_384 >= message.length;
      for (const id of ids) {
        client.send(data(id, message.subarray(at, at + 16_384), isLast ? flag.endStream : flag.none));
      }
      await client.sync();
    }
    for (const id of ids) expect((await client.result(put, id)).status).toMatchObject({code: 0});
    // The client was told of each byte that it may send again.
    const grown = (id: number): number =>
      client.frames
        .filter((frame) => frame.id === id && frame.type === frameType.windowUpdate)
        .reduce((sum, {number}) => sum + number, 0);
    for (const id of ids) expect(grown(id)).toBeGreaterThan(message.length - 1024 * 1024);
    expect(grown(0)).toBeGreaterThan(4 * message.length - 65_535 - 16_384);
  });
});
