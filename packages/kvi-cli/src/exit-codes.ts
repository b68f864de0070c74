import {constants} from 'node:os';
import type {KviErrorCode} from 'kvi';

/**
 * The exit code. The numbers are stable. Those for errors start at 100, so that they rarely collide with the exit code of
 * a command that `kvi lock` or `kvi tempkey` passes on.
 */
export type ExitCode = number;

/** Done, or yes. */
export const ok: ExitCode = 0;

/** No: the key does not exist, or the condition is false. Nothing went wrong. */
export const no: ExitCode = 1;

/** The command line, the URL or a line of a batch is invalid; nothing was sent. */
export const usage: ExitCode = 2;

/** Any other error. */
export const failed: ExitCode = 100;

/** The command of `lock` or `tempkey` could not be run. */
export const cannotRun: ExitCode = 126;

/** The command of `lock` or `tempkey` was not found. */
export const notFound: ExitCode = 127;

/** The exit code for each error code. */
export const errorExitCodes: Readonly<Record<KviErrorCode, ExitCode>> = {
  KVI_INVALID_ARGUMENT: usage,
  KVI_INTERNAL: failed,
  KVI_UNAVAILABLE: 101,
  KVI_TIMEOUT: 102,
  KVI_UNKNOWN_OUTCOME: 103,
  KVI_LOCK_LOST: 104,
  KVI_LEADERSHIP_LOST: 104,
  KVI_KEY_LOST: 104,
  KVI_ITEM_LOST: 104,
  KVI_PERMIT_LOST: 104,
  KVI_COMPACTED: 105,
  KVI_FUTURE_REVISION: 106,
  KVI_UNAUTHENTICATED: 107,
  KVI_PERMISSION_DENIED: 108,
  KVI_RESOURCE_EXHAUSTED: 109,
  KVI_SLOW_CONSUMER: 110,
  KVI_DRIVER_MISSING: 111,
  KVI_TLS: 112,
  KVI_LEASE_NOT_FOUND: 113,
  KVI_LEASE_EXISTS: 114,
  KVI_SEMAPHORE_SIZE: 115,
  KVI_CONFLICT: 116,
  KVI_INVALID_VALUE: 117,
  KVI_OUT_OF_RANGE: 118,
  KVI_QUEUE_FULL: 119,
  // Errors that no command causes, or that it handles itself.
  KVI_ABORTED: failed,
  KVI_CLOSED: failed,
  KVI_NOT_TEXT: failed,
  KVI_KEY_NOT_FOUND: failed,
};

/** The exit code that a shell gives a process ended by a signal. */
export function signalExitCode(signal: NodeJS.Signals): ExitCode {
  return 128 + constants.signals[signal];
}
