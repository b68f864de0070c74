import {afterEach, describe, expect, it} from '@jest/globals';
import {constants, type ServerHttp2Stream} from 'node:http2';
import {callHeaders, type Connection, connectTo} from '../src/cluster/connection.ts';
import type {Endpoint} from '../src/cluster/endpoints.ts';
import {prefixed, put, range, type ReceivedRangeResponse, watch} from 'kvi-wire';
import {GrpcError, type GrpcFailure} from '../src/failures/grpc-failures.ts';
import {frameType, grpcHeaders, startFrameServer} from './support/frame-server.ts';
import {answer, refuse, type Script, startScriptedServer} from './support/scripted-server.ts';
import {until} from './support/util.ts';

const {
  NGHTTP2_CANCEL,
  NGHTTP2_ENHANCE_YOUR_CALM,
  NGHTTP2_INTERNAL_ERROR,
  NGHTTP2_NO_ERROR,
  NGHTTP2_REFUSED_STREAM,
} = constants;
const key = Buffer.from('k');
const headers = callHeaders().any;

function counting(count: number): Buffer {
  return prefixed(range.encodeResponse({header: {revision: 7}, count}));
}

const connections: Connection[] = [];
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
});

/** Connects, and waits until it is. */
async function connected(endpoint: Endpoint, states: string[] = []): Promise<Connection> {
  const connection: Connection = connectTo(endpoint, {}, () => states.push(connection.state));
  connections.push(connection);
  connection.connect();
  await until(() => connection.state === 'ready');
  return connection;
}

function read(connection: Connection): Promise<ReceivedRangeResponse> {
  return new Promise((resolve, reject) => {
    connection.call(range, {key, countOnly: true}, headers, resolve, reject);
  });
}

function unexpected(): never {
  throw new Error('unexpected response');
}

/** How a call fails. */
async function failureOf(call: Promise<unknown>): Promise<GrpcFailure> {
  const error: unknown = await call.then(
    () => new Error('expected a failure'),
    (cause: unknown) => cause,
  );
  if (!(error instanceof GrpcError)) throw error;
  return error;
}

/** How a call to a server fails that follows a script. */
async function failureBy(script: Script): Promise<GrpcFailure> {
  await using server = await startScriptedServer(script);
  return await failureOf(read(await connected(server.endpoint)));
}

