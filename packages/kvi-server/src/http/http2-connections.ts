import type {Socket} from 'node:net';
import type {PeerCertificate} from 'node:tls';
import {TLSSocket} from 'node:tls';
import {Readable} from 'node:stream';
import {isGrpc} from 'kvi-wire';
import {type Exchange, type HttpHandler, readUrl} from '../gateway/exchange.ts';
import type {CallRules} from '../grpc/call.ts';
import {type CallContext, serveCall} from '../grpc/serve-call.ts';
import {createSignals} from '../grpc/signals.ts';
import {errorCode} from '../http2/frames.ts';
import {Http2Connection} from '../http2/connection.ts';
import {headerBlock} from '../http2/header-block.ts';
import type {Http2Stream} from '../http2/stream.ts';
import type {ServerLimits} from '../options/options.ts';

/** The connections that speak HTTP/2: gRPC, and what else there is. */
export interface Http2Connections {
  /** Serves a connection. */
  add(socket: Socket): void;
  /** Waits for calls under way, but no longer than `graceMs`, and ends all connections. */
  close(graceMs: number): Promise<void>;
}

/** Serves connections that somebody else accepts. @param other - answers what is not gRPC */
export function http2Connections(
  limits: ServerLimits,
  rules: CallRules,
  other: HttpHandler,
): Http2Connections {
  const {maxConcurrentStreams, maxUnreadBytes, keepaliveTimeoutMs} = limits;
  const signals = createSignals();
  /** The end of each. */
  const connections = new Map<Http2Connection, Promise<void>>();

  function add(socket: Socket): void {
    const context: CallContext = {
      ...rules,
      peer: socket instanceof TLSSocket ? certificateOf(socket) : undefined,
      unsent: {
        get bytes() {
          return connection.unsentBytes;
        },
        limit: maxUnreadBytes,
      },
      work: {calls: 0, requestBytes: 0},
      signals,
    };
    const {work} = context;

    function answerOther(stream: Http2Stream): void {
      work.calls += 1;
      void other(exchangeOn(stream, context)).finally(() => (work.calls -= 1));
    }

    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const connection = new Http2Connection(socket, {
      maxConcurrentStreams,
      endTimeoutMs: keepaliveTimeoutMs,
      onStream(stream) {
        // A client may cancel a call, which ends its stream, and make another at once, faster than the store lets go of the first.
        if (work.calls >= maxConcurrentStreams) stream.reset(errorCode.refusedStream);
        else if (stream.headers[':method'] === 'POST' && isGrpc(stream.headers)) serveCall(stream, context);
        else answerOther(stream);
      },
      onClose() {
        stopWatching();
        connections.delete(connection);
      },
    });
    const stopWatching = endWhenSilent(connection, limits);
    connections.set(connection, ended);
  }

  return {
    add,
    async close(graceMs) {
      const timer = setTimeout(() => {
        for (const connection of connections.keys()) connection.destroy();
      }, graceMs);
      for (const connection of connections.keys()) connection.close();
      await Promise.all(connections.values());
      clearTimeout(timer);
    },
  };
}

/** Closes a connection that has no calls, and one whose client does not answer. Returns what stops it. */
function endWhenSilent(connection: Http2Connection, limits: ServerLimits): () => void {
  const {keepaliveIntervalMs, keepaliveTimeoutMs, idleTimeoutMs} = limits;
  let bytesRead = -1;
  let pinged: NodeJS.Timeout | undefined;
  const timer = setInterval(look, Math.min(keepaliveIntervalMs, idleTimeoutMs)).unref();

  function look(): void {
    if (connection.idleMs >= idleTimeoutMs) {
      connection.close();
      return;
    }
    const isSilent = connection.bytesRead === bytesRead;
    bytesRead = connection.bytesRead;
    if (!isSilent || pinged !== undefined) return;
    pinged = setTimeout(() => connection.destroy(), keepaliveTimeoutMs).unref();
    connection.ping(() => {
      clearTimeout(pinged);
      pinged = undefined;
    });
  }

  return () => {
    clearInterval(timer);
    clearTimeout(pinged);
  };
}

function exchangeOn(stream: Http2Stream, {peer, unsent, maxMessageBytes}: CallContext): Exchange {
  const {headers} = stream;
  const {':method': method = '', ':path': path = '', ':authority': authority = ''} = headers;
  const body = new Readable({read: () => undefined});
  const closed = new Promise<void>((resolve) => {
    stream.handle({
      onData(piece) {
        body.push(piece);
        // Nobody has begun to read, as it is not known yet who may.
        if (body.readableLength > 2 * maxMessageBytes) stream.reset(errorCode.enhanceYourCalm);
      },
      onEnd: () => void body.push(null),
      onClose() {
        body.destroy(stream.hasRequestEnded ? undefined : new Error('the client is gone'));
        resolve();
      },
    });
  });
  return {
    method,
    ...readUrl(path),
    headers,
    authority,
    peer,
    body,
    head: (status, fields) => stream.respond(headerBlock({':status': status, ...fields})),
    output: {
      write: (bytes) => stream.write(bytes),
      end: () => stream.end(),
      get isClosed() {
        return stream.isClosed;
      },
      get unsentBytes() {
        return stream.unsentBytes;
      },
      drained: () => stream.drained(),
      closed,
    },
    unsent,
  };
}

/** The certificate of a client that has one. */
export function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerCertificate();
  // Without a certificate it is an object without fields.
  return Object.keys(certificate).length === 0 ? undefined : certificate;
}
