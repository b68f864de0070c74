/** etcd's error messages that are asked for by name, and how kvi words what they mean and what connections do, for every driver. */

/** What etcd says, as gRPC's `details`. */
export const etcdMessages = {
  noLeader: 'etcdserver: no leader',
  noSpace: 'etcdserver: mvcc: database space exceeded',
  permissionDenied: 'etcdserver: permission denied',
  authNotEnabled: 'etcdserver: authentication is not enabled',
  invalidToken: 'etcdserver: invalid auth token',
  oldAuthRevision: 'etcdserver: revision of auth store is old',
  emptyUserName: 'etcdserver: user name is empty',
} as const;

/** For `KVI_UNAVAILABLE`. */
export function couldNotServe(details: string): string {
  return `etcd could not be reached or could not serve; nothing was applied (${details})`;
}

/** For `KVI_UNKNOWN_OUTCOME`. */
export function outcomeUnknown(details: string): string {
  return `it was sent, and may have been applied or not; read before writing again (${details})`;
}

/** Why a call that a connection should have carried has failed. */
export const connectionMessages = {
  /** It was never sent. */
  notConnected: 'not connected',
  /** It was under way. */
  lost: 'connection lost',
} as const;