describe('a call', () => {
  it('is what the protocol of gRPC asks for', async () => {
    let request: unknown;
    const sent: Buffer[] = [];
    await using server = await startScriptedServer((stream, received) => {
      request = {...received};
      stream.on('data', (bytes: Buffer) => sent.push(bytes));
      stream.on('end', () => answer(stream, [counting(1)]));
    });
    const connection = await connected(server.endpoint);
    await new Promise((resolve, reject) => {
      connection.call(put, {key, value: key}, callHeaders('secret').requireLeader, resolve, reject);
    });
    expect(request).toMatchObject({
      ':method': 'POST',
      ':scheme': 'http',
      ':authority': 'port' in server.endpoint && `127.0.0.1:${server.endpoint.port}`,
      ':path': '/etcdserverpb.KV/Put',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'kvi-etcd',
      token: 'secret',
      hasleader: 'true',
    });
    expect(request).not.toHaveProperty('grpc-accept-encoding');
    expect(Buffer.concat(sent)).toEqual(Buffer.from([0, 0, 0, 0, 6, 10, 1, 107, 18, 1, 107]));
  });

  it('puts together a response that arrives byte by byte', async () => {
    const pieces = [...counting(300)].map((byte) => Uint8Array.of(byte));
    await using server = await startScriptedServer((stream) => answer(stream, pieces));
    expect(await read(await connected(server.endpoint))).toMatchObject({count: 300, header: {revision: 7}});
  });

  it('takes in a response of a hundred megabytes', async () => {
    const value = Buffer.alloc(100_000_000);
    // An unknown field of the response, of this length.
    const unknown = Buffer.concat([Buffer.from([0x82, 0x01, 0x80, 0xc2, 0xd7, 0x2f]), value]);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(unknown.length, 1);
    await using server = await startScriptedServer((stream) => answer(stream, [prefix, unknown]));
    expect(await read(await connected(server.endpoint))).toMatchObject({count: 0});
  });

  it.each([
    ['not found, 100%: caf\u00e9', 'not found, 100%25: caf%C3%A9'],
    ['100% and more', '100% and more'],
  ])('fails with "%s", which etcd sent as "%s"', async (details, encoded) => {
    expect(await failureBy((stream) => refuse(stream, 5, encoded))).toMatchObject({code: 5, details});
    const inTrailers = {'grpc-status': '5', 'grpc-message': encoded};
    expect(await failureBy((stream) => answer(stream, [], inTrailers))).toMatchObject({code: 5, details});
  });

  it('fails when the status says so, whatever came before', async () => {
    expect(await failureBy((stream) => answer(stream, [counting(1)], {'grpc-status': '14'}))).toMatchObject({
      code: 14,
      details: '',
      unprocessed: false,
    });
  });

  it.each([
    ['without a message', []],
    ['with two', [counting(1), counting(2)]],
    ['with one that is cut off', [counting(1).subarray(0, -1)]],
    ['with one that is compressed', [Buffer.from([1, 0, 0, 0, 1, 0])]],
    ['with one that is malformed', [prefixed(Buffer.from([0x0a, 0x10]))]],
  ])('fails when it is answered %s', async (_, pieces) => {
    expect(await failureBy((stream) => answer(stream, pieces))).toMatchObject({code: 13, unprocessed: false});
  });

  it.each([
    [400, 13],
    [401, 16],
    [403, 7],
    [404, 12],
    [429, 14],
    [502, 14],
    [503, 14],
    [504, 14],
    [500, 2],
    [200, 2],
  ])('that a proxy answers with HTTP status %i fails with code %i', async (status, code) => {
    const failure = await failureBy((stream) => {
      stream.respond({':status': status, 'content-type': 'text/html'});
      stream.end('<h1>sorry</h1>');
    });
    expect(failure).toMatchObject({
      code,
      details: `HTTP status ${status}, text/html`,
      unprocessed: false,
      obstacle: 'not gRPC',
    });
  });

  it('fails when the server ends it without a status', async () => {
    const failure = await failureBy((stream) => answer(stream, [counting(1)], {}));
    expect(failure).toMatchObject({code: 2, details: 'the response ended without a gRPC status'});
    expect(failure.obstacle).toBeUndefined();
  });

  it.each([
    [NGHTTP2_REFUSED_STREAM, 14, true],
    [NGHTTP2_CANCEL, 1, false],
    [NGHTTP2_ENHANCE_YOUR_CALM, 8, false],
    [NGHTTP2_INTERNAL_ERROR, 13, false],
    [NGHTTP2_NO_ERROR, 13, false],
  ])(
    'that is reset with code %i fails with code %i; unprocessed for sure: %s',
    async (reset, code, unprocessed) => {
      expect(await failureBy((stream) => stream.close(reset))).toMatchObject({code, unprocessed});
    },
  );

  it('may have been processed if the server refuses it after it has answered', async () => {
    await using server = await startFrameServer(({type, streamId}, send) => {
      if (type !== frameType.headers) return;
      send({type: frameType.headers, flags: 4, streamId, payload: grpcHeaders});
      send({
        type: frameType.rstStream,
        flags: 0,
        streamId,
        payload: Buffer.from([0, 0, 0, NGHTTP2_REFUSED_STREAM]),
      });
    });
    expect(await failureOf(read(await connected(server.endpoint)))).toMatchObject({
      code: 14,
      unprocessed: false,
    });
  });

  it('ends when the server answers without reading the request', async () => {
    await using server = await startScriptedServer((stream) => refuse(stream, 8, 'too large'));
    const connection = await connected(server.endpoint);
    const large = new Promise((resolve, reject) => {
      connection.call(put, {key, value: Buffer.alloc(20_000_000)}, headers, resolve, reject);
    });
    expect(await failureOf(large)).toMatchObject({code: 8, details: 'too large'});
  });

  it('tells the server when it is cancelled, and its caller once', async () => {
    const streams: ServerHttp2Stream[] = [];
    await using server = await startScriptedServer((stream) => streams.push(stream));
    const connection = await connected(server.endpoint);
    const failures: GrpcFailure[] = [];
    const call = connection.call(range, {key}, headers, unexpected, (failure) => failures.push(failure));
    await until(() => streams.length === 1);
    call.cancel();
    call.cancel();
    await until(() => streams[0]?.closed === true);
    expect(streams[0]?.rstCode).toBe(NGHTTP2_CANCEL);
    expect(failures).toMatchObject([{code: 1}]);
  });

  it('waits its turn where a server limits how many there are', async () => {
    const streams: ServerHttp2Stream[] = [];
    let most = 0;
    await using server = await startScriptedServer(
      (stream) => {
        streams.push(stream);
        most = Math.max(most, streams.filter(({closed}) => !closed).length);
        if (streams.length > 3) answer(stream, [counting(streams.length)]);
      },
      {settings: {maxConcurrentStreams: 3}},
    );
    const connection = await connected(server.endpoint);
    const calls = Array.from({length: 100}, () => read(connection));
    await until(() => streams.length === 3);
    // One that has not been sent yet.
    const cancelled = new Promise((resolve, reject) => {
      connection.call(range, {key}, headers, resolve, reject).cancel();
    });
    expect(await failureOf(cancelled)).toMatchObject({code: 1});
    for (const [index, stream] of streams.entries()) answer(stream, [counting(index)]);
    expect(await Promise.all(calls)).toHaveLength(100);
    expect(streams).toHaveLength(100);
    expect(most).toBe(3);
  });
});

