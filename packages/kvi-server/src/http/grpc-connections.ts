import type {Driver} from 'kvi-core/driver';
import {constants, createServer, type IncomingHttpHeaders, type ServerHttp2Session} from 'node:http2';
import type {Socket} from 'node:net';
import type {PeerCertificate} from 'node:tls';
import {TLSSocket} from 'node:tls';
import {etcdErrors, isGrpc} from 'kvi-wire';
import {type CallContext, serveCall} from '../grpc/serve-call.ts';
import {overheadBytes, type ServerLimits} from '../options/options.ts';

/** The connections that speak gRPC. */
export interface GrpcConnections {
  /** Serves a connection. */
  add(socket: Socket): void;
  /** Ends streams, waits for calls under way, but no longer than `graceMs`, and ends all connections. */
  close(graceMs: number): Promise<void>;
}

/** What calls need to know, and how it is decided who may make them. */
export interface GrpcConnectionOptions extends Pick<CallContext, 'routes' | 'prepare'> {
  readonly limits: ServerLimits;
  readonly authorize: (
    headers: IncomingHttpHeaders,
    peer: PeerCertificate | undefined,
  ) => Driver | Promise<Driver>;
}

/** How much a client may send ahead, on a stream and on a connection. */
const streamWindowBytes = 1024 * 1024;
const connectionWindowBytes = 4 * 1024 * 1024;

/** How long a client may take to answer a keepalive, in milliseconds. */
const pingTimeoutMs = 20_000;

/**
 * Clients that cancel calls are no attack. Node ends a connection after a thousand at once, unless it is told otherwise; before Node 22
 * it takes no telling, and such a client has to connect again.
 */
const resets = {streamResetBurst: 1_000_000, streamResetRate: 100_000};

/** Serves gRPC on connections that somebody else accepts. */
export function grpcConnections({
  limits,
  routes,
  prepare,
  authorize,
}: GrpcConnectionOptions): GrpcConnections {
  const sessions = new Set<ServerHttp2Session>();
  const endings: CallContext['endings'] = new Set();
  const server = createServer({
    settings: {
      enablePush: false,
      initialWindowSize: streamWindowBytes,
      maxConcurrentStreams: limits.maxConcurrentStreams,
    },
    // Node counts all that is under way, and would refuse calls. The limits are the server's own.
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
    ...resets,
  });
  server.on('session', serve);
  server.on('error', () => undefined);

  function serve(session: ServerHttp2Session): void {
    sessions.add(session);
    session.on('error', () => undefined);
    session.setLocalWindowSize(connectionWindowBytes);
    const {socket} = session;
    const peer = socket instanceof TLSSocket ? certificateOf(socket) : undefined;
    const context: CallContext = {
      routes,
      prepare,
      authorize: (headers) => authorize(headers, peer),
      maxMessageBytes: limits.maxRequestBytes + overheadBytes,
      unsent: {bytes: 0, limit: limits.maxUnreadBytes},
      endings,
    };
    const stopWatching = endWhenSilent(session, limits);
    session.on('stream', (stream, headers) => {
      if (headers[':method'] === 'POST' && isGrpc(headers)) {
        serveCall(stream, headers, context);
        return;
      }
      stream.on('error', () => undefined);
      stream.respond({':status': headers[':method'] === 'POST' ? 415 : 405}, {endStream: true});
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
    session.on('close', () => {
      stopWatching();
      sessions.delete(session);
    });
  }

  return {
    add: (socket) => void server.emit('connection', socket),
    async close(graceMs) {
      for (const end of [...endings]) end(etcdErrors.stopped);
      const timer = setTimeout(() => {
        for (const session of sessions) session.destroy();
      }, graceMs);
      await Promise.all(Array.from(sessions, (session) => closed(session)));
      clearTimeout(timer);
    },
  };
}

/** Says that no more calls are taken, and waits for those under way. */
function closed(session: ServerHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    if (session.destroyed) {
      resolve();
      return;
    }
    session.once('close', () => resolve());
    session.close();
  });
}

/** Closes a connection that has no calls, and one whose client does not answer. Returns what stops it. */
function endWhenSilent(session: ServerHttp2Session, limits: ServerLimits): () => void {
  let calls = 0;
  let idleSince = performance.now();
  let bytesRead = -1;
  session.on('stream', (stream) => {
    calls += 1;
    stream.on('close', () => {
      calls -= 1;
      idleSince = performance.now();
    });
  });
  let pinged: NodeJS.Timeout | undefined;
  const {keepaliveIntervalMs, idleTimeoutMs} = limits;
  const timer = setInterval(look, Math.min(keepaliveIntervalMs, idleTimeoutMs)).unref();

  function look(): void {
    if (session.destroyed) return;
    if (calls === 0 && performance.now() - idleSince >= idleTimeoutMs) {
      session.close();
      return;
    }
    const {socket} = session;
    const isSilent = socket.bytesRead === bytesRead;
    bytesRead = socket.bytesRead;
    if (!isSilent || pinged !== undefined) return;
    pinged = setTimeout(() => session.destroy(), pingTimeoutMs).unref();
    session.ping(() => {
      clearTimeout(pinged);
      pinged = undefined;
    });
  }

  return () => {
    clearInterval(timer);
    clearTimeout(pinged);
  };
}

function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerCertificate();
  // Without a certificate it is an object without fields.
  return Object.keys(certificate).length === 0 ? undefined : certificate;
}
