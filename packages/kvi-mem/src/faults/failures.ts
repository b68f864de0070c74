/** The errors of a cluster that fails, as kvi-etcd words them. */
import {connectionMessages, couldNotServe, etcdMessages, KviError, outcomeUnknown} from 'kvi-core/driver';
import {describeCall, isWrite, type PortCall} from './port-call.ts';

/** A failed gRPC call: `code` is gRPC's number, `details` the message of the server or the connection. */
export interface GrpcFailure {
  code: number;
  details: string;
}

const unavailable = 14;

/** etcd's refusals that do not depend on the contents of the store. Nothing is applied. */
const refusals = {
  KVI_RESOURCE_EXHAUSTED: {code: 8, details: etcdMessages.noSpace},
  KVI_UNAUTHENTICATED: {code: 16, details: etcdMessages.invalidToken},
  KVI_PERMISSION_DENIED: {code: 7, details: etcdMessages.permissionDenied},
} satisfies Record<string, GrpcFailure>;

/** The codes that a plan can make a call fail with. */
export type FaultCode = 'KVI_UNAVAILABLE' | 'KVI_TIMEOUT' | 'KVI_UNKNOWN_OUTCOME' | keyof typeof refusals;

/** All of them. */
export const faultCodes: readonly string[] = [
  'KVI_UNAVAILABLE',
  'KVI_TIMEOUT',
  'KVI_UNKNOWN_OUTCOME',
  ...Object.keys(refusals),
];

/** The error for a call that was not applied. */
export function failure(code: FaultCode, call: PortCall): KviError {
  switch (code) {
    case 'KVI_UNAVAILABLE':
      return unavailableFor(call, connectionMessages.notConnected);
    case 'KVI_TIMEOUT':
      return new KviError(code, `${describeCall(call)}: timed out; nothing was changed`);
    case 'KVI_UNKNOWN_OUTCOME':
      return connectionLost(call);
    default:
      return new KviError(code, `${describeCall(call)}: ${refusals[code].details}`, {
        cause: grpcError(refusals[code]),
      });
  }
}

/** The error for a call whose connection broke before the answer arrived. */
export function connectionLost(call: PortCall): KviError {
  const details = connectionMessages.lost;
  return isWrite(call)
    ? unknownOutcome(call, grpcError({code: unavailable, details}), details)
    : unavailableFor(call, details);
}

/** The error for a call that was ended by its timeout, its signal or `close` before an answer arrived. */
export function cutShort(call: PortCall, error: KviError): KviError {
  if (isWrite(call)) return unknownOutcome(call, error, error.message);
  if (error.code !== 'KVI_TIMEOUT') return error;
  return new KviError(error.code, `${describeCall(call)}: ${error.message}; nothing was changed`);
}

function unavailableFor(call: PortCall, details: string): KviError {
  return new KviError('KVI_UNAVAILABLE', `${describeCall(call)}: ${couldNotServe(details)}`, {
    cause: grpcError({code: unavailable, details}),
  });
}

function unknownOutcome(call: PortCall, cause: Error, details: string): KviError {
  return new KviError('KVI_UNKNOWN_OUTCOME', `${describeCall(call)}: ${outcomeUnknown(details)}`, {cause});
}

function grpcError(grpc: GrpcFailure): Error & GrpcFailure {
  return Object.assign(new Error(grpc.details), grpc);
}
