import {lookBeforeTelling} from '../async/abort.ts';
import {retryUntil} from '../async/retry-until.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {closed, isKviError, KviError} from '../etcd/errors.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import type {TxnResponse} from '../etcd/messages.ts';
import {giveUpMs} from '../lease/grant.ts';
import type {Session} from '../lease/session.ts';
import {underTimedLease} from '../lease/timed-lease.ts';
import {mayPass} from '../primitives/contender.ts';
import {untilGone} from '../primitives/deletions.ts';
import {afterFailure, type Failure, type QueueContext} from './queue-context.ts';
import type {Job} from './queue-layout.ts';
import {acking, counted, type MoveUnder, returning, type Taken, taking, takenOf} from './queue-moves.ts';

/** A job that this process has, until it is acked, put back or lost. */
export interface Claim {
  readonly id: string;
  /** Its key in the store, under the lease of its session. */
  readonly key: string;
  readonly value: Bytes | undefined;
  readonly attempt: number;
  /** The revision of the claim. */
  readonly token: number;
  /** Aborts when the job is lost, or the handle closes. */
  readonly signal: AbortSignal;
  /** Ends it as done. */
  ack(): Promise<void>;
  /** Ends it as failed. */
  nack(failure: Failure): Promise<void>;
  /** Puts the job back if it has not ended, as a failure that nobody gave a reason for. Never throws. */
  giveBack(): Promise<void>;
  /** Puts the job back as if it had not been taken: nobody has seen it. Never throws. */
  undo(): Promise<void>;
}

/**
 * Takes the first of some jobs that nobody else has taken.
 *
 * @param signal - ends the wait for a lease; a transaction under way is waited for, as it may take a job
 * @returns undefined if others were faster, or the lease ended meanwhile
 */
export async function claimFirst(
  context: QueueContext,
  jobs: readonly Job[],
  signal: AbortSignal,
): Promise<Claim | undefined> {
  const {handle, layout, ttlSeconds} = context;
  const {driver, sessions} = handle;
  const session = await sessions.take(ttlSeconds, signal);
  const request = taking(layout, jobs, session.lease);
  let isSettled = true;

  try {
    const response = await retryUntil(
      driver.clock,
      session.signal,
      () => driver.txn(request, {signal: session.signal}),
      (error) => {
        isSettled &&= !isKviError(error, 'KVI_UNKNOWN_OUTCOME');
        return mayPass(error);
      },
    );
    const taken = takenOf(jobs, response);
    // The answer may have come so late that another has the job by now.
    if (taken !== undefined && session.isAlive()) return claimOf(context, {...taken, session, isSettled});
    if (taken === undefined && isSettled) sessions.giveBack(session);
    else await revoke(session);
    return undefined;
  } catch (error) {
    const isLost = !session.isAlive() || isKviError(error, 'KVI_LEASE_NOT_FOUND');
    await revoke(session);
    if (isLost) return undefined;
    throw error;
  }
}

/** Ends the lease now, if the store can be told, rather than within its TTL. Never throws. */
async function revoke(session: Session): Promise<void> {
  await session.close({timeoutMs: giveUpMs}).catch(() => undefined);
}

/** What was taken, and how. */
interface Hold extends Taken {
  session: Session;
  /** Whether every request that could take a job under the session has been answered, so that none can arrive late. */
  isSettled: boolean;
}

type Ending = 'acked' | 'put back';

