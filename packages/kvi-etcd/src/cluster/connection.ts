import {backoffMs, connectionMessages, systemClock, type Timer} from 'kvi-core/driver';
import type {OutgoingHttpHeaders} from 'node:http2';
import {grpcCode, type Method} from 'kvi-wire';
import {GrpcError, type GrpcFailure, notConnected} from '../failures/grpc-failures.ts';
import {type ConnectionOptions, dial} from './dial.ts';
import {authorityOf, type Endpoint} from './endpoints.ts';
import {type CallListener, grpcCall, type GrpcCall} from './grpc-call.ts';
import type {Http2Session} from './http2-session.ts';

export type {ConnectionOptions};

/** `pending` may become either of the others; a `failed` connection is tried again now and then. */
export type ConnectionState = 'ready' | 'pending' | 'failed';

/** A connection to a member. Once asked to connect, it connects again by itself until it is closed. */
export interface Connection {
  readonly state: ConnectionState;
  /** Starts to connect, unless it has. */
  connect(): void;
  /** Sends a request, and calls back once, with the response or the error. */
  call<Q, R>(
    method: Method<Q, R>,
    request: Q,
    headers: Headers,
    onResponse: (response: R) => void,
    onError: (error: GrpcError) => void,
  ): Cancellable;
  /** Opens a stream. */
  stream<Q, R>(method: Method<Q, R>, headers: Headers, events: StreamEvents<R>): Stream<Q>;
  /** Stops connecting. Calls under way may end. */
  close(): void;
}

/** What is sent along with calls. */
export type Headers = Readonly<Record<string, string>>;

/** A call that can be ended, which its caller is told like any other failure. */
export type Cancellable = Pick<GrpcCall, 'cancel'>;

/** Receives what happens on a stream. After {@link StreamEvents.onEnd}, nothing more. */
export interface StreamEvents<R> {
  onResponse: (response: R) => void;
  /** The stream broke, or one side ended it. */
  onEnd: (status: GrpcFailure) => void;
}

/** The sending side of a stream. */
export interface Stream<Q> extends Cancellable {
  /** Sends a request, unless the stream has ended. */
  write(request: Q): void;
}

/** Attempts to connect to a server that is down begin at least this far apart, the first ones closer than later ones. */
const minBackoffMs = 100;
const maxBackoffMs = 1_000;

/** @param onChange - called when {@link Connection.state} has changed */
export function connectTo(endpoint: Endpoint, options: ConnectionOptions, onChange: () => void): Connection {
  const common: OutgoingHttpHeaders = {
    ':method': 'POST',
    ':scheme': endpoint.tls ? 'https' : 'http',
    ':authority': authorityOf(endpoint),
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'kvi-etcd',
  };
  const closing = new AbortController();
  let state: ConnectionState = 'pending';
  let session: Http2Session | undefined;
  let isConnecting = false;
  let whyNot = lost;
  let retry: Timer | undefined;
  let attempts = 0;
  let nextAttemptAt = -Infinity;

  function become(next: ConnectionState): void {
    if (closing.signal.aborted) return;
    state = next;
    onChange();
  }

  function connect(): void {
    if (session !== undefined || isConnecting || closing.signal.aborted) return;
    const waitMs = nextAttemptAt - systemClock.now();
    if (waitMs <= 0) {
      void attempt();
    } else {
      retry?.cancel();
      retry = systemClock.setTimer(waitMs, connect).unref();
    }
  }

  async function attempt(): Promise<void> {
    const now = systemClock.now();
    // A connection that lasted was a success, and one that took long to fail needs no further pause.
    attempts = now > nextAttemptAt + maxBackoffMs ? 1 : attempts + 1;
    nextAttemptAt = now + backoffMs(attempts, minBackoffMs, maxBackoffMs);
    isConnecting = true;
    try {
      adopt(await dial(endpoint, options, closing.signal));
    } catch (error) {
      whyNot = error instanceof GrpcError ? error : notConnected(String(error));
      become('failed');
    } finally {
      isConnecting = false;
      connect();
    }
  }

  function adopt(opened: Http2Session): void {
    if (closing.signal.aborted) {
      opened.close();
      return;
    }
    session = opened;
    become('ready');
    opened.onRetired(() => {
      session = undefined;
      whyNot = lost;
      become('pending');
      connect();
    });
  }

  /** Calls are sent only on a connection that stands: what fails before was certainly not sent. */
  function start(path: string, headers: Headers, listener: CallListener): GrpcCall {
    const stream = session?.open({...common, ':path': path, ...headers});
    if (session !== undefined && stream !== undefined) return grpcCall(session, stream, listener);
    // Not before the caller has what this returns, even by way of a few promises.
    setImmediate(() => listener.onEnd(whyNot));
    return ended;
  }

  return {
    get state() {
      return state;
    },
    connect,
    call: <Q, R>(
      {path, encode, decode}: Method<Q, R>,
      request: Q,
      headers: Headers,
      onResponse: (response: R) => void,
      onError: (error: GrpcError) => void,
    ) => {
      const message = encode(request);
      const responses: R[] = [];
      const call = start(path, headers, {
        onMessage: (bytes) => responses.push(decode(bytes)),
        onEnd(failure) {
          const [response] = responses;
          if (failure !== undefined) onError(failure);
          else if (response === undefined || responses.length > 1) onError(notOne(responses.length));
          else onResponse(response);
        },
      });
      call.sendLast(message);
      return call;
    },
    stream({path, encode, decode}, headers, {onResponse, onEnd}) {
      const call = start(path, headers, {
        onMessage: (bytes) => onResponse(decode(bytes)),
        onEnd: (failure) => onEnd(failure ?? {code: grpcCode.ok, details: 'the server ended the stream'}),
      });
      return {
        write: (request) => call.send(encode(request)),
        cancel: () => call.cancel(),
      };
    },
    close() {
      state = 'failed';
      closing.abort();
      retry?.cancel();
      session?.close();
    },
  };
}

const lost = notConnected(connectionMessages.notConnected);

/** A call that ended before it began. */
const ended: GrpcCall = {send: () => undefined, sendLast: () => undefined, cancel: () => undefined};

function notOne(responses: number): GrpcError {
  return new GrpcError({code: grpcCode.internal, details: `${responses} responses instead of one`});
}

/** The headers of calls, as a user's token allows. */
export interface CallHeaders {
  readonly any: Headers;
  /** Has a member that knows no leader refuse, instead of keeping the caller waiting. */
  readonly requireLeader: Headers;
}

export function callHeaders(token?: string): CallHeaders {
  const any: Headers = token === undefined ? {} : {token};
  return {any, requireLeader: {...any, hasleader: 'true'}};
}
