import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type {Socket} from 'node:net';
import type {PeerCertificate} from 'node:tls';
import {TLSSocket} from 'node:tls';
import {isGrpc} from 'kvi-wire';
import {type Exchange, type HttpHandler, readUrl} from '../gateway/exchange.ts';
import type {CallRules} from '../grpc/call.ts';
import {type CallContext, serveCall} from '../grpc/serve-call.ts';
import type {ServerLimits} from '../options/options.ts';

/** The connections that speak HTTP/2: gRPC, and what else there is. */
export interface Http2Connections {
  /** Serves a connection. */
  add(socket: Socket): void;
  /** Waits for calls under way, but no longer than `graceMs`, and ends all connections. */
  close(graceMs: number): Promise<void>;
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

/** Serves connections that somebody else accepts. @param other - answers what is not gRPC */
export function http2Connections(
  limits: ServerLimits,
  rules: CallRules,
  other: HttpHandler,
): Http2Connections {
  const sessions = new Set<ServerHttp2Session>();
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
    const context: CallContext = {...rules, peer, unsent: {bytes: 0, limit: limits.maxUnreadBytes}};
    const stopWatching = endWhenSilent(session, limits);
    session.on('stream', (stream, headers) => {
      if (headers[':method'] === 'POST' && isGrpc(headers)) {
        serveCall(stream, headers, context);
        return;
      }
      stream.on('error', () => undefined);
      void other(exchangeOn(stream, headers, context));
    });
    session.on('close', () => {
      stopWatching();
      sessions.delete(session);
    });
  }

  return {
    add: (socket) => void server.emit('connection', socket),
    async close(graceMs) {
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

function exchangeOn(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  {peer, unsent}: CallContext,
): Exchange {
  const {':method': method = '', ':path': path = '', ':authority': authority = ''} = headers;
  return {
    method,
    ...readUrl(path),
    headers,
    authority,
    peer,
    body: stream,
    head: (status, fields) => stream.respond({':status': status, ...fields}),
    output: stream,
    unsent,
  };
}

/** The certificate of a client that has one. */
export function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerCertificate();
  // Without a certificate it is an object without fields.
  return Object.keys(certificate).length === 0 ? undefined : certificate;
}
