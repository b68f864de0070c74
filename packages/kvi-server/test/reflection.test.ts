// A client that knows nothing of etcd finds out from the server what it can call, and calls it.
import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {
  type Client as GrpcClient,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import {loadFileDescriptorSetFromBuffer} from '@grpc/proto-loader';
import {startServer, type TestServer} from 'kvi-server/testing';
import {reflections} from 'kvi-wire';
import {type Client, connectClient} from './support/client.ts';

let server: TestServer;
let client: Client;
beforeEach(async () => {
  server = await startServer();
  client = connectClient(server.url);
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await server.close();
});

const services = [
  'etcdserverpb.Auth',
  'etcdserverpb.Cluster',
  'etcdserverpb.KV',
  'etcdserverpb.Lease',
  'etcdserverpb.Maintenance',
  'etcdserverpb.Watch',
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
  'v3electionpb.Election',
  'v3lockpb.Lock',
];

/** The files as a set: field 1 of a message, each. */
function asSet(files: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    files.map((file) => {
      const length: number[] = [];
      for (let rest = file.length; ; rest >>= 7) {
        if (rest < 0x80) {
          length.push(rest);
          break;
        }
        length.push((rest & 0x7f) | 0x80);
      }
      return Buffer.concat([Buffer.from([0x0a, ...length]), file]);
    }),
  );
}

type Callback = (error: Error | null, response: Record<string, unknown>) => void;
type Unary = GrpcClient & Record<string, (request: object, callback: Callback) => void>;

describe('reflection', () => {
  it.each(reflections)('tells of each service: $path', async (reflection) => {
    const stream = client.open(reflection);
    stream.send({listServices: '*'});
    const {services: listed} = await stream.next();
    expect(listed?.service.map(({name}) => name)).toEqual(services);
    stream.send({fileContainingSymbol: 'no.Such'});
    expect(await stream.next()).toMatchObject({error: {errorCode: 5, errorMessage: 'not found: no.Such'}});
    stream.send({fileByFilename: 'v3lockpb.proto'});
    const {files} = await stream.next();
    // The file that was asked for first, then those that it needs.
    const beginning = files?.fileDescriptorProto.map((file) => Buffer.from(file).toString('latin1', 2, 20));
    expect(beginning).toEqual([
      expect.stringMatching(/^v3lockpb\.proto/),
      expect.stringMatching(/^etcdserverpb\.proto/),
      expect.stringMatching(/^mvccpb\.proto/),
    ]);
    stream.stream.end();
    expect(await stream.ended).toMatchObject({code: 0});
  });

  it('says enough to make calls', async () => {
    const [reflection] = reflections;
    if (reflection === undefined) throw new Error('there is a version');
    const stream = client.open(reflection);
    stream.send({fileContainingSymbol: 'etcdserverpb.KV'});
    const {files} = await stream.next();
    stream.stream.close();
    const definition = loadFileDescriptorSetFromBuffer(asSet(files?.fileDescriptorProto ?? []), {
      keepCase: true,
      longs: String,
    });
    const {etcdserverpb} = loadPackageDefinition(definition) as unknown as {
      etcdserverpb: Record<string, ServiceClientConstructor>;
    };
    const KV = etcdserverpb['KV'];
    if (KV === undefined) throw new Error('KV is described');
    const kv = new KV(server.url.replace('http://', ''), credentials.createInsecure()) as unknown as Unary;
    const call = (name: string, request: object) =>
      new Promise<Record<string, unknown>>((resolve, reject) => {
        kv[name]?.(request, (error, response) => (error === null ? resolve(response) : reject(error)));
      });
    const key = Buffer.from('k');
    await call('Txn', {
      compare: [{key, target: 'VERSION', result: 'EQUAL', version: 0}],
      success: [{request_txn: {success: [{request_put: {key, value: Buffer.from('v')}}]}}],
    });
    expect(await call('Range', {key, sort_order: 'DESCEND'})).toMatchObject({
      header: {revision: '2'},
      kvs: [{key, value: Buffer.from('v'), version: '1'}],
      count: '1',
    });
    kv.close();
  });
});