describe('a stream', () => {
  it('carries messages both ways until the server ends it', async () => {
    await using server = await startScriptedServer((stream) => {
      // Two messages in one frame, and the next in the following ones.
      stream.once('data', () => {
        const third = counting(3);
        const pieces = [Buffer.concat([counting(1), counting(2), third.subarray(0, 3)]), third.subarray(3)];
        answer(stream, pieces);
      });
    });
    const connection = await connected(server.endpoint);
    const events: unknown[] = [];
    const stream = connection.stream(range, headers, {
      onResponse: ({count}) => events.push(count),
      onEnd: ({code}) => events.push(`code ${code}`),
    });
    stream.write({key});
    await until(() => events.length === 4);
    expect(events).toEqual([1, 2, 3, 'code 0']);
    stream.write({key});
    stream.cancel();
    expect(events).toHaveLength(4);
  });

  it('gets nothing more once it is cancelled, not even what has arrived', async () => {
    await using server = await startScriptedServer((stream) =>
      answer(stream, [Buffer.concat([counting(1), counting(2)])]),
    );
    const connection = await connected(server.endpoint);
    const events: unknown[] = [];
    const stream = connection.stream(range, headers, {
      onResponse({count}) {
        events.push(count);
        stream.cancel();
      },
      onEnd: ({code}) => events.push(`code ${code}`),
    });
    stream.write({key});
    await until(() => events.length === 2);
    // Whatever was under way has arrived before the answer to a later call.
    await read(connection).catch(() => undefined);
    expect(events).toEqual([1, 'code 1']);
  });

  it('tells its caller that there is no connection only when the caller has it', () => {
    const connection = connectTo({host: '127.0.0.1', port: 1, tls: false}, {}, () => undefined);
    return new Promise<void>((resolve) => {
      const stream = connection.stream(watch, headers, {
        onResponse: unexpected,
        onEnd(status) {
          expect(status).toMatchObject({code: 14, unprocessed: true});
          expect(stream).toBeDefined();
          resolve();
        },
      });
    });
  });
});

describe('a connection', () => {
  it('is given up when the server does not even answer a ping', async () => {
    const pings: number[] = [];
    await using server = await startFrameServer(({type}) => {
      if (type === frameType.ping) pings.push(performance.now());
    });
    const connection = await connected(server.endpoint);
    const began = performance.now();
    expect(await failureOf(read(connection))).toMatchObject({
      code: 14,
      details: 'connection lost: no data received for 10 s',
      unprocessed: false,
    });
    expect(pings).toHaveLength(1);
    // Timers may be a little early by this clock, never much.
    expect(Number(pings[0]) - began).toBeGreaterThan(5_900);
  });

  it.each([
    [NGHTTP2_NO_ERROR, 'goes on'],
    [NGHTTP2_ENHANCE_YOUR_CALM, 'is lost'],
  ])(
    'that the server closes with GOAWAY %i: a call that it has begun %s, and others go elsewhere',
    async (code, fate) => {
      const streams: ServerHttp2Stream[] = [];
      await using server = await startScriptedServer((stream) => {
        if (server.sessions.length === 1) streams.push(stream);
        else answer(stream, [counting(2)]);
      });
      const states: string[] = [];
      const connection = await connected(server.endpoint, states);
      const begun = read(connection).catch((error: unknown) => error);
      const ignored = failureOf(read(connection));
      await until(() => streams.length === 2);
      server.sessions[0]?.goaway(code, streams[0]?.id);
      expect(await ignored).toMatchObject({code: 14, unprocessed: true});
      await until(() => states.length === 3);
      expect(states).toEqual(['ready', 'pending', 'ready']);
      expect(await read(connection)).toMatchObject({count: 2});
      const [first] = streams;
      if (fate === 'goes on' && first !== undefined) answer(first, [counting(1)]);
      expect(await begun).toMatchObject(
        fate === 'goes on'
          ? {count: 1}
          : {code: 14, details: expect.stringMatching(/^connection lost/), unprocessed: false},
      );
    },
  );

  it('fails all that is under way when it is lost, and comes back', async () => {
    let received = 0;
    await using server = await startScriptedServer((stream) => {
      received += 1;
      if (server.sessions.length > 1) answer(stream, [counting(1)]);
    });
    const connection = await connected(server.endpoint);
    const ends: GrpcFailure[] = [];
    connection
      .stream(watch, headers, {onResponse: unexpected, onEnd: (status) => ends.push(status)})
      .write({});
    const calls = Array.from({length: 10}, () => failureOf(read(connection)));
    await until(() => received === 11);
    server.sockets[0]?.destroy();
    const failures = await Promise.all(calls);
    await until(() => ends.length === 1);
    for (const failure of [...failures, ...ends]) {
      expect(failure).toMatchObject({
        code: 14,
        unprocessed: false,
        details: expect.stringMatching(/^connection lost/),
      });
    }
    await until(() => connection.state === 'ready');
    expect(await read(connection)).toMatchObject({count: 1});
  });

  it('sends no calls when it is closed, and lets those under way end', async () => {
    const streams: ServerHttp2Stream[] = [];
    await using server = await startScriptedServer((stream) => streams.push(stream));
    const connection = await connected(server.endpoint);
    const call = read(connection);
    await until(() => streams.length === 1);
    connection.close();
    expect(connection.state).toBe('failed');
    expect(await failureOf(read(connection))).toMatchObject({code: 14, unprocessed: true});
    for (const stream of streams) answer(stream, [counting(1)]);
    expect(await call).toMatchObject({count: 1});
  });
});
