import {grpcCode, type GrpcStatus, JsonMismatch} from 'kvi-wire';
import {STATUS_CODES} from 'node:http';
import {statusOf} from '../grpc/refusal.ts';
import type {Answer} from '../store/pages.ts';

/** The status of HTTP for each code of gRPC, as etcd's gateway has them. */
const httpStatuses: Readonly<Record<number, number>> = {
  [grpcCode.ok]: 200,
  [grpcCode.cancelled]: 408,
  [grpcCode.invalidArgument]: 400,
  [grpcCode.deadlineExceeded]: 504,
  [grpcCode.notFound]: 404,
  [grpcCode.permissionDenied]: 403,
  [grpcCode.resourceExhausted]: 429,
  [grpcCode.failedPrecondition]: 400,
  [grpcCode.outOfRange]: 400,
  [grpcCode.unimplemented]: 501,
  [grpcCode.unavailable]: 503,
  [grpcCode.unauthenticated]: 401,
};

function httpStatus(code: number): number {
  return httpStatuses[code] ?? 500;
}

/** The response to a call that failed. Older gateways name the message `error`, later ones `message`. */
export function failureAnswer({code, details}: GrpcStatus): Answer {
  const body = JSON.stringify({error: details, message: details, code});
  return {status: httpStatus(code), type: 'application/json', body};
}

/** The last line of a stream that failed. */
export function failureLine({code, details}: GrpcStatus): string {
  const http = httpStatus(code);
  const error = {grpc_code: code, http_code: http, message: details, http_status: STATUS_CODES[http]};
  return `${JSON.stringify({error})}\n`;
}

/** As {@link statusOf}, for what the gateway finds, too. */
export function statusOfJson(error: unknown): GrpcStatus {
  const isMalformed = error instanceof JsonMismatch || error instanceof SyntaxError;
  return isMalformed ? {code: grpcCode.invalidArgument, details: error.message} : statusOf(error);
}
