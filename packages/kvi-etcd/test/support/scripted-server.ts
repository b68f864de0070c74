import {once} from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import type {AddressInfo, Socket} from 'node:net';
import type {Endpoint} from '../../src/cluster/endpoints.ts';

/** Plays the server in a call: it may answer, or do what no etcd does. */
export type Script = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** A server of HTTP/2 that does as it is told. */
export interface ScriptedServer extends AsyncDisposable {
  readonly endpoint: Endpoint;
  /** Its connections, in the order in which they were made. */
  readonly sessions: readonly ServerHttp2Session[];
  readonly sockets: readonly Socket[];
}

export async function startScriptedServer(
  script: Script,
  {host = '127.0.0.1', settings = {}}: {host?: string; settings?: Settings} = {},
): Promise<ScriptedServer> {
  const sessions: ServerHttp2Session[] = [];
  const sockets: Socket[] = [];
  const server = createServer({settings});
  server.on('connection', (socket: Socket) => sockets.push(socket));
  server.on('session', (session) => sessions.push(session.on('error', () => undefined)));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    script(stream, headers);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const {port} = server.address() as AddressInfo;
  return {
    endpoint: {host, port, tls: false},
    sessions,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Answers with these bytes, in pieces of their own frames, and this status. */
export function answer(
  stream: ServerHttp2Stream,
  pieces: readonly Uint8Array[],
  status: Record<string, string> = {'grpc-status': '0'},
): void {
  stream.respond({':status': 200, 'content-type': 'application/grpc'}, {waitForTrailers: true});
  stream.on('wantTrailers', () => stream.sendTrailers(status));
  const [first, ...others] = pieces;
  if (first === undefined) {
    stream.end();
    return;
  }
  // Each piece waits until the one before it is sent, so that it is a frame of its own.
  stream.write(first, () => sendRest(stream, others));
}

function sendRest(stream: ServerHttp2Stream, [first, ...others]: readonly Uint8Array[]): void {
  if (first === undefined) stream.end();
  else stream.write(first, () => sendRest(stream, others));
}

/** Answers with nothing but a status, in the headers. */
export function refuse(stream: ServerHttp2Stream, code: number, message: string): void {
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(code),
      'grpc-message': message,
    },
    {endStream: true},
  );
}
