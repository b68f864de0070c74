/** What becomes of the streams of a connection. */
import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {startServer, type TestServer} from 'kvi-server/testing';
import {healthCheck, leaseKeepAlive, prefixed, put, range, watch} from 'kvi-wire';
import {
  block,
  callFields,
  code,
  continuation,
  data,
  type Field,
  flag,
  frameType,
  headers,
  padded,
  reset,
  windowUpdate,
} from './support/frames.ts';
import {connectRaw, expectServed, openWatch, type RawClient} from './support/raw-client.ts';

let server: TestServer;
let other: RawClient;
beforeEach(async () => {
  server = await startServer();
  other = await connectRaw(server);
});
afterEach(async () => {
  other[Symbol.dispose]();
  await server.close();
  expect(server.store.watchCount).toBe(0);
});

const key = Buffer.from('k');
const value = Buffer.from('v');
const call = block(...callFields(range.path));
const message = prefixed(range.encode({key}));
const noBytes = Buffer.alloc(0);

describe('a stream', () => {
  it.each<[name: string, code: number, send: (id: number) => Buffer[]]>([
    ['DATA after its end', code.streamClosed, (id) => [data(id, noBytes, flag.endStream), data(id, message)]],
    [
      'HEADERS after its end',
      code.streamClosed,
      (id) => [data(id, noBytes, flag.endStream), headers(id, call)],
    ],
    [
      'trailers after its end',
      code.streamClosed,
      (id) => [data(id, noBytes, flag.endStream), headers(id, call, flag.endHeaders | flag.endStream)],
    ],
    ['HEADERS that do not end it', code.protocol, (id) => [headers(id, call)]],
    ['a window that does not grow', code.protocol, (id) => [windowUpdate(id, 0)]],
    ['a window that is too large', code.flowControl, (id) => [windowUpdate(id, 2 ** 31 - 1)]],
  ])('is reset for %s', async (_, why, send) => {
    using client = await connectRaw(server);
    const watching = await openWatch(client);
    const id = await openWatch(client);
    expect(server.store.watchCount).toBe(2);
    client.send(...send(id));
    expect(await client.response(id)).toMatchObject({reset: why});
    await client.sync();
    expect(server.store.watchCount).toBe(1);
    await client.result(put, client.request(put, {key, value}));
    const event = await client.frame((each) => each.id === watching && each.payload.includes(value));
    expect(event.type).toBe(frameType.data);
    expect(client.frames.filter(({type}) => type === frameType.reset)).toHaveLength(1);
    expect(client.frames.some(({type}) => type === frameType.goaway)).toBe(false);
    await expectServed(other);
  });

  it.each<[name: string, ...fields: Field[]]>([
    ['without a method', [':scheme', 'http'], [':path', '/']],
    ['without a scheme', [':method', 'POST'], [':path', '/']],
    ['without a path', [':method', 'POST'], [':scheme', 'http']],
    ['with two paths', ...callFields('/'), [':path', '/']],
    ['with a pseudo-header of responses', [':status', '200'], ...callFields('/')],
    ['with an unknown pseudo-header', [':other', ''], ...callFields('/')],
    ['with a pseudo-header after others', ['a', 'b'], ...callFields('/')],
    ['with a name in upper case', ...callFields('/', ['A', 'b'])],
    ['with an empty name', ...callFields('/', ['', 'b'])],
    ['with a name with a space', ...callFields('/', ['a b', 'c'])],
    ['with a name beyond ASCII', ...callFields('/', ['\xe9', 'c'])],
    ['with a line break', ...callFields('/', ['a', 'b\r\nc'])],
    ['with a lone line feed', ...callFields('/', ['a', 'b\nc'])],
    ['with a zero byte', ...callFields('/', ['a', 'b\0c'])],
    ['with a line break in its path', ...callFields('/\n')],
    ['with a connection', ...callFields('/', ['connection', 'close'])],
    ['with a keep-alive', ...callFields('/', ['keep-alive', '1'])],
    ['with a proxy connection', ...callFields('/', ['proxy-connection', 'close'])],
    ['with a transfer encoding', ...callFields('/', ['transfer-encoding', 'chunked'])],
    ['with an upgrade', ...callFields('/', ['upgrade', 'h2c'])],
    ['with trailers that are none', ...callFields('/', ['te', 'gzip'])],
  ])('%s is reset', async (_, ...fields) => {
    using client = await connectRaw(server);
    client.send(headers(1, block(...fields)), data(1, message, flag.endStream));
    expect(await client.response(1)).toMatchObject({reset: code.protocol});
    client.send(headers(3, call), data(3, message, flag.endStream));
    expect((await client.result(range, 3)).status).toMatchObject({code: 0});
    expect(client.frames.filter(({type}) => type === frameType.reset)).toHaveLength(1);
  });

  it('begins with padding, priority and CONTINUATION', async () => {
    using client = await connectRaw(server);
    const piece = Buffer.concat([Buffer.alloc(5), call.subarray(0, 10)]);
    client.send(
      headers(1, padded(piece, 255), flag.padded | flag.priority),
      continuation(1, call.subarray(10, 20), flag.none),
      continuation(1, noBytes, flag.none),
      continuation(1, call.subarray(20)),
      data(1, message, flag.endStream),
    );
    expect((await client.result(range, 1)).status).toMatchObject({code: 0});
    // All padding, and nothing but the block.
    client.send(
      headers(3, padded(call, 0), flag.padded | flag.endHeaders),
      data(3, padded(message, 0), flag.padded | flag.endStream),
    );
    expect((await client.result(range, 3)).status).toMatchObject({code: 0});
  });

  it('may end with trailers', async () => {
    using client = await connectRaw(server);
    client.send(
      headers(1, call),
      data(1, message),
      headers(1, block(['some', 'trailer']), flag.endStream),
      continuation(1, block(['another', 'one'])),
    );
    expect((await client.result(range, 1)).status).toMatchObject({code: 0});
    client.send(headers(3, call), headers(3, noBytes, flag.endStream | flag.endHeaders));
    expect((await client.result(range, 3)).status).toEqual({code: 13, details: 'no request'});
    client.send(headers(5, call, flag.endStream | flag.endHeaders));
    expect((await client.result(range, 5)).status).toEqual({code: 13, details: 'no request'});
  });

  it('that has ended hears no more, and begins no second time', async () => {
    using client = await connectRaw(server);
    await expectServed(client);
    client.send(
      data(1, message),
      data(1, noBytes, flag.endStream),
      windowUpdate(1, 1),
      windowUpdate(1, 0),
      reset(1),
    );
    await client.sync();
    expect(client.frames.some(({type}) => type === frameType.reset)).toBe(false);
    client.send(headers(1, call));
    await client.sync();
    expect(client.frames.filter(({type}) => type === frameType.reset)).toMatchObject([
      {id: 1, number: code.streamClosed},
    ]);
    // So is one with a lower number than another.
    client.send(headers(99, call), headers(97, call), data(99, message, flag.endStream));
    expect((await client.result(range, 99)).status).toMatchObject({code: 0});
    expect(await client.response(97)).toMatchObject({reset: code.streamClosed});
  });

  it('is not reset when it has ended on both sides', async () => {
    using client = await connectRaw(server);
    const {status} = await client.result(healthCheck, client.request(healthCheck, {service: ''}));
    expect(status).toMatchObject({code: 0});
    await client.result(range, client.request(range, {key}));
    const unknown = client.open('/no/Thing');
    client.send(headers(99, block(...callFields('/no/Thing')), flag.endHeaders | flag.endStream));
    expect((await client.result(range, 99)).status).toMatchObject({code: 12});
    expect((await client.result(range, unknown)).status).toMatchObject({code: 12});
    await client.sync();
    // Only the one whose client might go on.
    expect(client.frames.filter(({type}) => type === frameType.reset)).toMatchObject([
      {id: unknown, number: code.none},
    ]);
  });

  it('goes on after its client has said all', async () => {
    using client = await connectRaw(server);
    const id = client.open(watch.path);
    client.send(data(id, prefixed(watch.encode({create: {key}})), flag.endStream));
    await client.frame((each) => each.id === id && each.type === frameType.data);
    await client.result(put, client.request(put, {key, value}));
    await client.frame((each) => each.id === id && each.payload.includes(value));
    client.send(reset(id));
    await client.sync();
    expect(server.store.watchCount).toBe(0);
    const alive = client.open(leaseKeepAlive.path);
    client.send(data(alive, prefixed(leaseKeepAlive.encode({id: '1'})), flag.endStream));
    expect(await client.result(leaseKeepAlive, alive)).toMatchObject({status: {code: 0}, message: {ttl: 0}});
  });

  it('is reset by its client without a word', async () => {
    using client = await connectRaw(server);
    const id = await openWatch(client);
    client.send(reset(id), reset(id), data(id, message));
    await client.sync();
    expect(server.store.watchCount).toBe(0);
    expect(client.frames.some(({type}) => type === frameType.reset)).toBe(false);
    await expectServed(client);
  });
});
