import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {Socket} from 'node:net';
import {TLSSocket} from 'node:tls';
import {type Exchange, type HttpHandler, type Output, readUrl} from '../gateway/exchange.ts';
import type {ServerLimits} from '../options/options.ts';
import {certificateOf} from './http2-connections.ts';

/** The connections that speak HTTP/1.1. */
export interface Http1Connections {
  /** Serves a connection. */
  add(socket: Socket): void;
  /** Waits for requests under way, but no longer than `graceMs`, and ends all connections. */
  close(graceMs: number): Promise<void>;
}

/** Serves connections that somebody else accepts. */
export function http1Connections(
  handle: HttpHandler,
  {idleTimeoutMs, maxUnreadBytes}: ServerLimits,
): Http1Connections {
  const server = createServer((request, response) => void serve(request, response));
  server.keepAliveTimeout = idleTimeoutMs;
  server.on('clientError', (_, socket) => socket.destroy());
  /** The requests under way on each. */
  const sockets = new Map<Socket, number>();
  const unsents = new WeakMap<Socket, {bytes: number; limit: number}>();
  let isClosing = false;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const {socket} = request;
    count(socket, 1);
    response.on('close', () => count(socket, -1));
    response.on('error', () => undefined);
    const unsent = unsents.get(socket) ?? {bytes: 0, limit: maxUnreadBytes};
    unsents.set(socket, unsent);
    await handle(exchangeOf(request, response, unsent));
  }

  function count(socket: Socket, change: number): void {
    const calls = (sockets.get(socket) ?? 0) + change;
    if (socket.destroyed) return;
    sockets.set(socket, calls);
    if (isClosing && calls === 0) socket.destroySoon();
  }

  return {
    add(socket) {
      sockets.set(socket, 0);
      socket.on('close', () => sockets.delete(socket));
      server.emit('connection', socket);
    },
    async close(graceMs) {
      isClosing = true;
      const gone = Array.from(sockets, ([socket, calls]) => {
        if (calls === 0) socket.destroy();
        return new Promise((resolve) => socket.once('close', resolve));
      });
      const timer = setTimeout(() => {
        for (const socket of sockets.keys()) socket.destroy();
      }, graceMs);
      await Promise.all(gone);
      clearTimeout(timer);
    },
  };
}

/** @param unsent - counts what the client of the connection has not taken */
function exchangeOf(
  request: IncomingMessage,
  response: ServerResponse,
  unsent: {bytes: number; readonly limit: number},
): Exchange {
  const {method = '', url = '', headers, socket} = request;
  return {
    method,
    ...readUrl(url),
    headers,
    authority: headers.host ?? '',
    peer: socket instanceof TLSSocket ? certificateOf(socket) : undefined,
    body: request,
    head: (status, fields) => void response.writeHead(status, fields),
    output: outputOf(response, unsent),
    unsent,
  };
}

function outputOf(response: ServerResponse, unsent: {bytes: number}): Output {
  return {
    write(bytes) {
      unsent.bytes += bytes.length;
      response.write(bytes, () => {
        unsent.bytes -= bytes.length;
      });
    },
    end: () => void response.end(),
    get isClosed() {
      return response.destroyed;
    },
    closed: new Promise((resolve) => response.once('close', () => resolve())),
    get unsentBytes() {
      return response.writableLength;
    },
    async drained() {
      while (response.writableNeedDrain && !response.destroyed) {
        await new Promise<void>((resolve) => {
          response.once('drain', resolve);
          response.once('close', resolve);
        });
      }
    },
  };
}
