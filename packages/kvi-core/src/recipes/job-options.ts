import {checkText, showValue} from '../etcd/bad-input.ts';
import {invalidArgument} from '../etcd/errors.ts';
import {leaseSeconds} from '../kvi/options.ts';
import {type JobRecord, maxPriority} from './queue-layout.ts';

/** What a job is added with. */
export interface JobOptions {
  /** Jobs of a lower number are taken first: a whole number from 0 to 9,999,999. Default 0. */
  priority?: number | undefined;
  /**
   * Seconds for which nobody can take it, at least; rounded up to whole ones. The store counts them, by a lease: etcd makes
   * two of one with its defaults, and may be half a second late. Default 0.
   */
  delaySeconds?: number | undefined;
  /** Adds nothing while a job of the same key is neither acked nor dead. */
  dedupKey?: string | undefined;
  /** Seconds for which the `dedupKey` is remembered after that; rounded up to whole ones. Default 0. */
  dedupSeconds?: number | undefined;
}

// Stryker disable BooleanLiteral: only the names count
export const jobOptionNames = Object.keys({
  priority: true,
  delaySeconds: true,
  dedupKey: true,
  dedupSeconds: true,
} satisfies Record<keyof JobOptions, true>);
// Stryker restore BooleanLiteral

/** {@link JobOptions}, as they were read. */
export interface NewJobOptions {
  priority: number;
  delaySeconds: number;
  record: JobRecord;
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function readJobOptions({
  priority = 0,
  delaySeconds = 0,
  dedupKey,
  dedupSeconds = 0,
}: JobOptions): NewJobOptions {
  if (!(Number.isInteger(priority) && priority >= 0 && priority <= maxPriority)) {
    throw invalidArgument(
      `priority must be a whole number from 0 to ${maxPriority}, not ${showValue(priority)}`,
    );
  }
  if (dedupKey !== undefined) checkText('dedupKey', dedupKey);
  const remembered = leaseSeconds('dedupSeconds', dedupSeconds);
  if (remembered > 0 && dedupKey === undefined) throw invalidArgument('dedupSeconds needs a dedupKey');
  return {
    priority,
    delaySeconds: leaseSeconds('delaySeconds', delaySeconds),
    record: {attempts: 0, dedupKey, ...(remembered > 0 && {dedupSeconds: remembered})},
  };
}
