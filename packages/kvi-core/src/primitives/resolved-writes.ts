/**
 * Writes whose outcome can be found out when no answer came.
 *
 * Each is a transaction that also puts an outcome key, `kvi/outcome/<lease>/<n>`, and happens only if nobody has put the key
 * since it was last seen. To find out what happened, the handle puts the outcome key too, on the same condition. Either the
 * key has been put, and the write was applied; or this put succeeds, and the write was not applied and never will be, even
 * if it is still on its way: its condition has become false.
 *
 * An outcome key whose revision is known serves the next write, so that a handle needs as many as it has writes under way
 * at a time. All are under one lease, which ends with the handle, and without which a write that is still on its way fails.
 */
import {backoffMs} from '../async/backoff.ts';
import {sleep} from '../async/clock.ts';
import {isAborted, type Signals} from '../async/abort.ts';
import {abortable, withDeadline} from '../async/deadline.ts';
import type {RetryPolicy} from '../api/retry-policy.ts';
import type {TxnOptions} from '../driver/driver.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {isKviError, KviError, refusalOf} from '../etcd/errors.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import {type Condition, fencedTxn} from '../etcd/fenced-txn.ts';
import type {KeyValue, RequestOp, TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {writes} from '../etcd/txn-shape.ts';
import {checkTxn, type RequestLimits} from '../etcd/validate.ts';
import {giveUpMs} from '../lease/grant.ts';
import {openSession, type Session} from '../lease/session.ts';
import type {PolicyDriver} from '../policy/policy-driver.ts';
import {retry} from '../policy/retry.ts';
import {noRetries} from '../policy/retry-policies.ts';
import {publish} from '../telemetry/diagnostics.ts';
import {trace} from '../telemetry/tracing.ts';
import type {Holdings} from './holdings.ts';
import {rebuildResponse, withBranchTaken, withoutBranchTaken} from './branch-taken.ts';

/** The resolved writes of a handle. */
export interface ResolvedWrites {
  /** Carries out a transaction that changes something. */
  txn(request: TxnRequest<Bytes>, options: ResolvedCallOptions): Promise<TxnResponse<Bytes>>;
}

/** How long one request may take. */
interface RequestOptions {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** Options of a resolved write. */
export interface ResolvedCallOptions extends RequestOptions {
  retryPolicy: RetryPolicy;
  mayShareRevision?: boolean | undefined;
}

/** A key that tells what happened to the last write that put it. */
interface OutcomeKey {
  key: Bytes;
  lease: LeaseId;
  /** 0 before its first put. */
  modRevision: number;
}

/** What happened to a write; the branch taken and the revision if it was applied. */
type Outcome = {branchTaken: string; revision: number} | 'not-applied' | 'unknown';

/** Seconds that the outcome keys outlive a crashed process: longer than most failures of a backend. */
const outcomeTtlSeconds = 60;

/** What precedes the branch taken in the value of an outcome key: alone, `1` would be JSON, and the value of somebody's view. */
const applied = 'applied ';

/** The value of an outcome key that was put to prevent a write from being applied. */
const prevented = 'prevented';

/**
 * @param closing - aborts when the handle closes
 * @param holdings - of the handle: the outcome keys are given up with it
 */
export function resolvedWrites(
  driver: PolicyDriver,
  requestLimits: RequestLimits,
  closing: Signals,
  holdings: Holdings,
): ResolvedWrites {
  const {clock} = driver;
  /** The session whose lease the outcome keys live under. */
  let opening: Promise<Session> | undefined;
  let release: () => void = () => undefined;
  let lease: LeaseId | undefined;
  /** Outcome keys that no write uses now. */
  let free: OutcomeKey[] = [];
  let lastNumber = 0;

  async function openOutcomeKeys(): Promise<Session> {
    release = holdings.add(closeSession);
    try {
      const session = await trace('outcomeKeys', undefined, () =>
        withDeadline(clock, {closing}, (ended) => openSession(driver, outcomeTtlSeconds, ended)),
      );
      ({lease} = session);
      session.signal.addEventListener('abort', () => {
        drop(session.lease);
      });
      return session;
    } catch (error) {
      opening = undefined;
      release();
      throw error;
    }
  }

  /** Keys that were lost with their lease are of no use; the next write opens another session. */
  function drop(lost: LeaseId): void {
    if (lost !== lease) return;
    void closeSession();
    opening = undefined;
    lease = undefined;
    free = [];
  }

  async function closeSession(): Promise<void> {
    const letGo = release;
    const session = await opening?.catch(() => undefined);
    await session?.close({timeoutMs: giveUpMs}).catch(() => undefined);
    letGo();
  }

  async function takeOutcomeKey(): Promise<OutcomeKey> {
    const session = await (opening ??= openOutcomeKeys());
    const used = free.pop();
    if (used !== undefined) return used;
    lastNumber += 1;
    const key = Buffer.from(`kvi/outcome/${session.lease}/${String(lastNumber)}`);
    return {key, lease: session.lease, modRevision: 0};
  }

  function giveBack(own: OutcomeKey, modRevision: number): void {
    if (own.lease === lease) free.push({...own, modRevision});
  }

  function outcomeKeyWithin(options: RequestOptions): Promise<OutcomeKey> {
    return withDeadline(clock, {...options, closing}, (ended) => abortable(takeOutcomeKey(), ended));
  }

  async function attempt(
    request: TxnRequest<Bytes>,
    {timeoutMs, signal, mayShareRevision}: RequestOptions & TxnOptions,
  ): Promise<TxnResponse<Bytes>> {
    const deadline = clock.now() + timeoutMs;
    const left = () => Math.max(1, deadline - clock.now());
    const own = await outcomeKeyWithin({timeoutMs, signal});
    let response: TxnResponse<Bytes> | undefined;
    try {
      // The other half of the time is for finding out.
      response = await send(request, own, {timeoutMs: left() / 2, signal, mayShareRevision});
    } catch (error) {
      if (isKviError(error, 'KVI_UNKNOWN_OUTCOME')) {
        const began = clock.now();
        const refusal = refusalOf(error);
        const question = refusal === undefined ? ask : look;
        const outcome = await findOut(own, question, deadline, signal);
        if (outcome === 'not-applied' && refusal !== undefined) throw refused(refusal);
        publish('kvi:unknown-outcome', () => ({outcome: nameOf(outcome), tookMs: clock.now() - began}));
        return conclude(request, outcome, error);
      }
      giveBack(own, own.modRevision);
      // Nothing was changed, and the other half of the call's time is left.
      throw isKviError(error, 'KVI_TIMEOUT') ? unavailable(error) : error;
    }
    if (response === undefined) throw outcomeKeyLost();
    const wasPut = response.succeeded || writes({success: request.failure});
    giveBack(own, wasPut ? response.revision : own.modRevision);
    return response;
  }

  /** @returns undefined when somebody else changed the outcome key; nothing was applied */
  async function send(
    request: TxnRequest<Bytes>,
    own: OutcomeKey,
    options: RequestOptions & TxnOptions,
  ): Promise<TxnResponse<Bytes> | undefined> {
    const marked = withBranchTaken(request, (branchTaken) => putOutcome(own, applied + branchTaken));
    const fenced = fencedTxn(marked, isUnchanged(own));
    checkTxn(fenced.request, requestLimits);
    const sent = driver.txn(fenced.request, {...options, retryPolicy: noRetries});
    const response = fenced.read(await unlessOutcomeKeyLost(own, sent, options));
    return response && withoutBranchTaken(request, response);
  }

  /** Repeats a question until there is an answer. */
  async function findOut(
    own: OutcomeKey,
    question: (own: OutcomeKey, options: RequestOptions) => Promise<Outcome>,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<Outcome> {
    for (let failures = 1; ; failures += 1) {
      try {
        const timeoutMs = Math.max(1, (deadline - clock.now()) / 2);
        return await question(own, {timeoutMs, signal});
      } catch (error) {
        const isOver = isAborted(signal) || isAborted(closing);
        const waitMs = backoffMs(failures, 20, 1_000);
        // Stryker disable next-line EqualityOperator: the wait is a random fraction; the two are hardly ever equal
        if (isOver || !mayPass(error) || deadline - clock.now() <= waitMs) return 'unknown';
        await withDeadline(clock, {signal, closing}, (ended) => sleep(clock, waitMs, ended)).catch(
          () => undefined,
        );
      }
    }
  }

  /** Finds out what happened to a write that got no answer, and makes it final. */
  async function ask(own: OutcomeKey, options: RequestOptions): Promise<Outcome> {
    const {succeeded, revision, responses} = await driver.txn(
      {
        compare: [isUnchanged(own)],
        success: [putOutcome(own, prevented)],
        failure: [{type: 'range', key: own.key}],
      },
      {...options, retryPolicy: noRetries},
    );
    if (succeeded) {
      giveBack(own, revision);
      return 'not-applied';
    }
    const [response] = responses;
    // Stryker disable next-line ConditionalExpression,OptionalChaining: a failed transaction answers with the range
    return outcomeOf(own, response?.type === 'range' ? response.kvs[0] : undefined);
  }

  /** Finds out what happened to a write that was answered with a refusal, so is no longer on its way. */
  async function look(own: OutcomeKey, options: RequestOptions): Promise<Outcome> {
    const {kvs} = await driver.range({key: own.key}, {...options, retryPolicy: noRetries});
    if ((kvs[0]?.modRevision ?? 0) !== own.modRevision) return outcomeOf(own, kvs[0]);
    giveBack(own, own.modRevision);
    return 'not-applied';
  }

  function outcomeOf(own: OutcomeKey, kv: KeyValue<Bytes> | undefined): Outcome {
    // Its lease is over, or somebody deleted it.
    // Stryker disable next-line ConditionalExpression: reading from undefined throws, which is no answer either
    if (kv === undefined) return 'unknown';
    giveBack(own, kv.modRevision);
    const value = Buffer.from(kv.value).toString();
    if (value === prevented) return 'not-applied';
    return {branchTaken: value.slice(applied.length), revision: kv.modRevision};
  }

  /** Tells the end of the outcome key's lease from the end of a lease that the request names. */
  async function unlessOutcomeKeyLost<R>(
    own: OutcomeKey,
    sent: Promise<R>,
    options: RequestOptions,
  ): Promise<R> {
    try {
      return await sent;
    } catch (error) {
      if (!isKviError(error, 'KVI_LEASE_NOT_FOUND')) throw error;
      try {
        await driver.leaseTimeToLive({id: own.lease}, options);
      } catch (reason) {
        if (!isKviError(reason, 'KVI_LEASE_NOT_FOUND')) throw unavailable(error);
        drop(own.lease);
        throw outcomeKeyLost();
      }
      throw error;
    }
  }

  return {
    txn: (request, {retryPolicy: policy, mayShareRevision, ...options}) =>
      retry(clock, {...options, closing, policy}, (limits) =>
        attempt(request, {...limits, mayShareRevision}),
      ),
  };
}

function isUnchanged({key, modRevision}: OutcomeKey): Condition {
  return {key, target: 'mod', result: '=', modRevision};
}

function putOutcome({key, lease}: OutcomeKey, value: string): RequestOp<Bytes> {
  return {type: 'put', key, value: Buffer.from(value), lease};
}

function unavailable(cause: KviError): KviError {
  return new KviError('KVI_UNAVAILABLE', `nothing was applied: ${cause.message}`, {cause});
}

function refused(cause: KviError): KviError {
  return new KviError(cause.code, `nothing was applied: ${cause.message}`, {cause});
}

function outcomeKeyLost(): KviError {
  return new KviError('KVI_UNAVAILABLE', 'the outcome key was deleted before the write; nothing was applied');
}

function conclude(request: TxnRequest<Bytes>, outcome: Outcome, cause: KviError): TxnResponse<Bytes> {
  if (outcome === 'unknown') throw cause;
  if (outcome === 'not-applied') {
    throw new KviError(
      'KVI_UNAVAILABLE',
      `the write got no answer; it was not applied, and never will be (${cause.message})`,
      {cause},
    );
  }
  const response = rebuildResponse(request, outcome.branchTaken, outcome.revision);
  if (response !== undefined) return response;
  throw new KviError(
    'KVI_UNKNOWN_OUTCOME',
    `the write got no answer; it was applied as revision ${String(outcome.revision)}, but what it read or deleted is unknown (${cause.message})`,
    {cause, applied: true},
  );
}

/** Whether to ask again what happened to a write, which is safe to repeat. */
function mayPass(error: unknown): boolean {
  return isKviError(error, 'KVI_UNKNOWN_OUTCOME', 'KVI_UNAVAILABLE', 'KVI_TIMEOUT', 'KVI_RESOURCE_EXHAUSTED');
}

function nameOf(outcome: Outcome) {
  return typeof outcome === 'string' ? outcome : 'applied';
}
