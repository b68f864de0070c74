/** How calls of a client fail. */
import {constants, type IncomingHttpHeaders, type IncomingHttpStatusHeader} from 'node:http2';
import {grpcCode, type GrpcStatus, isGrpc} from 'kvi-wire';

/** How a call failed. */
export interface GrpcFailure extends GrpcStatus {
  /** Whether it is certain that no server processed the call. Default false. */
  unprocessed?: boolean;
  obstacle?: Obstacle;
}

/**
 * What keeps a client from talking to an etcd at all:
 * - `tls`: there is no secure connection. The details say what is wrong with which certificate.
 * - `silent`: the server closed the connection without a word, as it does to a client of another protocol.
 * - `not gRPC`: the server speaks another protocol.
 */
export type Obstacle = 'tls' | 'silent' | 'not gRPC';

/** A failed call. */
export class GrpcError extends Error implements GrpcFailure {
  override name = 'GrpcError';
  readonly code: number;
  readonly details: string;
  readonly unprocessed: boolean;
  readonly obstacle?: Obstacle;

  constructor({code, details, unprocessed = false, obstacle}: GrpcFailure, options?: ErrorOptions) {
    super(details, options);
    this.code = code;
    this.details = details;
    this.unprocessed = unprocessed;
    if (obstacle !== undefined) this.obstacle = obstacle;
  }
}

/** A call that no server can have processed, for want of a connection. */
export function notConnected(details: string, obstacle?: Obstacle, options?: ErrorOptions): GrpcError {
  const failure = {code: grpcCode.unavailable, details, unprocessed: true};
  return new GrpcError(obstacle === undefined ? failure : {...failure, obstacle}, options);
}

export type ResponseHeaders = IncomingHttpHeaders & IncomingHttpStatusHeader;

/**
 * The failure of a call that was answered without a status: by a proxy, or by something else than an etcd.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
 */
export function withoutStatus(headers: ResponseHeaders): GrpcFailure {
  const {':status': status, 'content-type': type = 'no content type'} = headers;
  if (status === 200 && isGrpc(headers)) {
    return {code: grpcCode.unknown, details: 'the response ended without a gRPC status'};
  }
  return {
    code: codeOfHttpStatus(status),
    details: `HTTP status ${status}, ${type}`,
    obstacle: 'not gRPC',
  };
}

function codeOfHttpStatus(status: number | undefined): number {
  switch (status) {
    case 400:
      return grpcCode.internal;
    case 401:
      return grpcCode.unauthenticated;
    case 403:
      return grpcCode.permissionDenied;
    case 404:
      return grpcCode.unimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return grpcCode.unavailable;
    default:
      return grpcCode.unknown;
  }
}

/**
 * The failure of a call whose stream was reset.
 *
 * @see "Errors" in https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export function streamReset(code: number): GrpcFailure {
  switch (code) {
    case constants.NGHTTP2_REFUSED_STREAM:
      return {code: grpcCode.unavailable, details: 'the server refused the stream'};
    case constants.NGHTTP2_CANCEL:
      return {code: grpcCode.cancelled, details: 'the server cancelled the stream'};
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      return {code: grpcCode.resourceExhausted, details: 'the server reset the stream: too many requests'};
    case constants.NGHTTP2_INADEQUATE_SECURITY:
      return {code: grpcCode.permissionDenied, details: 'the server reset the stream: inadequate security'};
    default:
      return {code: grpcCode.internal, details: `the server reset the stream with HTTP/2 error code ${code}`};
  }
}
