import {once} from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import {
  type GrpcStatus,
  MessageReader,
  type Method,
  prefixed,
  statusIn,
  watch as watchMethod,
} from 'kvi-wire';
import type {SentWatchRequest, WatchMessage} from 'kvi-wire';

/** A client that says exactly what a test has it say. */
export interface Client extends AsyncDisposable {
  readonly session: ClientHttp2Session;
  /** @throws the status that the call failed with */
  call<Q, R>(method: Method<Q, R>, request: Q, headers?: OutgoingHttpHeaders): Promise<R>;
  /** How a call fails. */
  failure<Q>(method: Method<Q, unknown>, request: Q, headers?: OutgoingHttpHeaders): Promise<GrpcStatus>;
  open<Q, R>(method: Method<Q, R>, headers?: OutgoingHttpHeaders): OpenStream<Q, R>;
  watch(headers?: OutgoingHttpHeaders): OpenStream<SentWatchRequest, WatchMessage>;
  /** Sends bytes as the body of a call, and reads how it ends. */
  raw(path: string, body: Buffer, headers?: OutgoingHttpHeaders): Promise<GrpcStatus | undefined>;
}

/** A stream, message by message. */
export interface OpenStream<Q, R> {
  readonly stream: ClientHttp2Stream;
  send: (request: Q) => void;
  /** The next message. @throws the status that the stream ended with */
  next(): Promise<R>;
  /** Messages that have arrived and that nobody has taken. */
  readonly waiting: readonly R[];
  readonly ended: Promise<GrpcStatus | undefined>;
}

/** A stream ended before the message that was waited for. */
class Ended extends Error {
  readonly status: GrpcStatus | undefined;

  constructor(status: GrpcStatus | undefined) {
    super(`the stream ended: ${JSON.stringify(status)}`);
    this.status = status;
  }
}

export function connectClient(url: string, options: Parameters<typeof connect>[1] = {}): Client {
  const session = connect(url.replace(/^unix:.*/, 'http://localhost'), options);
  session.on('error', () => undefined);

  function request(path: string, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream {
    return session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
  }

  function endOf(stream: ClientHttp2Stream): Promise<GrpcStatus | undefined> {
    let status: GrpcStatus | undefined;
    const note = (headers: IncomingHttpHeaders): void => {
      status = statusIn(headers) ?? status;
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('error', () => undefined);
    return once(stream, 'close').then(() => status);
  }

  function open<Q, R>(method: Method<Q, R>, headers?: OutgoingHttpHeaders): OpenStream<Q, R> {
    const stream = request(method.path, headers);
    const waiting: R[] = [];
    const takers: {resolve: (message: R) => void; reject: (error: Ended) => void}[] = [];
    let isOver: {status: GrpcStatus | undefined} | undefined;
    const reader = new MessageReader((bytes) => {
      const message = method.decode(bytes);
      const taker = takers.shift();
      if (taker) taker.resolve(message);
      else waiting.push(message);
    });
    stream.on('data', (piece: Buffer) => reader.push(piece));
    const ended = endOf(stream).then((status) => {
      isOver = {status};
      for (const {reject} of takers.splice(0)) reject(new Ended(status));
      return status;
    });
    return {
      stream,
      waiting,
      ended,
      send: (message) => void stream.write(prefixed(method.encode(message))),
      next() {
        const [message] = waiting.splice(0, 1);
        if (message !== undefined) return Promise.resolve(message);
        return new Promise((resolve, reject) => {
          if (isOver) reject(new Ended(isOver.status));
          else takers.push({resolve, reject});
        });
      },
    };
  }

  const client: Client = {
    session,
    open,
    watch: (headers) => open(watchMethod, headers),
    async call(method, message, headers) {
      const call = open(method, headers);
      call.stream.end(prefixed(method.encode(message)));
      const response = await call.next();
      await call.ended;
      return response;
    },
    async failure(method, message, headers) {
      try {
        await client.call(method, message, headers);
      } catch (error) {
        if (error instanceof Ended && error.status !== undefined) return error.status;
        throw error;
      }
      throw new Error('expected a failure');
    },
    async raw(path, body, headers) {
      const stream = request(path, headers);
      stream.resume();
      const ended = endOf(stream);
      stream.end(body);
      return ended;
    },
    async [Symbol.asyncDispose]() {
      if (session.destroyed) return;
      session.destroy();
      await once(session, 'close');
    },
  };
  return client;
}
