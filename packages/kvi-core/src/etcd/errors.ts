/**
 * Every way in which a call can go wrong, and what the caller does about it. The codes are stable; messages are for
 * people and may change. A missing key, a lost `tas` or a false compare is a result, not an error.
 */
export type KviErrorCode =
  /** The request breaks a rule (an empty key, an unknown operator, a limit); nothing was sent. Fix the call. */
  | 'KVI_INVALID_ARGUMENT'
  /** What is stored is not UTF-8, and text was asked for. Read it through `kv.bytes`. */
  | 'KVI_NOT_TEXT'
  /** A codec cannot encode or decode a value, or its schema refuses it; nothing was written. The message names the key, and `cause` is what the codec threw. Fix the value, or the codec. */
  | 'KVI_INVALID_VALUE'
  /** A `put` with `ignoreValue` or `ignoreLease` named a key that does not exist. Put a value. */
  | 'KVI_KEY_NOT_FOUND'
  /** The lease has expired, was revoked or never was. Grant another. */
  | 'KVI_LEASE_NOT_FOUND'
  /** A lease of that id exists already. Grant without naming an id. */
  | 'KVI_LEASE_EXISTS'
  /** The revision was compacted away; for a watch, `compactRevision` is the oldest that can still be read. Read the present state and go on from there. */
  | 'KVI_COMPACTED'
  /** The revision is ahead of the store. Read without a revision, or check that it came from this store. */
  | 'KVI_FUTURE_REVISION'
  /** The time ran out, and nothing was changed. Try again, or allow more time. */
  | 'KVI_TIMEOUT'
  /** The caller's signal aborted, and nothing was changed. `cause` is the signal's reason. */
  | 'KVI_ABORTED'
  /** The handle was closed before the call, or during it, and nothing was changed. Open another. */
  | 'KVI_CLOSED'
  /** The backend could not be reached or could not serve; nothing was applied, so trying again is safe. */
  | 'KVI_UNAVAILABLE'
  /** The store was not opened, because there is no secure connection: a certificate is not trusted, has expired or is for another name, the client's was refused, or one side speaks TLS and the other does not. Mend the certificates or the URL; trying again does not help. */
  | 'KVI_TLS'
  /** A write was sent and no answer came: it may have been applied or not. Read before writing again; `cause` says why no answer came. */
  | 'KVI_UNKNOWN_OUTCOME'
  /** The backend is out of space; nothing was applied. An operator must act (etcd: compact, defragment, disarm the alarm). A write that etcd refuses for want of space may have been applied: it is `KVI_UNKNOWN_OUTCOME` with this error as its `cause`. */
  | 'KVI_RESOURCE_EXHAUSTED'
  /** User name, password or token were refused. Check the credentials. */
  | 'KVI_UNAUTHENTICATED'
  /** The user may not do this on this key range. Have an operator grant it. */
  | 'KVI_PERMISSION_DENIED'
  /** The lock is no longer held: its lease ran out or its key was deleted. Stop what it protected, for another may hold it, and release it. */
  | 'KVI_LOCK_LOST'
  /** A leadership ended before it was resigned: its key was deleted, or its lease. Stop the work that it was for: another may lead. Campaign again. */
  | 'KVI_LEADERSHIP_LOST'
  /** A temporary key was deleted or overwritten, or its lease ended. Create it again, or find out who else uses it. */
  | 'KVI_KEY_LOST'
  /** An item of a queue is no longer its consumer's: its lease ran out, or it was acked or put back before. Stop the work on it: another may have it. */
  | 'KVI_ITEM_LOST'
  /** A queue has as many jobs as it may have; nothing was added. Add it later, or take jobs faster. */
  | 'KVI_QUEUE_FULL'
  /** A permit of a semaphore is no longer held: its lease ran out or its key was deleted. Stop what it allowed, for another may hold it, and release it. */
  | 'KVI_PERMIT_LOST'
  /** A semaphore is in use with another number of permits; nothing was changed. Name the stored number everywhere, or delete `<name>/size` while nobody uses it. */
  | 'KVI_SEMAPHORE_SIZE'
  /** A counter or a sequence would go beyond 2^53-1; nothing was changed. Start another. */
  | 'KVI_OUT_OF_RANGE'
  /** Other writes came between the reads and the write of each attempt, `maxAttempts` times; nothing was changed. Try again later, or read less. */
  | 'KVI_CONFLICT'
  /** A consumer of changes fell too far behind; `revision` is the first that it has not seen. Watch again from there, and take events faster. */
  | 'KVI_SLOW_CONSUMER'
  /** The package that a URL needs is not installed. Install it. */
  | 'KVI_DRIVER_MISSING'
  /** The backend answered something that kvi does not understand. Report it, with `cause`. */
  | 'KVI_INTERNAL';