function claimOf(
  {handle, name, layout, maxAttempts}: QueueContext,
  {job: before, token, value, session, isSettled}: Hold,
): Claim {
  const job = {id: before.id, record: counted(before.record)};
  const {driver, sessions, holdings} = handle;
  const key = Buffer.from(layout.key('holds/taken', job.id)).toString();
  const lost = new AbortController();
  const watching = new AbortController();
  let ended: {how: Ending; done: Promise<void>} | undefined;
  /** What is left of it after a loss is being given up. */
  let clearing: Promise<void> | undefined;
  /** The hold is gone: it was ended here, or lost. */
  let isGone = false;

  /** Tells of a loss, and keeps nothing alive for a consumer who may never end it. */
  function lose(cause: unknown): void {
    lost.abort(itemLost(name, cause));
    clearing ??= letGo();
  }

  async function letGo(): Promise<void> {
    watching.abort();
    await revoke(session);
    release();
  }

  /**
   * Ends it once. An ending that failed while the job is still here may be tried again, or another.
   *
   * @param seconds - how long the lease lives that the move needs; 0: it needs none
   */
  function end(how: Ending, seconds: number, move: MoveUnder): Promise<void> {
    if (ended?.how === how) return ended.done;
    if (lost.signal.aborted) return Promise.reject(lost.signal.reason as KviError);
    if (ended !== undefined) return Promise.reject(hasEnded(name, ended.how));
    const done = send(how, seconds, move).then(finish, fail);
    ended = {how, done};
    return done;
  }

  async function finish(): Promise<void> {
    if (!isSettled) return letGo();
    watching.abort();
    sessions.giveBack(session);
    release();
  }

  function fail(error: unknown): never {
    if (isGone || isKviError(error, 'KVI_ITEM_LOST', 'KVI_UNKNOWN_OUTCOME')) lose(error);
    else ended = undefined;
    throw error;
  }

  /** Sends it until it is answered, or the claim's lease is over. */
  async function send(how: Ending, seconds: number, move: MoveUnder): Promise<void> {
    const over = session.signal;
    let mayBeDone = false;

    async function untilOver<R>(request: () => Promise<R>): Promise<R> {
      try {
        return await retryUntil(driver.clock, over, request, mayPass);
      } catch (error) {
        if (mayBeDone) throw unknownEnding(name, how, error);
        throw over.aborted && !isKviError(error, 'KVI_ITEM_LOST') ? itemLost(name, error) : error;
      }
    }

    /** Each time under the same lease: whichever request is applied uses it. */
    async function moveUnder(lease: LeaseId | undefined): Promise<TxnResponse<Bytes>> {
      try {
        const response = await driver.txn(move(lease), {signal: over});
        // As long as the claim's lease lives, nobody else ends it: it was a request whose answer was lost.
        if (response.succeeded || (mayBeDone && session.isAlive())) return {...response, succeeded: true};
      } catch (error) {
        // What lacks its lease was not applied, and will not be.
        mayBeDone =
          isKviError(error, 'KVI_UNKNOWN_OUTCOME') ||
          (mayBeDone && !isKviError(error, 'KVI_LEASE_NOT_FOUND'));
        throw error;
      }
      throw itemLost(name, over.reason);
    }

    await underTimedLease(
      driver,
      seconds,
      (grant) => untilOver(() => grant(over)),
      (lease) => untilOver(() => moveUnder(lease)),
    );
  }

  function nack(failure: Failure): Promise<void> {
    const {record, fate} = afterFailure(job.record, failure, maxAttempts);
    return end('put back', fate.seconds, returning(layout, {...job, record}, token, fate.state));
  }

  /** Gives the job up, whatever the store says: without its lease it comes back by itself. Never throws. */
  async function giveUp(putBack: () => Promise<void>): Promise<void> {
    await putBack().catch(() => (clearing ??= letGo()));
  }

  async function abandon(): Promise<void> {
    const putBack = ended?.done ?? nack({});
    lost.abort(closed());
    await giveUp(() => putBack);
  }

  const release = holdings.add(abandon);
  session.signal.addEventListener('abort', () => lose(session.signal.reason), {signal: watching.signal});
  lookBeforeTelling(lost.signal, () => {
    if (ended === undefined) session.isAlive();
  });
  untilGone(driver, {key, createRevision: token, revision: token}, watching.signal).then(
    () => {
      isGone = true;
      if (ended === undefined) lose(new KviError('KVI_KEY_NOT_FOUND', `the key ${key} was deleted`));
    },
    // It was ended, or lost with its lease.
    () => undefined,
  );

  return {
    id: job.id,
    key,
    value,
    attempt: job.record.attempts,
    token,
    signal: lost.signal,
    ack: () => end('acked', job.record.dedupSeconds ?? 0, acking(layout, job, token)),
    nack,
    async giveBack() {
      if (ended === undefined) await giveUp(() => nack({}));
    },
    undo: () => giveUp(() => end('put back', 0, returning(layout, before, token, 'ready'))),
  };
}

function itemLost(name: string, cause: unknown): KviError {
  const message = `an item of the queue ${JSON.stringify(name)} was lost before it was acked or put back; another may have it`;
  return new KviError('KVI_ITEM_LOST', message, {cause});
}

function hasEnded(name: string, how: Ending): KviError {
  return new KviError('KVI_ITEM_LOST', `the item of the queue ${JSON.stringify(name)} was ${how} before`);
}

function unknownEnding(name: string, how: Ending, cause: unknown): KviError {
  const message = `no answer told whether the item of the queue ${JSON.stringify(name)} was ${how} before it was lost`;
  return new KviError('KVI_UNKNOWN_OUTCOME', message, {cause});
}
