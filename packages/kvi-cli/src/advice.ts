import type {KviErrorCode} from 'kvi';

/** What to do about an error of the operating system, which its message names. */
export const systemAdvice = 'Check the disk or the program that the output goes to.';

/** What the user can do about an error. */
export const advice: Readonly<Record<KviErrorCode, string>> = {
  KVI_INVALID_ARGUMENT: 'Correct the command line; kvi --help and kvi COMMAND --help explain it.',
  KVI_INTERNAL: 'Report it, with the message.',
  KVI_UNAVAILABLE: 'Check the URL and the store. Nothing was changed, so trying again is safe.',
  KVI_TIMEOUT: 'Try again, or allow more time with --timeout or --wait. Nothing was changed.',
  KVI_UNKNOWN_OUTCOME: 'Read before writing again: the write may have been applied.',
  KVI_LOCK_LOST: 'Check what the command did: another may have held the lock meanwhile.',
  KVI_LEADERSHIP_LOST: 'Check what was done: another may have led meanwhile.',
  KVI_KEY_LOST: 'Find out who else deletes or overwrites the key.',
  KVI_ITEM_LOST: 'Check what was done: another may have the item.',
  KVI_PERMIT_LOST: 'Check what was done: one more than allowed may have been at work.',
  KVI_SEMAPHORE_SIZE: 'Name the number of permits that is stored, everywhere.',
  KVI_OUT_OF_RANGE: 'Start another counter or sequence.',
  KVI_QUEUE_FULL: 'Try again later. Nothing was changed.',
  KVI_CONFLICT: 'Try again. Nothing was changed.',
  KVI_COMPACTED: 'Name a later revision, or none.',
  KVI_FUTURE_REVISION: 'Check that the revision is from this store.',
  KVI_UNAUTHENTICATED: 'Check KVI_USERNAME and KVI_PASSWORD, or the certificate.',
  KVI_PERMISSION_DENIED: 'Have an operator grant the user access to these keys.',
  KVI_RESOURCE_EXHAUSTED: 'Have an operator make space: compact, defragment, disarm the alarm.',
  KVI_SLOW_CONSUMER: 'Read the output faster, and watch again with --from-revision.',
  KVI_DRIVER_MISSING: 'Install the package.',
  KVI_TLS: 'Check --cacert, --cert and --key, and the scheme of the URL.',
  KVI_LEASE_NOT_FOUND: 'Grant another lease.',
  KVI_LEASE_EXISTS: 'Choose another id, or none.',
  KVI_ABORTED: 'Try again. Nothing was changed.',
  KVI_CLOSED: 'Try again. Nothing was changed.',
  KVI_NOT_TEXT: 'Report it, with the message.',
  KVI_INVALID_VALUE: 'Find out who stored the value, which is none that the command can use.',
  KVI_KEY_NOT_FOUND: 'Store the key first.',
};
