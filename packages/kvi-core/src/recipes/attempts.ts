/** What is read, changed and written if nobody else has written meanwhile; otherwise it is attempted again. */
import type {WriteOptions} from '../api/call-options.ts';
import {backoffMs} from '../async/backoff.ts';
import type {CallTime} from '../async/call-time.ts';
import {type Clock, sleep} from '../async/clock.ts';
import {KviError} from '../etcd/errors.ts';
import type {SizeLimits} from '../etcd/validate.ts';
import type {Handle} from '../kvi/handle.ts';

/** Most attempts unless the caller says otherwise. With their waits they take about as long as a call's default timeout. */
export const defaultMaxAttempts = 16;

/** Waits for others to get through, longer after each conflict. */
export function pauseAfter(conflicts: number, clock: Clock, time: CallTime): Promise<void> {
  return time.run((ended) => sleep(clock, backoffMs(conflicts, 5, 500), ended));
}

/** @param why - what went wrong each time */
export function conflict(attempts: number, why: string): KviError {
  return new KviError('KVI_CONFLICT', `gave up after ${attempts} attempts: ${why}`);
}

/** A commit whose outcome is to be found out compares and writes one key more. */
export function commitLimits({options}: Handle, {onUnknownOutcome}: WriteOptions): SizeLimits {
  const isResolved = (onUnknownOutcome ?? options.onUnknownOutcome) === 'resolve';
  return {...options, maxTxnOps: options.maxTxnOps - (isResolved ? 1 : 0)};
}
