import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {Socket} from 'node:net';
import {type Answer, type Pages, plainText} from '../store/pages.ts';

/** The connections that speak HTTP/1.1. */
export interface Http1Connections {
  /** Serves a connection. */
  add(socket: Socket): void;
  /** Ends all, at once. */
  close(): void;
}

/** Serves pages, for `GET` and `HEAD`, on connections that somebody else accepts. */
export function http1Connections(pages: Pages, idleTimeoutMs: number): Http1Connections {
  const server = createServer((request, response) => void serve(request, response));
  server.keepAliveTimeout = idleTimeoutMs;
  server.on('clientError', (_, socket) => socket.destroy());
  const sockets = new Set<Socket>();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const {status = 200, type, body} = await answer(request);
    response.writeHead(status, {'content-type': type, 'content-length': Buffer.byteLength(body)});
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  async function answer({url = '', method}: IncomingMessage): Promise<Answer> {
    const path = url.replace(/\?.*/s, '');
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (page === undefined) return plainText(404, '404 page not found\n');
    if (method !== 'GET' && method !== 'HEAD') return plainText(405, 'Method Not Allowed\n');
    try {
      return await page();
    } catch (error) {
      return plainText(503, `${String(error)}\n`);
    }
  }

  return {
    add(socket) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      server.emit('connection', socket);
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
