/**
 * Writes whose outcome can be found out when no answer came.
 *
 * Each is a transaction that also puts a guard key, `kvi/guard/<lease>/<n>`, and happens only if nobody has put the guard
 * since it was last seen. Who wants to know what became of it puts the guard too, on the same condition. Either that
 * finds the guard put, and the write was applied; or it puts the guard itself, and the write was not applied and never
 * will be, should it still be on its way: its condition has become false.
 *
 * A guard whose revision is known serves the next write again, so that a handle needs as many as it has writes under way at
 * a time. All are under one lease, which ends with the handle, and without which a write that is still on its way fails.
 */
import {ExponentialBackoff} from 'cockatiel';
import type {Bytes} from '../etcd/bytes.ts';
import {asCall} from '../telemetry/call-traces.ts';
import {publish} from '../telemetry/diagnostics.ts';
import {sleep} from '../async/clock.ts';
import {isKviError, KviError} from '../etcd/errors.ts';
import {asTxnResponse, rebuildResponse, withCourse, withoutCourse} from './branch-taken.ts';
import type {Compare, LeaseId, RequestOp, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import type {PolicyDriver} from '../policy/policy-driver.ts';
import {retry} from '../policy/retry.ts';
import {noRetries, type RetryPolicy} from '../policy/retry-policies.ts';
import {giveUpMs, openSession, type Session} from '../lease/session.ts';
import {checkTxn, type RequestLimits} from '../etcd/validate.ts';
import {abortable, withDeadline} from '../async/deadline.ts';

/** The guarded writes of a handle. */
export interface GuardedWrites {
  /** Carries out a transaction that changes something. */
  txn(request: TxnRequest<Bytes>, options: GuardedCallOptions): Promise<TxnResponse<Bytes>>;
  /** Gives the guards up. Never throws. */
  close(): Promise<void>;
}

/** How long one request may take. */
interface Attempt {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** How a guarded write is carried out. */
export interface GuardedCallOptions extends Attempt {
  retryPolicy: RetryPolicy;
}

/** A key that tells what became of the last write that put it. */
interface Guard {
  key: Bytes;
  lease: LeaseId;
  /** 0 before its first put. */
  modRevision: number;
}

/** What became of a write: its course and its revision when it was applied. */
type Outcome = {course: string; revision: number} | 'not-applied' | 'unknown';

/** Seconds that the guards outlive a crashed process: long enough for most failures of a backend to be over. */
const guardTtlSeconds = 60;

/** What a guard holds that was put to keep a write from being applied. */
const prevented = 'prevented';

/** Milliseconds between questions of which one got no answer. */
const backoff = new ExponentialBackoff({initialDelay: 20, maxDelay: 1_000});

/** @param closing - aborts when the handle closes */
export function guardedWrites(
  driver: PolicyDriver,
  requestLimits: RequestLimits,
  closing: AbortSignal,
): GuardedWrites {
  const {clock} = driver;
  /** The session whose lease the guards live under. */
  let opening: Promise<Session> | undefined;
  let lease: LeaseId | undefined;
  /** Guards that no write uses now. */
  let free: Guard[] = [];
  let lastGuard = 0;

  async function openGuards(): Promise<Session> {
    try {
      const session = await asCall('guards', undefined, () => openSession(driver, guardTtlSeconds, closing));
      ({lease} = session);
      session.signal.addEventListener('abort', () => {
        drop(session.lease);
      });
      return session;
    } catch (error) {
      opening = undefined;
      throw error;
    }
  }

  /** What was lost with its lease is no use; the next write opens another session. */
  function drop(lost: LeaseId): void {
    if (lost !== lease) return;
    void closeSession();
    opening = undefined;
    lease = undefined;
    free = [];
  }

  async function closeSession(): Promise<void> {
    const session = await opening?.catch(() => undefined);
    await session?.close({timeoutMs: giveUpMs}).catch(() => undefined);
  }

  async function takeGuard(): Promise<Guard> {
    const session = await (opening ??= openGuards());
    const used = free.pop();
    if (used !== undefined) return used;
    lastGuard += 1;
    const key = Buffer.from(`kvi/guard/${session.lease}/${String(lastGuard)}`);
    return {key, lease: session.lease, modRevision: 0};
  }

  function giveBack(guard: Guard, modRevision: number): void {
    if (guard.lease === lease) free.push({...guard, modRevision});
  }

  function guardWithin(limits: Attempt): Promise<Guard> {
    return withDeadline(clock, {...limits, closing}, (ended) => abortable(takeGuard(), ended));
  }

  async function attempt(
    request: TxnRequest<Bytes>,
    {timeoutMs, signal}: Attempt,
  ): Promise<TxnResponse<Bytes>> {
    const deadline = clock.now() + timeoutMs;
    const left = () => Math.max(1, deadline - clock.now());
    const guard = await guardWithin({timeoutMs, signal});
    let response: TxnResponse<Bytes> | undefined;
    try {
      // The other half of the time is for finding out.
      response = await send(request, guard, {timeoutMs: left() / 2, signal});
    } catch (error) {
      if (isKviError(error, 'KVI_UNKNOWN_OUTCOME')) {
        const began = clock.now();
        const outcome = await findOut(guard, deadline, signal);
        publish('kvi:unknown-outcome', () => ({outcome: nameOf(outcome), tookMs: clock.now() - began}));
        return conclude(request, outcome, error);
      }
      giveBack(guard, guard.modRevision);
      // Nothing was changed, and the call has the other half of its time.
      throw isKviError(error, 'KVI_TIMEOUT') ? unavailable(error) : error;
    }
    if (response === undefined) throw guardLost();
    giveBack(guard, response.revision);
    return response;
  }

  /** @returns undefined when the guard is not as it was, and nothing was applied: an operator has deleted it */
  async function send(
    request: TxnRequest<Bytes>,
    guard: Guard,
    limits: Attempt,
  ): Promise<TxnResponse<Bytes> | undefined> {
    const guarded: TxnRequest<Bytes> = {
      compare: [isUnchanged(guard)],
      success: [{type: 'txn', ...withCourse(request, (course) => putGuard(guard, course))}],
    };
    checkTxn(guarded, requestLimits);
    const sent = driver.txn(guarded, {...limits, retryPolicy: noRetries});
    const {responses} = await unlessGuardLost(guard, sent, limits);
    const [response] = responses;
    if (response?.type !== 'txn') return undefined;
    return withoutCourse(request, asTxnResponse(response));
  }

  /** Finds out what became of the write that put the guard or not, and sees to it that it stays so. */
  async function findOut(guard: Guard, deadline: number, signal: AbortSignal | undefined): Promise<Outcome> {
    for (let wait = backoff.next(); ; wait = wait.next(undefined)) {
      try {
        const timeoutMs = Math.max(1, (deadline - clock.now()) / 2);
        return await ask(guard, {timeoutMs, signal});
      } catch (error) {
        const isOver = signal?.aborted === true || closing.aborted;
        // Stryker disable next-line EqualityOperator: the wait is a random fraction; the two are hardly ever equal
        if (isOver || !mayPass(error) || deadline - clock.now() <= wait.duration) return 'unknown';
        await withDeadline(clock, {signal, closing}, (ended) => sleep(clock, wait.duration, ended)).catch(
          () => undefined,
        );
      }
    }
  }

  async function ask(guard: Guard, limits: Attempt): Promise<Outcome> {
    const {succeeded, revision, responses} = await driver.txn(
      {
        compare: [isUnchanged(guard)],
        success: [putGuard(guard, prevented)],
        failure: [{type: 'range', key: guard.key}],
      },
      {...limits, retryPolicy: noRetries},
    );
    if (succeeded) {
      giveBack(guard, revision);
      return 'not-applied';
    }
    const [response] = responses;
    // Stryker disable next-line ConditionalExpression,OptionalChaining: a failed transaction answers with the range
    const kv = response?.type === 'range' ? response.kvs[0] : undefined;
    // Without it, its lease is over, or an operator deleted it.
    // Stryker disable next-line ConditionalExpression: reading from undefined throws, which is no answer either
    if (kv === undefined) return 'unknown';
    giveBack(guard, kv.modRevision);
    const course = Buffer.from(kv.value).toString();
    return course === prevented ? 'not-applied' : {course, revision: kv.modRevision};
  }

  /** Tells the end of the guard's lease from that of one which the request itself names. */
  async function unlessGuardLost<R>(guard: Guard, sent: Promise<R>, limits: Attempt): Promise<R> {
    try {
      return await sent;
    } catch (error) {
      if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
      try {
        await driver.leaseTimeToLive({id: guard.lease}, limits);
      } catch (reason) {
        if (!isKviError(reason, 'KVI_LEASE_NOT_FOUND')) throw unavailable(error);
        drop(guard.lease);
        throw guardLost();
      }
      throw error;
    }
  }

  return {
    txn: (request, {retryPolicy: policy, ...limits}) =>
      retry(clock, {...limits, closing, policy}, (attemptLimits) => attempt(request, attemptLimits)),
    close: closeSession,
  };
}

function isUnchanged({key, modRevision}: Guard): Compare<Bytes> {
  return {key, target: 'mod', result: '=', modRevision};
}

function putGuard({key, lease}: Guard, value: string): RequestOp<Bytes> {
  return {type: 'put', key, value: Buffer.from(value), lease};
}

function unavailable(cause: KviError): KviError {
  return new KviError('KVI_UNAVAILABLE', `nothing was applied: ${cause.message}`, {cause});
}

function guardLost(): KviError {
  return new KviError(
    'KVI_UNAVAILABLE',
    'the guard of a write was taken away before it; nothing was applied',
  );
}

function conclude(request: TxnRequest<Bytes>, outcome: Outcome, cause: KviError): TxnResponse<Bytes> {
  if (outcome === 'unknown') throw cause;
  if (outcome === 'not-applied') {
    throw new KviError(
      'KVI_UNAVAILABLE',
      `a write got no answer; it was not applied, and will not be (${cause.message})`,
      {cause},
    );
  }
  const response = rebuildResponse(request, outcome.course, outcome.revision);
  if (response !== undefined) return response;
  throw new KviError(
    'KVI_UNKNOWN_OUTCOME',
    `a write got no answer; it was applied, as revision ${String(outcome.revision)}, but what it read or deleted is not known (${cause.message})`,
    {cause, applied: true},
  );
}

/** Whether to ask again what became of a write: asking changes nothing that asking again would not. */
function mayPass(error: unknown): boolean {
  return isKviError(error, 'KVI_UNKNOWN_OUTCOME', 'KVI_UNAVAILABLE', 'KVI_TIMEOUT', 'KVI_RESOURCE_EXHAUSTED');
}

function nameOf(outcome: Outcome) {
  return typeof outcome === 'string' ? outcome : 'applied';
}
