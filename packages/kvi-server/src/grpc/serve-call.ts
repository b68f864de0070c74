/**
 * A gRPC call on a stream of HTTP/2, as a server answers it.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import type {Driver} from 'kvi-core/driver';
import {grpcCode, type GrpcStatus, MessageReader, prefixed, statusHeaders} from 'kvi-wire';
import {constants, type IncomingHttpHeaders, type ServerHttp2Stream} from 'node:http2';
import type {PeerCertificate} from 'node:tls';
import type {Call, CallRules, Replies, Requests} from './call.ts';
import {Refusal, statusOf, statusOfDenial} from './refusal.ts';
import {timeoutIn} from './timeout.ts';

/** What is the same for all calls of a connection. */
export interface CallContext extends CallRules {
  readonly peer: PeerCertificate | undefined;
  /** Counts the bytes that the client has not taken. */
  readonly unsent: Unsent;
}

/** Bytes that were sent on the streams of one connection, and that its client has not taken. */
export interface Unsent {
  bytes: number;
  readonly limit: number;
}

/** How calls are refused of a client that has too much to take. */
export const takesNoResponses: GrpcStatus = {
  code: grpcCode.resourceExhausted,
  details: 'kvi-server: the client takes no responses',
};

const responseHeaders = {':status': 200, 'content-type': 'application/grpc'} as const;
const allWentWell = statusHeaders({code: grpcCode.ok, details: ''});
/** When a stream has less than this to send, it is drained. */
const lowWaterBytes = 64 * 1024;

/** Answers a call. Never throws. */
export function serveCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  context: CallContext,
): void {
  const ended = new AbortController();
  const replies = repliesOn(stream, context.unsent);
  stream.on('error', () => undefined);
  stream.on('close', () => {
    if (!replies.hasEnded) ended.abort(new Error('the client cancelled the call'));
    replies.closed();
    context.endings.delete(replies.end);
    requests?.onClose();
  });

  const {':path': path = '', ':authority': authority = '', 'grpc-timeout': timeout} = headers;
  const route = context.routes.get(path);
  let requests: Requests<Buffer> | undefined;
  if (route === undefined) {
    replies.end(unknownMethod(path));
    return;
  }
  if (context.unsent.bytes > context.unsent.limit) {
    replies.end(takesNoResponses);
    return;
  }

  /** Messages that arrived before it was known who may do what. */
  let early: Buffer[] | undefined = [];
  let isHalfClosed = false;
  const reader = new MessageReader((message) => {
    if (early) early.push(message);
    else receive(message);
  }, context.maxMessageBytes);
  stream.on('data', (piece: Buffer) => {
    if (replies.hasEnded) return;
    attempt(() => reader.push(piece));
  });
  stream.on('end', () => {
    isHalfClosed = true;
    if (early === undefined) attempt(halfClose);
  });

  let call: Call;
  let isAnswered = false;
  let begin: Driver | Promise<Driver>;
  try {
    const preparing = context.prepare();
    const authorize = () => context.authorize(headers, context.peer);
    begin = preparing === undefined ? authorize() : preparing.then(authorize);
  } catch (error) {
    replies.end(statusOfDenial(error));
    return;
  }
  if (begin instanceof Promise) begin.then(start, (error: unknown) => replies.end(statusOfDenial(error)));
  else start(begin);

  function start(driver: Driver): void {
    if (replies.hasEnded || stream.destroyed) return;
    call = {driver, limits: {signal: ended.signal, timeoutMs: timeoutIn(timeout)}, authority, headers};
    attempt(() => {
      if (route !== undefined && 'open' in route) {
        replies.open();
        context.endings.add(replies.end);
        requests = route.open(replies, call);
      }
      const waiting = early ?? [];
      early = undefined;
      for (const message of waiting) receive(message);
      if (isHalfClosed) halfClose();
    });
  }

  function receive(message: Buffer): void {
    if (replies.hasEnded) return;
    if (requests !== undefined) requests.onRequest(message);
    else if (route !== undefined && 'answer' in route) answer(route.answer, message);
  }

  function answer(handle: (request: Buffer, call: Call) => Buffer | Promise<Buffer>, message: Buffer): void {
    if (isAnswered) throw new Refusal({code: grpcCode.internal, details: 'more than one request'});
    isAnswered = true;
    const response = handle(message, call);
    if (response instanceof Promise) response.then(replies.last, fail);
    else replies.last(response);
  }

  function halfClose(): void {
    if (reader.isWithin) throw new Refusal({code: grpcCode.internal, details: 'truncated request'});
    if (requests !== undefined) requests.onEnd();
    else if (!isAnswered) throw new Refusal({code: grpcCode.internal, details: 'no request'});
  }

  function attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      fail(error);
    }
  }

  function fail(error: unknown): void {
    replies.end(statusOf(error));
  }
}

interface StreamReplies extends Omit<Replies<Buffer>, 'end'> {
  readonly end: (status?: GrpcStatus) => void;
  readonly hasEnded: boolean;
  /** Sends the headers, before there is a message. */
  open(): void;
  /** Sends the only message. */
  last: (message: Buffer) => void;
  /** The stream has been closed. */
  closed(): void;
}

function repliesOn(stream: ServerHttp2Stream, unsent: Unsent): StreamReplies {
  let hasEnded = false;
  let isOpen = false;
  let isClosed = false;
  let unsentBytes = 0;
  let status: Record<string, string> = allWentWell;
  let waiting: (() => void)[] = [];

  function count(bytes: number): void {
    // What was under way is no longer: it was counted off at once.
    if (isClosed) return;
    unsentBytes += bytes;
    unsent.bytes += bytes;
    if (unsentBytes > lowWaterBytes || waiting.length === 0) return;
    const resolved = waiting;
    waiting = [];
    for (const resolve of resolved) resolve();
  }

  function open(): void {
    if (isOpen || isGone()) return;
    isOpen = true;
    stream.respond(responseHeaders, {waitForTrailers: true});
    stream.on('wantTrailers', () => {
      if (stream.destroyed) return;
      stream.sendTrailers(status);
      // Not before they are on their way.
      setImmediate(letGo);
    });
  }

  /** The client need not send the rest of its request. */
  function letGo(): void {
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  function isGone(): boolean {
    return stream.destroyed || stream.closed;
  }

  function end(result?: GrpcStatus): void {
    if (hasEnded) return;
    hasEnded = true;
    if (isGone()) return;
    if (result !== undefined) status = statusHeaders(result);
    if (isOpen) {
      stream.end();
      return;
    }
    stream.respond({...responseHeaders, ...status}, {endStream: true});
    letGo();
  }

  return {
    get hasEnded() {
      return hasEnded;
    },
    get unsentBytes() {
      return unsentBytes;
    },
    open,
    send(message) {
      open();
      if (hasEnded || isGone()) return;
      const frame = prefixed(message);
      count(frame.length);
      stream.write(frame, () => count(-frame.length));
    },
    last(message) {
      if (hasEnded || isGone()) return;
      hasEnded = true;
      open();
      const frame = prefixed(message);
      count(frame.length);
      stream.end(frame, () => count(-frame.length));
    },
    end,
    drained() {
      if (unsentBytes <= lowWaterBytes) return Promise.resolve();
      return new Promise((resolve) => waiting.push(resolve));
    },
    closed() {
      hasEnded = true;
      count(-unsentBytes);
      isClosed = true;
    },
  };
}

function unknownMethod(path: string): GrpcStatus {
  const [, service = '', method = ''] = path.split('/');
  return {code: grpcCode.unimplemented, details: `unknown method ${method} for service ${service}`};
}
