import {KviError} from 'kvi-core/driver';
import {once} from 'node:events';
import {createServer, isIP, type Server, type Socket} from 'node:net';
import {createServer as createTlsServer} from 'node:tls';
import {preface} from '../http2/frames.ts';
import type {Address, ServerTls} from '../options/options.ts';

/** Accepts connections. */
export interface Listener {
  /** Where: `http://HOST:PORT`, `https://HOST:PORT`, `unix:///PATH` or `unixs:///PATH`. */
  readonly url: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** Accepts no more. */
  stop(): void;
  /** Ends all connections that are left, such as those that have not said what they speak. Resolves when they are gone. */
  close(): Promise<void>;
}

/** What becomes of connections. */
export interface ConnectionHandlers {
  /** @param socket - without the preface, which was read */
  http2: (socket: Socket) => void;
  http1: (socket: Socket) => void;
}

/** How long a client may take to say what it speaks, in milliseconds. */
const handshakeTimeoutMs = 10_000;

/**
 * Listens.
 *
 * @throws `KVI_UNAVAILABLE` if the address is in use or is no address of this machine
 */
export async function listen(
  address: Address,
  tls: ServerTls | undefined,
  maxConnections: number,
  handlers: ConnectionHandlers,
): Promise<Listener> {
  const accept = (socket: Socket): void => tellApart(socket, handlers);
  const server = tls === undefined ? createServer({noDelay: true}, accept) : secureServer(tls, accept);
  server.maxConnections = maxConnections;
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen('path' in address ? {path: address.path} : address);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw cannotListen(address, error);
  }
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return {
    url: urlOf(address, port, tls !== undefined),
    port,
    stop: () => void server.close(),
    async close() {
      const gone = Array.from(sockets, (socket) => new Promise((resolve) => socket.once('close', resolve)));
      for (const socket of sockets) socket.destroy();
      await Promise.all(gone);
    },
  };
}

function secureServer({cert, key, clientCa}: ServerTls, accept: (socket: Socket) => void): Server {
  const server = createTlsServer(
    {
      cert,
      key,
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: handshakeTimeoutMs,
      noDelay: true,
      ...(clientCa === undefined ? {} : {ca: clientCa, requestCert: true, rejectUnauthorized: true}),
    },
    accept,
  );
  // A client that does not trust the server, or is not trusted, is gone.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  return server;
}

/** A client of HTTP/2 begins with words that no other client says. */
function tellApart(socket: Socket, handlers: ConnectionHandlers): void {
  const timer = setTimeout(() => socket.destroy(), handshakeTimeoutMs);
  let received = Buffer.alloc(0);
  const onError = (): void => undefined;
  socket.on('error', onError);
  socket.on('readable', look);
  socket.once('close', stop);

  function look(): void {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) return;
    received = Buffer.concat([received, bytes]);
    const length = Math.min(received.length, preface.length);
    if (!received.subarray(0, length).equals(preface.subarray(0, length))) handOver(received, handlers.http1);
    else if (length === preface.length) handOver(received.subarray(length), handlers.http2);
  }

  function handOver(rest: Buffer, to: (socket: Socket) => void): void {
    stop();
    socket.off('readable', look);
    socket.off('close', stop);
    socket.unshift(rest);
    to(socket);
    socket.off('error', onError);
  }

  function stop(): void {
    clearTimeout(timer);
  }
}

function urlOf(address: Address, port: number, isSecure: boolean): string {
  const s = isSecure ? 's' : '';
  if ('path' in address) return `unix${s}://${address.path}`;
  const host = isIP(address.host) === 6 ? `[${address.host}]` : address.host;
  return `http${s}://${host}:${port}`;
}

function cannotListen(address: Address, cause: unknown): KviError {
  const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new KviError('KVI_UNAVAILABLE', `cannot listen on ${where}: ${why}`, {cause});
}
