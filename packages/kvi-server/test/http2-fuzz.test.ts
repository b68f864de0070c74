/** Conversations that are nearly right. */
import {afterAll, beforeAll, expect, it} from '@jest/globals';
import {startServer, type TestServer} from 'kvi-server/testing';
import {leaseKeepAlive, lock, prefixed, put, range, watch} from 'kvi-wire';
import {connect} from 'node:net';
import {
  block,
  callFields,
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
  windowUpdate,
} from './support/frames.ts';
import {connectRaw, expectServed} from './support/raw-client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({limits: {maxConcurrentStreams: 20}});
});
afterAll(() => server.close());

/** Numbers from 0 to below 1, the same for each seed. @see https://en.wikipedia.org/wiki/Xorshift */
function randomNumbers(seed: number): () => number {
  let state = (seed + 1) * 2_654_435_761;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const key = Buffer.from('k');

/** All that clients do, on one connection. */
function conversation(): Buffer {
  const call = (path: string): Buffer => block(...callFields(path));
  const [watches, gets] = [call(watch.path), call(range.path)];
  const json = block([':method', 'POST'], [':scheme', 'http'], [':path', '/v3/kv/range']);
  return Buffer.concat([
    settings([setting.window, 100_000], [setting.tableSize, 0]),
    windowUpdate(0, 1_000_000),
    headers(1, watches),
    data(1, prefixed(watch.encode({create: {key, prevKv: true}}))),
    headers(3, gets.subarray(0, 20), flag.none),
    continuation(3, gets.subarray(20)),
    data(3, prefixed(range.encode({key})), flag.endStream),
    ping(),
    headers(
      5,
      padded(Buffer.concat([Buffer.alloc(5), call(put.path)]), 9),
      flag.padded | flag.priority | flag.endHeaders,
    ),
    data(
      5,
      padded(prefixed(put.encode({key, value: Buffer.alloc(300, 'v')})), 20),
      flag.padded | flag.endStream,
    ),
    // Indexed, in Huffman, and added to the table.
    headers(7, Buffer.from('838684418cf1e3c2e5f23a6ba0ab90f4ff', 'hex'), flag.endHeaders | flag.endStream),
    headers(9, call(leaseKeepAlive.path)),
    data(9, prefixed(leaseKeepAlive.encode({id: '1'}))),
    settings([setting.window, 0]),
    data(9, prefixed(leaseKeepAlive.encode({id: '2'})), flag.endStream),
    headers(11, json),
    data(11, Buffer.from('{"key": "aw=="}'), flag.endStream),
    frame(frameType.priority, 0, 11, Buffer.alloc(5)),
    headers(13, call(lock.path)),
    data(13, prefixed(lock.encode({name: key, lease: '0'})), flag.endStream),
    reset(13),
    headers(15, gets),
    data(15, prefixed(range.encode({key}))),
    headers(15, block(['some', 'trailer']), flag.endHeaders | flag.endStream),
    settings([setting.window, 1_000_000]),
    windowUpdate(1, 100_000),
    data(1, prefixed(watch.encode({progress: {}}))),
    frame(frameType.goaway, 0, 0, Buffer.alloc(8)),
  ]);
}

/** Flips, drops, doubles and cuts some of the bytes. */
function spoil(bytes: Buffer, random: () => number): Buffer {
  let spoilt = bytes;
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let n = below(4); n >= 0; n -= 1) {
    const at = below(spoilt.length);
    const end = at + 1 + below(40);
    const [before, part, after] = [spoilt.subarray(0, at), spoilt.subarray(at, end), spoilt.subarray(end)];
    switch (below(5)) {
      case 0:
        spoilt = Buffer.from(spoilt);
        spoilt[at] = (spoilt[at] ?? 0) ^ (1 << below(8));
        break;
      case 1:
        spoilt = Buffer.from(spoilt);
        spoilt[at] = below(256);
        break;
      case 2:
        spoilt = Buffer.concat([before, after]);
        break;
      case 3:
        spoilt = Buffer.concat([before, part, part, after]);
        break;
      case 4:
        spoilt = Buffer.concat([before, Buffer.from(part).reverse(), after]);
        break;
    }
  }
  return random() < 0.2 ? spoilt.subarray(0, below(spoilt.length)) : spoilt;
}

/** Sends bytes in some pieces, and goes. */
async function talk(bytes: Buffer, random: () => number): Promise<void> {
  const socket = connect(server.port, '127.0.0.1').setNoDelay();
  socket.on('error', () => undefined).resume();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(preface);
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + Math.floor(random() * random() * bytes.length);
    socket.write(bytes.subarray(at, end));
    at = end;
    if (random() < 0.5) await new Promise(setImmediate);
  }
  if (random() < 0.5) socket.end();
  else socket.destroy();
  await closed;
}

const seeds = Array.from({length: 40}, (_, n) => n * 25);

it.each(seeds)('a server takes no harm from spoilt conversations: seeds from %d', async (first) => {
  const whole = conversation();
  using other = await connectRaw(server);
  const talks = Array.from({length: 25}, (_, n) => {
    const random = randomNumbers(first + n);
    return talk(spoil(whole, random), random);
  });
  await Promise.all(talks);
  // It has heard of the end of all, and holds nothing of them.
  while (server.store.watchCount > 0) await other.sync();
  await expectServed(other);
});

it('a conversation that is right is answered', async () => {
  using client = await connectRaw(server, conversation());
  for (const id of [3, 5, 9, 15])
    expect((await client.response(id)).headers).toMatchObject({'grpc-status': '0'});
  for (const id of [7, 11]) expect((await client.response(id)).headers).toHaveProperty([':status']);
  await client.frame(({id, payload}) => id === 1 && payload.includes(Buffer.alloc(300, 'v')));
});
