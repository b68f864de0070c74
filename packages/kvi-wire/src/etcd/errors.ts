/**
 * etcd's errors, and what they mean in kvi: for a client, which is told one, and for a server, which tells one.
 *
 * @see `api/v3rpc/rpctypes/error.go` in etcd
 */
import {etcdMessages, isKviError, type KviError, type KviErrorCode} from 'kvi-core/driver';
import {grpcCode, type GrpcStatus} from '../grpc/status.ts';

/** An error of etcd. */
interface EtcdError extends GrpcStatus {
  /**
   * The error of kvi that promises the same. Absent for what says nothing of kvi's, as those that come while etcd waits for a
   * proposal, which may still be applied.
   */
  readonly kvi?: KviErrorCode;
}

const {invalidArgument, notFound, permissionDenied, resourceExhausted, failedPrecondition} = grpcCode;
const {cancelled, dataLoss, deadlineExceeded, outOfRange, unauthenticated, unavailable, unknown} = grpcCode;

export const etcdErrors = {
  emptyKey: {code: invalidArgument, details: 'etcdserver: key is not provided', kvi: 'KVI_INVALID_ARGUMENT'},
  keyNotFound: {code: invalidArgument, details: 'etcdserver: key not found', kvi: 'KVI_KEY_NOT_FOUND'},
  valueProvided: {
    code: invalidArgument,
    details: 'etcdserver: value is provided',
    kvi: 'KVI_INVALID_ARGUMENT',
  },
  leaseProvided: {
    code: invalidArgument,
    details: 'etcdserver: lease is provided',
    kvi: 'KVI_INVALID_ARGUMENT',
  },
  tooManyOps: {
    code: invalidArgument,
    details: 'etcdserver: too many operations in txn request',
    kvi: 'KVI_INVALID_ARGUMENT',
  },
  duplicateKey: {
    code: invalidArgument,
    details: 'etcdserver: duplicate key given in txn request',
    kvi: 'KVI_INVALID_ARGUMENT',
  },
  invalidSortOption: {
    code: invalidArgument,
    details: 'etcdserver: invalid sort option',
    kvi: 'KVI_INVALID_ARGUMENT',
  },
  requestTooLarge: {
    code: invalidArgument,
    details: 'etcdserver: request is too large',
    kvi: 'KVI_INVALID_ARGUMENT',
  },
  compacted: {
    code: outOfRange,
    details: 'etcdserver: mvcc: required revision has been compacted',
    kvi: 'KVI_COMPACTED',
  },
  futureRevision: {
    code: outOfRange,
    details: 'etcdserver: mvcc: required revision is a future revision',
    kvi: 'KVI_FUTURE_REVISION',
  },
  noSpace: {code: resourceExhausted, details: etcdMessages.noSpace, kvi: 'KVI_RESOURCE_EXHAUSTED'},
  // It has too many proposals under way, and has not made one of this.
  tooManyRequests: {
    code: resourceExhausted,
    details: 'etcdserver: too many requests',
    kvi: 'KVI_UNAVAILABLE',
  },

  leaseNotFound: {
    code: notFound,
    details: 'etcdserver: requested lease not found',
    kvi: 'KVI_LEASE_NOT_FOUND',
  },
  leaseExists: {
    code: failedPrecondition,
    details: 'etcdserver: lease already exists',
    kvi: 'KVI_LEASE_EXISTS',
  },
  leaseTtlTooLarge: {
    code: outOfRange,
    details: 'etcdserver: too large lease TTL',
    kvi: 'KVI_INVALID_ARGUMENT',
  },

  // The reasons of cancelled watches, which have no code of their own.
  emptyWatchRange: {code: unknown, details: 'mvcc: watcher range is empty', kvi: 'KVI_INVALID_ARGUMENT'},
  duplicateWatchId: {code: unknown, details: 'mvcc: duplicate watch ID provided on the WatchStream'},
  watchCanceled: {code: cancelled, details: 'etcdserver: watch canceled'},

  // Of the services for locks and elections, which stand on a client of their own: its errors have lost their codes.
  sessionExpired: {code: unknown, details: 'mutex: session is expired'},
  notLeader: {code: unknown, details: 'election: not leader'},
  nobodyLeads: {code: unknown, details: 'election: no leader'},
  leaderMissing: {code: unknown, details: '"leader" field must be provided'},

  permissionDenied: {
    code: permissionDenied,
    details: etcdMessages.permissionDenied,
    kvi: 'KVI_PERMISSION_DENIED',
  },
  authFailed: {
    code: invalidArgument,
    details: 'etcdserver: authentication failed, invalid user ID or password',
    kvi: 'KVI_UNAUTHENTICATED',
  },
  userNotFound: {
    code: failedPrecondition,
    details: 'etcdserver: user name not found',
    kvi: 'KVI_UNAUTHENTICATED',
  },
  emptyUserName: {code: invalidArgument, details: etcdMessages.emptyUserName, kvi: 'KVI_UNAUTHENTICATED'},
  invalidToken: {code: unauthenticated, details: etcdMessages.invalidToken, kvi: 'KVI_UNAUTHENTICATED'},
  oldAuthRevision: {
    code: invalidArgument,
    details: etcdMessages.oldAuthRevision,
    kvi: 'KVI_UNAUTHENTICATED',
  },
  authNotEnabled: {code: failedPrecondition, details: etcdMessages.authNotEnabled},

  noLeader: {code: unavailable, details: etcdMessages.noLeader, kvi: 'KVI_UNAVAILABLE'},
  notCapable: {code: failedPrecondition, details: 'etcdserver: not capable', kvi: 'KVI_UNAVAILABLE'},
  notForLearners: {
    code: failedPrecondition,
    details: 'etcdserver: rpc not supported for learner',
    kvi: 'KVI_UNAVAILABLE',
  },
  corrupt: {code: dataLoss, details: 'etcdserver: corrupt cluster', kvi: 'KVI_UNAVAILABLE'},
  // Raft dropped it on the member that was asked, which had no leader to send it to.
  proposalDropped: {code: unknown, details: 'raft proposal dropped', kvi: 'KVI_UNAVAILABLE'},
  stopped: {code: unavailable, details: 'etcdserver: server stopped'},
  timedOut: {code: unavailable, details: 'etcdserver: request timed out'},
  canceled: {code: cancelled, details: 'context canceled'},
  deadlineExceeded: {code: deadlineExceeded, details: 'context deadline exceeded'},
} as const satisfies Record<string, EtcdError>;

