/** How gRPC calls end. */
import type {IncomingHttpHeaders} from 'node:http2';

/** @see https://github.com/grpc/grpc/blob/master/doc/statuscodes.md */
export const grpcCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
};

/** How a call ended. */
export interface GrpcStatus {
  readonly code: number;
  /** The message of the server, or of what came between. */
  readonly details: string;
}

/** The status in a call's trailers, or in the headers if there are no trailers. */
export function statusIn(headers: IncomingHttpHeaders): GrpcStatus | undefined {
  const {'grpc-status': code, 'grpc-message': message} = headers;
  if (code === undefined) return undefined;
  return {
    code: /^\d+$/.test(String(code)) ? Number(code) : grpcCode.unknown,
    details: percentDecoded(String(message ?? '')),
  };
}

/** A message is UTF-8, percent-encoded. One that is malformed is still better than none. */
function percentDecoded(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

/** The trailers that tell a status. */
export function statusHeaders({code, details}: GrpcStatus): Record<string, string> {
  return details === ''
    ? {'grpc-status': String(code)}
    : {'grpc-status': String(code), 'grpc-message': percentEncoded(details)};
}

/** Everything but printable ASCII is encoded, byte by byte; so is the percent sign. */
function percentEncoded(message: string): string {
  return message.replace(/[^ -$&-~]+/g, (part) =>
    Array.from(Buffer.from(part), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/** Whether the body of a request or a response is gRPC's. */
export function isGrpc({'content-type': type = ''}: IncomingHttpHeaders): boolean {
  return type.startsWith('application/grpc');
}
