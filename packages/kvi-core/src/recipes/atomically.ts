import type {WriteOptions} from '../api/call-options.ts';
import type {Kvi} from '../api/kvi.ts';
import {callTime} from '../async/call-time.ts';
import {checkFunction, checkPositiveInteger} from '../etcd/bad-input.ts';
import type {Input} from '../etcd/bytes.ts';
import {insideOf} from '../kvi/inside.ts';
import {optionNames} from '../kvi/option-names.ts';
import {conflict, defaultMaxAttempts, pauseAfter} from './attempts.ts';
import {type Snapshot, unread} from './snapshot.ts';
import {openUnit, type Unit, type UnitOfWork} from './unit-of-work.ts';

/** Options of {@link atomically}. */
export interface AtomicallyOptions extends WriteOptions {
  /**
   * Milliseconds until the whole unit gives up: its reads, its function, its waits and its commit. Default: the handle's.
   */
  timeoutMs?: number | undefined;
  /** How often the function may run, 1 or more. Default 16. */
  maxAttempts?: number | undefined;
}

const changedEachTime =
  'what the unit of work read had changed each time, or was compacted away; nothing was written';

/**
 * Reads and writes as if alone. All that `work` reads is one state of the store, and what it writes is applied in one
 * revision, if nothing that it read has changed by then; otherwise it is run again. Units are serializable, and each takes
 * effect between its call and its return.
 *
 * `work` may run several times, so it has to do everything through `t`: other effects are not undone. If it throws, nothing
 * is written, and `atomically` fails with what it threw. A unit that writes nothing needs no commit.
 *
 * @param work - gets the store as `t`; see {@link UnitOfWork}
 * @returns what `work` returned
 * @throws `KVI_CONFLICT` when `maxAttempts` runs have met other writes; `KVI_TIMEOUT`, `KVI_ABORTED` or `KVI_CLOSED` when
 *   the unit was ended, also while `work` had not: nothing was written. `KVI_UNKNOWN_OUTCOME` if the commit got no answer:
 *   it is not run again; read before writing again, or pass `onUnknownOutcome: 'resolve'`. `KVI_INVALID_ARGUMENT` also if
 *   the commit is larger than a request may be; `KVI_LEASE_NOT_FOUND` for a lease that `t.store` named; and as
 *   {@link Kvi.txn}.
 */
export async function atomically<T extends Input, R>(
  kv: Kvi<T>,
  work: (t: UnitOfWork<T>) => R | Promise<R>,
  options?: AtomicallyOptions,
): Promise<R> {
  const {handle, decoder} = insideOf(kv);
  const {clock} = handle.driver;
  const {
    timeoutMs = handle.options.timeoutMs,
    maxAttempts = defaultMaxAttempts,
    ...callOptions
  } = handle.begin(options, [...optionNames.write, 'maxAttempts'], (own = {}) => {
    checkFunction('work', work);
    if (own.maxAttempts !== undefined) checkPositiveInteger('maxAttempts', own.maxAttempts);
    return own;
  });
  const time = callTime(clock, {timeoutMs, signal: callOptions.signal, closing: handle.closing});
  const remaining = () => ({...callOptions, timeoutMs: time.left()});

  /** One run. @returns its result, or the state that a conflicting write left */
  async function run(attempt: number, snapshot: Snapshot): Promise<{result: R} | {present: Snapshot}> {
    const unit = openUnit({store: kv.bytes, handle, decoder, remaining}, attempt, snapshot);
    const finished = await time.run(() => finish(unit)).finally(unit.end);
    if (finished === undefined) return {present: unread};
    const present = await unit.commit();
    return present === undefined ? finished : {present};
  }

  /** Lets the function end. What it returns or throws is ignored if it could not read what it asked for. */
  async function finish({t, isCompacted}: Unit<T>): Promise<{result: R} | undefined> {
    try {
      const result = await work(t);
      return isCompacted() ? undefined : {result};
    } catch (error) {
      if (isCompacted()) return undefined;
      throw error;
    }
  }

  let snapshot = unread;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await run(attempt, snapshot);
    if ('result' in outcome) return outcome.result;
    if (attempt === maxAttempts) throw conflict(attempt, changedEachTime);
    // The second run begins at once, from what the first commit read. What was read before a wait is out of date.
    snapshot = attempt === 1 ? outcome.present : unread;
    if (attempt > 1) await pauseAfter(attempt - 1, clock, time);
  }
}
