/** grpc-js and curl as clients; etcd's own clients have other tests. */
import {
  type CallOptions,
  credentials,
  makeGenericClientConstructor,
  type MethodDefinition,
  status,
} from '@grpc/grpc-js';
import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {startServer, type TestServer} from 'kvi-server/testing';
import {type Method, put, range, watch} from 'kvi-wire';
import {execFile} from 'node:child_process';
import {once} from 'node:events';
import {promisify} from 'node:util';

const key = Buffer.from('k');
const value = Buffer.alloc(1_400_000, 'v');
const noBytes = Buffer.alloc(0);
let server: TestServer;
beforeEach(async () => {
  server = await startServer();
});
afterEach(async () => {
  await server.close();
  expect(server.store.watchCount).toBe(0);
});

describe('grpc-js', () => {
  const definition = <Q, R>(
    {path, encode, decode}: Method<Q, R>,
    isStream = false,
  ): MethodDefinition<Q, R> => ({
    path,
    requestStream: isStream,
    responseStream: isStream,
    requestSerialize: encode,
    requestDeserialize: () => {
      throw new Error('a client reads no requests');
    },
    responseSerialize: () => {
      throw new Error('a client writes no responses');
    },
    responseDeserialize: decode,
  });

  const Etcd = makeGenericClientConstructor({}, 'Etcd');
  let client: InstanceType<typeof Etcd>;
  beforeEach(() => {
    client = new Etcd(server.url.replace('http://', ''), credentials.createInsecure());
  });
  afterEach(() => client.close());

  function call<Q, R>(
    method: Method<Q, R>,
    request: Q,
    options: CallOptions = {},
  ): {sent: {cancel(): void}; answer: Promise<R>} {
    const {path, requestSerialize, responseDeserialize} = definition(method);
    let sent: {cancel(): void} = {cancel: () => undefined};
    const answer = new Promise<R>((resolve, reject) => {
      const onEnd = (error: Error | null, response?: R): void => {
        if (response === undefined) reject(error ?? new Error('no response'));
        else resolve(response);
      };
      sent = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, options, onEnd);
    });
    return {sent, answer};
  }

  it('sends and receives what is larger than a window', async () => {
    await call(put, {key, value}).answer;
    const answers = await Promise.all(Array.from({length: 5}, () => call(range, {key}).answer));
    // Of large buffers, jest compares each element.
    for (const {kvs} of answers) expect(value.equals(kvs[0]?.value ?? noBytes)).toBe(true);
  });

  it('makes many calls, and cancels many', async () => {
    const calls = Array.from({length: 2_000}, () => call(range, {key}));
    const ends = await Promise.allSettled(
      calls.map(({sent, answer}, n) => {
        if (n % 2 === 1) sent.cancel();
        return answer;
      }),
    );
    for (const [n, end] of ends.entries()) {
      if (n % 2 === 0) expect(end).toMatchObject({status: 'fulfilled', value: {count: 0}});
      else expect(end).toMatchObject({status: 'rejected', reason: {code: status.CANCELLED}});
    }
  });

  it('hears of errors', async () => {
    await expect(call(range, {}).answer).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'etcdserver: key is not provided',
    });
    await expect(call({...range, path: '/no.Such/Thing'}, {key}).answer).rejects.toMatchObject({
      code: status.UNIMPLEMENTED,
    });
    await expect(call(range, {key}, {deadline: new Date(0)}).answer).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
  });

  it('watches', async () => {
    const {path, requestSerialize, responseDeserialize} = definition(watch, true);
    const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    stream.on('error', () => undefined);
    stream.write({create: {key}});
    await once(stream, 'data');
    await call(put, {key, value}).answer;
    const [message] = (await once(stream, 'data')) as [ReturnType<typeof watch.decode>];
    expect(value.equals(message.events?.[0]?.kv?.value ?? noBytes)).toBe(true);
    stream.cancel();
    while (server.store.watchCount > 0) await call(range, {key: Buffer.from('none')}).answer;
  });
});

it('curl is answered', async () => {
  const curl = async (body: object | undefined, ...args: string[]): Promise<string> => {
    const sent = body === undefined ? [] : ['-d', '@-'];
    const running = promisify(execFile)('curl', ['-s', '--http2-prior-knowledge', ...sent, ...args], {
      maxBuffer: 4_000_000,
    });
    running.child.stdin?.end(JSON.stringify(body));
    const {stdout} = await running;
    return stdout;
  };
  expect(await curl(undefined, '-w', '%{http_version}', `${server.url}/health`)).toMatch(
    /^{"health":"true".*\n2$/s,
  );
  expect(await curl(undefined, '-I', `${server.url}/version`)).toMatch(
    /^HTTP\/2 200 \r\ncontent-type: application\/json\r\n/,
  );
  const kv = {key: key.toString('base64'), value: value.toString('base64')};
  expect(await curl(kv, `${server.url}/v3/kv/put`)).toContain('"revision":"2"');
  expect(await curl({key: kv.key}, `${server.url}/v3/kv/range`)).toContain(kv.value.slice(-100));
});