/** What some errors carry in addition to their code. */
export interface KviErrorDetails {
  /** The error that led to this one. */
  cause?: unknown;
  /** `KVI_COMPACTED` of a watch: the oldest revision that can still be read. */
  compactRevision?: number;
  /** `KVI_SLOW_CONSUMER`: the first revision that was not delivered. */
  revision?: number;
  /** `KVI_UNKNOWN_OUTCOME`: the write is known to have been applied, and only what it read or deleted is not. */
  applied?: true;
}

/** Marks a {@link KviError}. The same in every copy of kvi in a process: a library may bring one of its own. */
const brand = Symbol.for('kvi.KviError');

/** The one class of error that kvi throws. Act on its {@link KviError.code}, never on its message. */
export class KviError extends Error {
  override readonly name = 'KviError';
  readonly code: KviErrorCode;
  // Declared only, so that an error that has none of them shows none of them when it is printed.
  /** With `KVI_COMPACTED` of a watch: the oldest revision that can still be read. A read is not told. */
  declare readonly compactRevision?: number;
  /** With `KVI_SLOW_CONSUMER`: the first revision that was not delivered. */
  declare readonly revision?: number;
  /** With `KVI_UNKNOWN_OUTCOME`: the write is known to have been applied, and only what it read or deleted is not. */
  declare readonly applied?: true;

  static {
    Object.defineProperty(this.prototype, brand, {value: true});
  }

  /** Whether this is a `KviError`, of any copy of kvi in the process. */
  static override [Symbol.hasInstance](value: unknown): value is KviError {
    return typeof value === 'object' && value !== null && brand in value;
  }

  constructor(code: KviErrorCode, message: string, details: KviErrorDetails = {}) {
    super(message, 'cause' in details ? {cause: details.cause} : undefined);
    this.code = code;
    if (details.compactRevision !== undefined) this.compactRevision = details.compactRevision;
    if (details.revision !== undefined) this.revision = details.revision;
    if (details.applied !== undefined) this.applied = details.applied;
  }
}

/** An error for a request that breaks a rule; nothing was sent. */
export function invalidArgument(message: string): KviError {
  return new KviError('KVI_INVALID_ARGUMENT', message);
}

/** Whether `error` is a {@link KviError} of one of these codes. */
export function isKviError(error: unknown, ...codes: KviErrorCode[]): error is KviError {
  return error instanceof KviError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * The refusal behind an unknown outcome: etcd applies a write that comes when its space runs out, and says only then that
 * there is none. Undefined if no answer came at all.
 */
export function refusalOf({cause}: KviError): KviError | undefined {
  return isKviError(cause, 'KVI_RESOURCE_EXHAUSTED') ? cause : undefined;
}

/** The error for a call that its caller's signal ended before it changed anything. */
export function aborted(signal: AbortSignal | undefined): KviError {
  return new KviError('KVI_ABORTED', 'the call was aborted by its signal', {cause: signal?.reason});
}

/** The error for a call on a handle that is closed, or that closing cut short before it changed anything. */
export function closed(): KviError {
  return new KviError('KVI_CLOSED', 'the handle is closed; open another');
}
