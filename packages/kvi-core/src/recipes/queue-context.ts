import type {Handle} from '../kvi/handle.ts';
import type {JobRecord, QueueLayout} from './queue-layout.ts';
import type {Fate} from './queue-moves.ts';

/** What the parts of a queue work with. */
export interface QueueContext {
  handle: Handle;
  name: string;
  layout: QueueLayout;
  ttlSeconds: number;
  maxAttempts: number;
}

/** How an attempt failed. */
export interface Failure {
  reason?: string | undefined;
  delaySeconds?: number | undefined;
}

/** Reasons that are kept of a job, which may be taken any number of times. */
const maxReasons = 16;
/** Characters that are kept of a reason. */
const maxReasonLength = 1_000;

/** What becomes of a job after an attempt that failed. */
export function afterFailure(
  record: JobRecord,
  {reason, delaySeconds = 0}: Failure,
  maxAttempts: number,
): {record: JobRecord; fate: Fate} {
  const {reasons = [], ...rest} = record;
  const told = reason === undefined ? reasons : [...reasons, reason.slice(0, maxReasonLength).toWellFormed()];
  return {
    record: {...rest, ...(told.length > 0 && {reasons: told.slice(-maxReasons)})},
    fate: fateOf(record, delaySeconds, maxAttempts),
  };
}

function fateOf({attempts, dedupSeconds = 0}: JobRecord, delaySeconds: number, maxAttempts: number): Fate {
  if (attempts >= maxAttempts) return {state: 'dead', seconds: dedupSeconds};
  return delaySeconds > 0 ? {state: 'delayed', seconds: delaySeconds} : {state: 'ready', seconds: 0};
}
