/** One connection of HTTP/2. */
import {type ClientHttp2Stream, connect, type OutgoingHttpHeaders} from 'node:http2';
import type {Socket} from 'node:net';
import {keepalive} from './keepalive.ts';

/** A connection whose streams are calls. */
export interface Http2Session {
  /**
   * Opens a stream, to be released once. A server may limit how many are open; then the request waits its turn.
   *
   * @returns undefined if no more can be opened
   */
  open(headers: OutgoingHttpHeaders): ClientHttp2Stream | undefined;
  /** The call on a stream is over. */
  release(): void;
  /** Whether the server has said that it does not process the stream, nor will. */
  refused(stream: ClientHttp2Stream): boolean;
  /** Whether the connection is gone, and all streams with it. */
  readonly isLost: boolean;
  /** Calls back once, when no more streams can be opened: the connection is lost, or the server is about to close it. */
  onRetired(callback: () => void): void;
  /** Opens no more streams; closes once all are over. */
  close(): void;
}

/** How much the server may send ahead. The protocol's 64 KiB would limit a distant server to that much in a round trip. */
const windowBytes = 8 * 2 ** 20;

/**
 * Speaks HTTP/2 on a socket that is connected, and secured if it is to be.
 *
 * @throws Error if the server does not speak it
 */
export function http2Session(socket: Socket): Promise<Http2Session> {
  const session = connect('http://localhost', {
    createConnection: () => socket,
    settings: {enablePush: false, initialWindowSize: windowBytes},
    // Node counts all that is under way, and would refuse large responses and many calls.
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
    maxSendHeaderBlockLength: Number.MAX_SAFE_INTEGER,
  });
  session.setLocalWindowSize(windowBytes);
  let calls = 0;
  let isRetired = false;
  let onRetired = (): void => undefined;
  /** The last stream that the server may have processed. */
  let lastStreamId = Infinity;
  const useAgain = keepalive({
    bytesRead: () => socket.bytesRead,
    isInUse: () => calls > 0 && !session.destroyed,
    // Not sent if the server is about to close the connection. Such a one is given up if nothing arrives for as long.
    ping: () => session.ping(() => undefined),
    // `session.destroy` would wait until what it has to send is sent.
    onSilence: (error) => socket.destroy(error),
  });

  function retire(): void {
    if (isRetired) return;
    isRetired = true;
    onRetired();
  }

  session.on('goaway', (_: number, lastId: number) => {
    lastStreamId = Math.min(lastStreamId, lastId);
    retire();
  });
  // The session hears of an error of its socket, but closes only once it has sent what it has to send.
  for (const emitter of [session, socket]) emitter.on('error', retire).on('close', retire);

  const opened: Http2Session = {
    open(headers) {
      if (isRetired || session.closed || session.destroyed) {
        retire();
        return undefined;
      }
      const stream = session.request(headers);
      // Its numbers are used up, after 2 ** 30 streams.
      if (stream.id === undefined) {
        stream.on('error', () => undefined);
        retire();
        session.close();
        return undefined;
      }
      calls += 1;
      if (calls === 1) {
        session.ref();
        useAgain();
      }
      return stream;
    },
    release() {
      calls -= 1;
      // An idle connection does not keep the process.
      if (calls === 0) session.unref();
    },
    refused: ({id = 0}) => id > lastStreamId,
    get isLost() {
      return session.destroyed;
    },
    onRetired(callback) {
      onRetired = callback;
      if (isRetired) callback();
    },
    close() {
      retire();
      session.close();
    },
  };
  return new Promise((resolve, reject) => {
    // The first frame of a server: RFC 9113, 3.4.
    session.once('remoteSettings', () => resolve(opened));
    for (const emitter of [session, socket]) emitter.on('error', reject);
  });
}
