/**
 * What a failed gRPC call means for its caller. The question is always whether the request may have been applied.
 *
 * @see `v3_server.go` in etcd for where its messages come from
 */
import {
  couldNotServe,
  etcdMessages as messages,
  isKviError,
  KviError,
  type KviErrorCode,
  type LeaseId,
  outcomeUnknown,
} from 'kvi-core/driver';
import {grpcCode, kviCodeOf} from 'kvi-wire';
import type {GrpcFailure} from './grpc-failures.ts';

export type {GrpcFailure};

/** The call that failed. */
export interface CallDescription {
  /** Whether it may change the store. */
  write: boolean;
  /** Describes the call in messages: `range "a"`. Names keys, never values or passwords. */
  describe: () => string;
  /** Whether a member without a leader may answer, as it may a serializable read. Default false. */
  withoutLeader?: boolean;
}

/** grpc-go's message when it refuses a request by its size. */
const tooLarge = 'received message larger than max';

/** The error for a failed call. */
export function toKviError(failure: GrpcFailure, call: CallDescription): KviError {
  const code = codeOf(failure, call);
  // A write that comes when the space runs out is applied first, and refused then.
  if (call.write && failure.details === messages.noSpace) {
    return unknownOutcome(call, new KviError(code, failure.details, {cause: failure}));
  }
  return new KviError(code, `${call.describe()}: ${explain(code, failure)}`, {cause: failure});
}

/** The error for a write that was sent and got no response. */
export function unknownOutcome(call: CallDescription, cause: KviError): KviError {
  return new KviError('KVI_UNKNOWN_OUTCOME', `${call.describe()}: ${outcomeUnknown(cause.message)}`, {cause});
}

export function leaseNotFound(id: LeaseId): KviError {
  return new KviError('KVI_LEASE_NOT_FOUND', `lease ${id} has expired or was revoked`);
}

/** Whether the server refused the token, or wants one: nothing was applied, and a new token may help. */
export function isTokenRefused({details}: GrpcFailure): boolean {
  const {invalidToken, oldAuthRevision, emptyUserName} = messages;
  return details === invalidToken || details === oldAuthRevision || details === emptyUserName;
}

/** Whether the member knows no leader, as during an election or when it is cut off: nothing was applied. */
export function isNoLeader({details}: GrpcFailure): boolean {
  return details === messages.noLeader;
}

/** Whether something else than an etcd answered. */
export function isNotEtcd({code, obstacle}: GrpcFailure): boolean {
  return code === grpcCode.unimplemented || obstacle === 'not gRPC';
}

export function isPermissionDenied({details}: GrpcFailure): boolean {
  return details === messages.permissionDenied;
}

export function isAuthNotEnabled({details}: GrpcFailure): boolean {
  return details === messages.authNotEnabled;
}

/** Parses the reason of a cancelled watch: a failed call's code and details in one text, or only the details. */
export function parseCancelReason(reason: string): GrpcFailure {
  return {code: 2, details: reason.replace(/^rpc error: code = \w+ desc = /, '')};
}

function codeOf({code, details, unprocessed}: GrpcFailure, {write}: CallDescription): KviErrorCode {
  const refusal = kviCodeOf(details);
  if (refusal !== undefined) return refusal;
  if (unprocessed === true) return 'KVI_UNAVAILABLE';
  if (details.includes(tooLarge)) return 'KVI_INVALID_ARGUMENT';
  switch (code) {
    case grpcCode.invalidArgument:
      return 'KVI_INVALID_ARGUMENT';
    case grpcCode.permissionDenied:
      return 'KVI_PERMISSION_DENIED';
    case grpcCode.unauthenticated:
      return 'KVI_UNAUTHENTICATED';
    // The server does not know the method, so it did nothing.
    case grpcCode.unimplemented:
      return 'KVI_UNAVAILABLE';
    default:
      return write ? 'KVI_UNKNOWN_OUTCOME' : 'KVI_UNAVAILABLE';
  }
}

function explain(code: KviErrorCode, failure: GrpcFailure): string {
  const {details} = failure;
  if (code === 'KVI_UNKNOWN_OUTCOME') {
    return outcomeUnknown(details);
  }
  if (isNotEtcd(failure)) {
    return `the server does not speak etcd's v3 gRPC API (${details})`;
  }
  const tls = tlsFailure(failure);
  if (tls !== undefined) return `no TLS connection to etcd; nothing was applied: ${tls}`;
  if (code === 'KVI_UNAVAILABLE') return couldNotServe(details);
  return details;
}

/** What is wrong with TLS, if that is why there is no connection. */
export function tlsFailure({details, obstacle}: GrpcFailure): string | undefined {
  return obstacle === 'tls' ? details : undefined;
}

/** Whether the server closed the connection before it said anything, as it does to a client of another protocol. */
export function isClosedUnanswered({obstacle}: GrpcFailure): boolean {
  return obstacle === 'silent';
}

/** Whether the failure may be temporary, so that a watch keeps trying. */
export function mayPass(error: unknown): boolean {
  return isKviError(error, 'KVI_UNAVAILABLE', 'KVI_TIMEOUT');
}
