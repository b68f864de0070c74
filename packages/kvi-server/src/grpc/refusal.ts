import {isKviError} from 'kvi-core/driver';
import {
  etcdErrors,
  grpcCode,
  type GrpcStatus,
  statusOfKviError,
  UnexpectedEnumValue,
  UnreadableMessage,
} from 'kvi-wire';

/** A call that the server refuses, with the status that its client gets. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: GrpcStatus;

  constructor(status: GrpcStatus) {
    super(status.details);
    this.status = status;
  }
}

/** The error for what an etcd does and this server does not. @param instead - what to use: `use HashKV` */
export function unimplemented(method: string, instead: string): Refusal {
  return new Refusal({
    code: grpcCode.unimplemented,
    details: `kvi-server: ${method} is not implemented; ${instead}`,
  });
}

/** The status of a call that failed, for its client. */
export function statusOf(error: unknown): GrpcStatus {
  if (error instanceof Refusal || error instanceof UnreadableMessage) return error.status;
  if (error instanceof UnexpectedEnumValue && error.refusal !== undefined) return error.refusal;
  if (isKviError(error)) return statusOfKviError(error);
  if (error instanceof RangeError) {
    return {code: grpcCode.internal, details: `grpc: error unmarshalling request: ${error.message}`};
  }
  return {code: grpcCode.unknown, details: error instanceof Error ? error.message : String(error)};
}

/** As {@link statusOf}, for what `authorize` throws: whatever is not an error of kvi says no. */
export function statusOfDenial(error: unknown): GrpcStatus {
  return isKviError(error) || error instanceof Refusal ? statusOf(error) : etcdErrors.permissionDenied;
}
