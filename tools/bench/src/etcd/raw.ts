/** etcd's KV service on plain gRPC: `@grpc/grpc-js` and the protocol file that npm `etcd3` ships. */
import {Client, credentials, type MethodDefinition} from '@grpc/grpc-js';
import {loadSync} from '@grpc/proto-loader';
import type {
  ICompactionRequest,
  ICompactionResponse,
  IDeleteRangeRequest,
  IDeleteRangeResponse,
  IPutRequest,
  IPutResponse,
  IRangeRequest,
  IRangeResponse,
  ITxnRequest,
  ITxnResponse,
} from 'etcd3';
import {createRequire} from 'node:module';

/** The calls of etcd's KV service. */
export interface RawEtcd extends Disposable {
  range(request: IRangeRequest): Promise<IRangeResponse>;
  put(request: IPutRequest): Promise<IPutResponse>;
  deleteRange(request: IDeleteRangeRequest): Promise<IDeleteRangeResponse>;
  txn(request: ITxnRequest): Promise<ITxnResponse>;
  compact(request: ICompactionRequest): Promise<ICompactionResponse>;
}

const protocol = loadSync(createRequire(import.meta.url).resolve('etcd3/proto/rpc.proto'), {
  // As etcd3 loads it, so that both decode into the same objects.
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
});

/** @param url `http://HOST:PORT` */
export function openRawEtcd(url: string): RawEtcd {
  const client = new Client(new URL(url).host, credentials.createInsecure(), {
    // A connection of its own: gRPC would share that of etcd3.
    'grpc.use_local_subchannel_pool': 1,
  });

  function call<Response>(method: string): (request: object) => Promise<Response> {
    const {path, requestSerialize, responseDeserialize} = methodOf('etcdserverpb.KV', method);
    return (request) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) => {
          if (error) reject(error);
          // The protocol file says what it is, which the compiler cannot read.
          else resolve(response as Response);
        });
      });
  }

  return {
    range: call('Range'),
    put: call('Put'),
    deleteRange: call('DeleteRange'),
    txn: call('Txn'),
    compact: call('Compact'),
    [Symbol.dispose]: () => client.close(),
  };
}

function methodOf(service: string, name: string): MethodDefinition<object, object> {
  const methods = protocol[service];
  const method = methods === undefined || 'format' in methods ? undefined : methods[name];
  if (method === undefined) throw new Error(`the protocol has no ${service}.${name}`);
  return method;
}

/** The keys that start with `prefix`, which must end with an ASCII character. */
export function withPrefix(prefix: string): {key: Buffer; range_end: Buffer} {
  const key = Buffer.from(prefix);
  const end = Buffer.from(key);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return {key, range_end: end};
}
