import type {WriteOptions} from '../api/call-options.ts';
import {showValue} from '../etcd/bad-input.ts';
import {invalidArgument} from '../etcd/errors.ts';
import type {Handle} from '../kvi/handle.ts';
import {leaseSeconds} from '../kvi/options.ts';
import type {Claim} from './queue-claim.ts';
import type {Failure} from './queue-context.ts';

/** Options of {@link QueueItem.nack}. */
export interface NackOptions {
  /** Why the attempt failed, for the dead letter; cut after 1,000 characters. Default: none is kept. */
  reason?: string | undefined;
  /** Seconds for which nobody can take the job again, at least; see {@link AddOptions.delaySeconds}. Default 0. */
  delaySeconds?: number | undefined;
}

/**
 * A job that was taken. It is its consumer's until it is acked or put back, or until it is lost: it lives under a lease, which
 * is kept alive while the process lives and its event loop turns.
 *
 * The end of an `await using` block puts back what was neither acked nor nacked, as {@link QueueItem.nack} does. It never throws:
 * what the store cannot be told comes back with the end of the lease.
 */
export interface QueueItem<Out> extends AsyncDisposable {
  readonly id: string;
  readonly value: Out;
  /** Which attempt this is, from 1: how often the job was taken. */
  readonly attempt: number;
  /** The key of the claim. In the store, compare its create revision with the `token` to write only while it is held. */
  readonly key: string;
  /** The fencing token: higher than the token of any item that was taken before. */
  readonly token: number;
  /**
   * Aborts when the item is lost: with `KVI_ITEM_LOST` before its lease can have ended on the server, or with `KVI_CLOSED`
   * when the handle is closed, which puts the job back. Pass it to the work. After a stall of the event loop, reading
   * `aborted` tells the truth even though the event comes late.
   */
  readonly signal: AbortSignal;
  /**
   * Removes the job: it is done. It keeps trying as long as the lease lives. Acking twice is fine.
   *
   * @throws `KVI_ITEM_LOST` if the item was lost, or put back; another may have it, and nothing was changed.
   *   `KVI_UNKNOWN_OUTCOME` if it was lost before the answer came: it may have been removed, or may be taken again
   */
  ack(): Promise<void>;
  /**
   * Puts the job back, in the place that it had. After its last attempt it becomes a dead letter instead. Nacking twice is
   * fine.
   *
   * @throws as {@link QueueItem.ack}
   */
  nack(options?: NackOptions): Promise<void>;
}

/** A claim, as its consumer sees it. */
export function queueItem<Out>(handle: Handle, claim: Claim, value: Out): QueueItem<Out> {
  const {id, attempt, key, token, signal} = claim;
  return {
    id,
    value,
    attempt,
    key,
    token,
    signal,
    ack: () => claim.ack(),
    async nack(options) {
      const given: (NackOptions & WriteOptions) | undefined = options;
      await claim.nack(handle.begin(given, ['reason', 'delaySeconds'], readFailure));
    },
    [Symbol.asyncDispose]: () => claim.giveBack(),
  };
}

function readFailure({reason, delaySeconds = 0}: NackOptions = {}): Failure {
  if (reason !== undefined && typeof reason !== 'string') {
    throw invalidArgument(`reason must be a text, not ${showValue(reason)}`);
  }
  return {reason, delaySeconds: leaseSeconds('delaySeconds', delaySeconds)};
}
