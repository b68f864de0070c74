/**
 * A gRPC call on a stream of HTTP/2.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import {connectionMessages} from 'kvi-core/driver';
import {type ClientHttp2Stream, constants, type IncomingHttpHeaders} from 'node:http2';
import {grpcCode, isGrpc, MessageReader, prefixed, statusIn} from 'kvi-wire';
import {
  GrpcError,
  type GrpcFailure,
  type ResponseHeaders,
  streamReset,
  withoutStatus,
} from '../failures/grpc-failures.ts';
import type {Http2Session} from './http2-session.ts';

/** Receives what the server sends. After {@link CallListener.onEnd}, nothing more. */
export interface CallListener {
  /** @throws Error if the message is malformed: then the call fails */
  onMessage: (message: Buffer) => void;
  /** @param failure - undefined if the server says that all went well */
  onEnd: (failure: GrpcError | undefined) => void;
}

/** A call under way. */
export interface GrpcCall {
  /** Sends a message, unless the call has ended. */
  send(message: Buffer): void;
  /** Sends the last message. */
  sendLast(message: Buffer): void;
  /** Ends the call, and tells the server. */
  cancel(): void;
}

const {NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM} = constants;

/** @param stream - one of the session, on which nothing was sent but the request's headers */
export function grpcCall(
  session: Http2Session,
  stream: ClientHttp2Stream,
  {onMessage, onEnd}: CallListener,
): GrpcCall {
  const reader = new MessageReader((message) => {
    if (!isOver) onMessage(message);
  });
  let answer: ResponseHeaders | undefined;
  let status: GrpcFailure | undefined;
  let error: Error | undefined;
  let isOver = false;

  stream.on('response', (headers) => {
    answer = headers;
    status = statusIn(headers);
    // The body of a proxy's error page is of no use, but the stream ends only once it has been read.
    if (isGrpc(headers)) stream.on('data', receive);
    else stream.resume();
  });
  stream.on('trailers', (trailers: IncomingHttpHeaders) => {
    status = statusIn(trailers) ?? status;
  });
  stream.on('end', () => {
    if (stream.destroyed) return;
    end(failure());
    // The server may answer before it has read the request, and need not read the rest.
    if (!stream.writableFinished) stream.destroy();
  });
  // `close` follows.
  stream.on('error', (cause: Error) => {
    error = cause;
  });
  stream.on('close', () => end(failure()));

  function receive(bytes: Buffer): void {
    try {
      reader.push(bytes);
    } catch (cause) {
      abandon({code: grpcCode.internal, details: `malformed response: ${String(cause)}`}, {cause});
    }
  }

  function failure(): GrpcFailure | undefined {
    if (status !== undefined) return status.code === grpcCode.ok ? cutOff() : status;
    if (isUnprocessed()) return {...streamReset(NGHTTP2_REFUSED_STREAM), unprocessed: true};
    if (session.isLost) {
      const reason = error === undefined ? '' : `: ${error.message}`;
      return {code: grpcCode.unavailable, details: `${connectionMessages.lost}${reason}`};
    }
    if (stream.rstCode !== NGHTTP2_NO_ERROR || answer === undefined) return streamReset(stream.rstCode);
    return withoutStatus(answer);
  }

  /** A server that says that all went well has sent whole messages. */
  function cutOff(): GrpcFailure | undefined {
    return reader.pendingBytes > 0 ? {code: grpcCode.internal, details: 'truncated response'} : undefined;
  }

  /** RFC 9113, 6.8 and 8.7: the server promises that it did nothing. It must not have answered, to be believed. */
  function isUnprocessed(): boolean {
    if (answer !== undefined) return false;
    return session.refused(stream) || (stream.rstCode === NGHTTP2_REFUSED_STREAM && !session.isLost);
  }

  function abandon(why: GrpcFailure, options?: ErrorOptions): void {
    if (isOver) return;
    stream.close(NGHTTP2_CANCEL);
    end(why, options);
  }

  function end(failure: GrpcFailure | undefined, options?: ErrorOptions): void {
    if (isOver) return;
    isOver = true;
    session.release();
    onEnd(failure && new GrpcError(failure, options));
  }

  return {
    send(message) {
      if (!isOver) stream.write(prefixed(message));
    },
    sendLast(message) {
      if (!isOver) stream.end(prefixed(message));
    },
    cancel() {
      abandon({code: grpcCode.cancelled, details: 'cancelled'});
    },
  };
}
