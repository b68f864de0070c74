import type {Signals} from '../async/abort.ts';
import {publish} from '../telemetry/diagnostics.ts';
import {type Clock, sleep} from '../async/clock.ts';
import type {DriverCallOptions} from '../driver/driver.ts';
import {showValue} from '../etcd/bad-input.ts';
import {invalidArgument, isKviError} from '../etcd/errors.ts';
import type {RetryPolicy} from '../api/retry-policy.ts';
import {withDeadline} from '../async/deadline.ts';

/** How long to try, and how. */
export interface RetryOptions {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** The handle's: ends a wait between two attempts with its reason. */
  closing?: Signals | undefined;
  /** Decides within `timeoutMs`; this call asks a clone of it. */
  policy: RetryPolicy;
  /** Whether `attempt` may also be repeated when its outcome is unknown. Default false. */
  isIdempotent?: boolean | undefined;
}

/**
 * Calls `attempt`, and again what failed with `KVI_UNAVAILABLE` as long as the policy says so and the time lasts.
 *
 * That is right for reads and writes alike, because the code promises that nothing was applied. Nothing else is tried
 * again, whatever the policy: a write whose outcome is unknown must not be, unless it is idempotent.
 *
 * @param attempt - is handed the time that is left
 */
export function retry<R>(
  clock: Clock,
  {timeoutMs, signal, closing, policy, isIdempotent = false}: RetryOptions,
  attempt: (options: DriverCallOptions & {timeoutMs: number}) => Promise<R>,
): Promise<R> {
  const start = clock.now();

  async function again(error: unknown): Promise<R> {
    const codes = isIdempotent
      ? (['KVI_UNAVAILABLE', 'KVI_UNKNOWN_OUTCOME'] as const)
      : (['KVI_UNAVAILABLE'] as const);
    const own = policy.clone();
    for (let attempts = 1; ; attempts += 1) {
      if (!isKviError(error, ...codes)) throw error;
      const elapsedMs = clock.now() - start;
      const waitMs = own.next({error, attempt: attempts, elapsedMs});
      if (waitMs === undefined) throw error;
      checkWait(waitMs);
      const left = timeoutMs - elapsedMs - waitMs;
      if (left <= 0) throw error;
      const {code} = error;
      publish('kvi:retry', () => ({code, attempt: attempts, waitMs}));
      await withDeadline(clock, {signal, closing}, (ended) => sleep(clock, waitMs, ended));
      try {
        return await attempt({timeoutMs: left, signal});
      } catch (next) {
        error = next;
      }
    }
  }

  return attempt({timeoutMs, signal}).then(undefined, again);
}

function checkWait(waitMs: number): void {
  if (!(typeof waitMs === 'number' && waitMs >= 0)) {
    throw invalidArgument(
      `a retryPolicy answered ${showValue(waitMs)}; it must be milliseconds, 0 or more, or undefined`,
    );
  }
}
