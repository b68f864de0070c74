/** What frames do on a connection, right ones and wrong ones. */
import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {startServer, type TestServer} from 'kvi-server/testing';
import {connect} from 'node:net';
import {prefixed, range} from 'kvi-wire';
import {
  block,
  callFields,
  code,
  continuation,
  data,
  flag,
  frame,
  frameType,
  headers,
  padded,
  ping,
  preface,
  reset,
  setting,
  settings,
  text,
  uint32,
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
const call = block(...callFields(range.path));
const message = prefixed(range.encode({key}));
const noBytes = Buffer.alloc(0);

describe('a connection', () => {
  const protocol = 'PROTOCOL_ERROR';
  const size = 'FRAME_SIZE_ERROR';
  const flow = 'FLOW_CONTROL_ERROR';
  const compression = 'COMPRESSION_ERROR';
  const calm = 'ENHANCE_YOUR_CALM';
  const codes = {
    [protocol]: code.protocol,
    [size]: code.frameSize,
    [flow]: code.flowControl,
    [compression]: code.compression,
    [calm]: code.calm,
  };
  /** Streams 1 and 3 are there: the first has ended, the second is open. */
  const cases: [name: string, code: keyof typeof codes, ...sent: Buffer[]][] = [
    ['a frame that is too long', size, frame(frameType.data, 0, 3, Buffer.alloc(16_385))],
    ['a frame of an unknown type that is too long', size, frame(99, 0, 0, Buffer.alloc(16_385))],
    ['DATA without a stream', protocol, data(0, message)],
    ['DATA of a stream of the server', protocol, data(2, message)],
    ['DATA of a stream that has not begun', protocol, data(5, message)],
    ['DATA with more padding than payload', protocol, data(3, Buffer.of(1), flag.padded)],
    ['DATA that is all padding and more', protocol, data(3, Buffer.of(3, 0, 0), flag.padded)],
    ['DATA that lacks its padding', protocol, data(3, noBytes, flag.padded)],
    ['HEADERS without a stream', protocol, headers(0, call)],
    ['HEADERS of a stream of the server', protocol, headers(4, call)],
    [
      'HEADERS with more padding than payload',
      protocol,
      headers(5, Buffer.of(9), flag.padded | flag.endHeaders),
    ],
    ['HEADERS that lack their priority', size, headers(5, Buffer.alloc(4), flag.priority | flag.endHeaders)],
    ['CONTINUATION of nothing', protocol, continuation(5, call)],
    ['CONTINUATION after the end of headers', protocol, headers(5, call), continuation(5, call)],
    ['DATA within a header block', protocol, headers(5, call, flag.none), data(3, message)],
    ['PING within a header block', protocol, headers(5, call, flag.none), ping()],
    ['an unknown frame within a header block', protocol, headers(5, call, flag.none), frame(99, 0, 0)],
    ['HEADERS within a header block', protocol, headers(5, call, flag.none), headers(5, call)],
    ['CONTINUATION of another stream', protocol, headers(5, call, flag.none), continuation(7, call)],
    ['PRIORITY without a stream', protocol, frame(frameType.priority, 0, 0, Buffer.alloc(5))],
    ['PRIORITY of a wrong length', size, frame(frameType.priority, 0, 3, Buffer.alloc(4))],
    ['RST_STREAM without a stream', protocol, reset(0)],
    ['RST_STREAM of a stream that has not begun', protocol, reset(5)],
    ['RST_STREAM of a stream of the server', protocol, reset(2)],
    ['RST_STREAM of a wrong length', size, frame(frameType.reset, 0, 3, Buffer.alloc(5))],
    ['SETTINGS of a stream', protocol, frame(frameType.settings, 0, 3)],
    ['SETTINGS of a wrong length', size, frame(frameType.settings, 0, 0, Buffer.alloc(7))],
    ['an acknowledgement with settings', size, frame(frameType.settings, flag.ack, 0, Buffer.alloc(6))],
    ['a setting that pushes twice', protocol, settings([setting.push, 2])],
    ['an initial window that is too large', flow, settings([setting.window, 2 ** 31])],
    ['frames that are too small', protocol, settings([setting.frameSize, 16_383])],
    ['frames that are too large', protocol, settings([setting.frameSize, 2 ** 24])],
    [
      'an initial window that makes one too large',
      flow,
      windowUpdate(3, 70_000),
      settings([setting.window, 2 ** 31 - 1]),
    ],
    ['PUSH_PROMISE', protocol, frame(frameType.push, flag.endHeaders, 3, Buffer.concat([uint32(2), call]))],
    ['PING of a stream', protocol, frame(frameType.ping, 0, 3, Buffer.alloc(8))],
    ['PING of a wrong length', size, ping(Buffer.alloc(7))],
    ['GOAWAY of a stream', protocol, frame(frameType.goaway, 0, 3, Buffer.alloc(8))],
    ['WINDOW_UPDATE of a wrong length', size, frame(frameType.windowUpdate, 0, 0, Buffer.alloc(3))],
    ['WINDOW_UPDATE of a stream that has not begun', protocol, windowUpdate(5, 1)],
    ['WINDOW_UPDATE of a stream of the server', protocol, windowUpdate(2, 1)],
    ['a window of the connection that does not grow', protocol, windowUpdate(0, 0)],
    ['a window of the connection that is too large', flow, windowUpdate(0, 2 ** 31 - 1)],
    ['an index of nothing', compression, headers(5, Buffer.of(0x80))],
    ['an index beyond the tables', compression, headers(5, Buffer.of(0xff, 0x00))],
    ['a name beyond the tables', compression, headers(5, Buffer.concat([Buffer.of(0x7f, 0x00), text('v')]))],
    ['a number that does not end', compression, headers(5, Buffer.of(0xff))],
    [
      'a number that is too long',
      compression,
      headers(5, Buffer.of(0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00)),
    ],
    ['a string that is cut', compression, headers(5, Buffer.of(0x00, 0x05, 0x61))],
    ['a field that lacks its value', compression, headers(5, Buffer.of(0x00, 0x01, 0x61))],
    ['a field that lacks its name', compression, headers(5, Buffer.of(0x00))],
    ['padding of zeros in Huffman', compression, headers(5, Buffer.of(0x00, 0x81, 0x00, 0x00))],
    ['padding of a whole byte in Huffman', compression, headers(5, Buffer.of(0x00, 0x82, 0x1f, 0xff, 0x00))],
    [
      'the end of the string in Huffman',
      compression,
      headers(5, Buffer.of(0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00)),
    ],
    ['a table that is too large', compression, headers(5, Buffer.of(0x3f, 0xe2, 0x1f))],
    ['a table whose size changes late', compression, headers(5, Buffer.of(0x82, 0x20))],
    ['a malformed header block of a stream that has ended', compression, headers(1, Buffer.of(0x80))],
    ['headers that are too long together', calm, headers(5, bomb(70_000))],
    ['headers of too many frames', calm, headers(5, noBytes, flag.none), ...continuations(1_100)],
    [
      'headers of frames that are too many bytes',
      calm,
      headers(5, Buffer.alloc(16_000), flag.none),
      ...continuations(4, 16_000),
    ],
  ];

  /** Headers that say little and mean much: one entry of the table again and again. */
  function bomb(bytes: number): Buffer {
    const each = 4_000;
    const entry = Buffer.concat([Buffer.of(0x40), text('a'), text('x'.repeat(each))]);
    return Buffer.concat([entry, Buffer.alloc(Math.ceil(bytes / each), 0x80 | 62)]);
  }

  function continuations(count: number, bytes = 0): Buffer[] {
    return Array.from({length: count}, () => continuation(5, Buffer.alloc(bytes), flag.none));
  }

  it.each(cases)('ends for %s, with %s', async (_, name, ...sent) => {
    using client = await connectRaw(server);
    await expectServed(client);
    const open = await openWatch(client);
    expect(open).toBe(3);
    client.send(...sent);
    expect(await client.goaway()).toBe(codes[name]);
    await client.closed;
    await expectServed(other);
    expect(server.store.watchCount).toBe(0);
  });

  it('begins with settings', async () => {
    using client = await connectRaw(server, ping());
    expect(await client.goaway()).toBe(code.protocol);
    using acknowledging = await connectRaw(
      server,
      Buffer.concat([frame(frameType.settings, flag.ack, 0), ping()]),
    );
    expect(await acknowledging.goaway()).toBe(code.protocol);
    await expectServed(other);
  });

  it('tells the last stream that was looked at, and what was wrong', async () => {
    using client = await connectRaw(server);
    await expectServed(client);
    await expectServed(client);
    client.send(frame(frameType.push, 0, 0));
    const {payload} = await client.frame(({type}) => type === frameType.goaway);
    expect(payload.readUInt32BE(0)).toBe(3);
    expect(payload.toString('latin1', 8)).toBe('a client pushes nothing');
  });

  it('acknowledges settings and pings, and ignores what it need not know', async () => {
    using client = await connectRaw(
      server,
      settings([99, 1], [setting.push, 0], [setting.frameSize, 16_384]),
    );
    await client.frame(({type, flags}) => type === frameType.settings && flags === flag.ack);
    const id = client.open(range.path);
    client.send(
      frame(99, 0xff, 77, Buffer.from('?')),
      frame(frameType.priority, 0, id, Buffer.alloc(5)),
      frame(frameType.priority, 0, 99, Buffer.alloc(5)),
      settings(
        [setting.tableSize, 0],
        [setting.streams, 0],
        [setting.listSize, 0],
        [setting.frameSize, 2 ** 24 - 1],
      ),
      frame(frameType.ping, flag.ack, 0, Buffer.from('not sent')),
      data(id, noBytes),
      data(id, message.subarray(0, 3)),
      data(id, padded(message.subarray(3), 200), flag.padded),
      data(id, Buffer.of(0), flag.padded | flag.endStream),
      ping(Buffer.from('12345678')),
    );
    expect((await client.result(range, id)).status).toMatchObject({code: 0});
    const pong = await client.frame(({type}) => type === frameType.ping);
    expect({flags: pong.flags, payload: pong.payload.toString()}).toEqual({
      flags: flag.ack,
      payload: '12345678',
    });
    expect(client.frames.filter(({type}) => type === frameType.ping)).toHaveLength(1);
  });

  it('says first what it takes on', async () => {
    const [first, second] = other.frames;
    expect(first ?? (await other.frame(() => true))).toMatchObject({
      type: frameType.settings,
      payload: settings(
        [setting.streams, 10_000],
        [setting.window, 1_048_576],
        [setting.listSize, 65_536],
      ).subarray(9),
    });
    expect(second ?? (await other.frame(({type}) => type === frameType.windowUpdate))).toMatchObject({
      number: 4 * 1_048_576 - 65_535,
    });
  });

  it('takes bytes as they come', async () => {
    using client = await connectRaw(server);
    const bytes = Buffer.concat([
      headers(1, call),
      data(1, message, flag.endStream),
      headers(3, call),
      data(3, message, flag.endStream),
    ]);
    for (const byte of bytes) {
      client.send(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    expect((await client.result(range, 1)).status).toMatchObject({code: 0});
    expect((await client.result(range, 3)).status).toMatchObject({code: 0});
  });

  it('that begins as one of HTTP/2 and goes on otherwise is none', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(preface.subarray(0, 20));
    await other.sync();
    socket.end('xxxx');
    let answer = '';
    for await (const piece of socket) answer += String(piece);
    expect(answer).not.toContain('200');
    await expectServed(other);
  });

  it('ends when its client does', async () => {
    using client = await connectRaw(server);
    await openWatch(client);
    client.socket.end();
    await client.closed;
    while (server.store.watchCount > 0) await other.sync();
  });
});
