/** Servers that tell their name, and clients that ask for it. */
import {
  Client,
  type ClientOptions,
  credentials,
  Server,
  ServerCredentials,
  type ServiceError,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

const path = '/test.Names/Tell';
const encode = (text: string) => Buffer.from(text);
const decode = (bytes: Buffer) => bytes.toString();

const names = {
  tell: {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: encode,
    requestDeserialize: decode,
    responseSerialize: encode,
    responseDeserialize: decode,
  },
};

export interface NamedServer extends Disposable {
  /** Where it listens. */
  readonly addr: string;
}

/** Starts a server that answers with its name. */
export async function startServer(name: string, host = '127.0.0.1:0'): Promise<NamedServer> {
  const server = new Server();
  const tell: UntypedServiceImplementation[string] = (
    _call: unknown,
    callback: (error: null, name: string) => void,
  ) => callback(null, name);
  server.addService(names, {tell});
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(host, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    addr: host.replace(/:0$/, `:${String(port)}`),
    [Symbol.dispose]: () => server.forceShutdown(),
  };
}

/** A client that gives each instance its turn. */
export function roundRobin(target: string, options: ClientOptions = {}): Client & Disposable {
  const client = new Client(target, credentials.createInsecure(), {
    'grpc.service_config': JSON.stringify({loadBalancingConfig: [{round_robin: {}}]}),
    ...options,
  });
  return Object.assign(client, {[Symbol.dispose]: () => client.close()});
}

/** Asks a server for its name. */
export function ask(client: Client): Promise<string> {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + 60_000;
    const answered = (error: ServiceError | null, name = '') => {
      if (error === null) resolve(name);
      else reject(error);
    };
    client.makeUnaryRequest(path, encode, decode, 'name?', {deadline}, answered);
  });
}

/** Asks until these servers answer, each in its turn, and no other does. */
export async function untilAnswering(client: Client, expected: readonly string[]): Promise<void> {
  for (;;) {
    const answers = new Set<string>();
    for (let i = 0; i < 4 * expected.length; i += 1) answers.add(await ask(client));
    if (String([...answers].sort()) === String(expected)) return;
  }
}