const byDetails = new Map<string, EtcdError>(
  Object.values(etcdErrors).map((error: EtcdError) => [error.details, error]),
);

/** What etcd's refusal promises: that none of the request was applied. Undefined for any other message. */
export function kviCodeOf(details: string): KviErrorCode | undefined {
  return byDetails.get(details)?.kvi;
}

/** The status with which a server answers a call that failed on its driver. */
export function statusOfKviError(error: KviError): GrpcStatus {
  const {cause} = error;
  // A driver on an etcd was told what a client of etcd expects to be told.
  const told = isStatus(cause) ? byDetails.get(cause.details) : undefined;
  if (told !== undefined) return told;
  switch (error.code) {
    case 'KVI_INVALID_ARGUMENT':
      return {code: invalidArgument, details: error.message};
    case 'KVI_KEY_NOT_FOUND':
      return etcdErrors.keyNotFound;
    case 'KVI_LEASE_NOT_FOUND':
      return etcdErrors.leaseNotFound;
    case 'KVI_LEASE_EXISTS':
      return etcdErrors.leaseExists;
    case 'KVI_COMPACTED':
      return etcdErrors.compacted;
    case 'KVI_FUTURE_REVISION':
      return etcdErrors.futureRevision;
    case 'KVI_RESOURCE_EXHAUSTED':
      return etcdErrors.noSpace;
    case 'KVI_UNAUTHENTICATED':
      return etcdErrors.invalidToken;
    case 'KVI_PERMISSION_DENIED':
      return etcdErrors.permissionDenied;
    // Clients take it for what it is: nothing was applied.
    case 'KVI_UNAVAILABLE':
      return etcdErrors.noLeader;
    case 'KVI_UNKNOWN_OUTCOME':
      return isKviError(cause, 'KVI_RESOURCE_EXHAUSTED') ? etcdErrors.noSpace : etcdErrors.timedOut;
    case 'KVI_TIMEOUT':
      return etcdErrors.deadlineExceeded;
    case 'KVI_ABORTED':
      return etcdErrors.canceled;
    case 'KVI_CLOSED':
      return etcdErrors.stopped;
    default:
      return {code: unknown, details: error.message};
  }
}

function isStatus(value: unknown): value is GrpcStatus {
  return value instanceof Error && 'details' in value && typeof value.details === 'string';
}
