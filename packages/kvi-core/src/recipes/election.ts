import type {CallOptions} from '../api/call-options.ts';
import type {Kvi} from '../api/kvi.ts';
import type {Lease} from '../api/lease.ts';
import {lookBeforeTelling} from '../async/abort.ts';
import {withDeadline} from '../async/deadline.ts';
import {retryUntil} from '../async/retry-until.ts';
import {type Bytes, compareBytes, encode, type Input} from '../etcd/bytes.ts';
import {checkFunction} from '../etcd/bad-input.ts';
import {closed, isKviError, KviError} from '../etcd/errors.ts';
import type {KeyValue} from '../etcd/messages.ts';
import {insideOf} from '../kvi/inside.ts';
import {optionNames} from '../kvi/option-names.ts';
import {readContender} from '../kvi/locks.ts';
import {checkLockName} from '../kvi/options.ts';
import {
  contend,
  type ContendOptions,
  mayPass,
  type Obstacle,
  type Ownership,
} from '../primitives/contender.ts';
import {tenure, type Tenure} from '../primitives/tenure.ts';
import {type Leadership, leadershipLost, leadershipOf, resigned, type Term} from './leadership.ts';
import {listAndWatch} from './list-and-watch.ts';

/** Options of {@link Election.campaign}. */
export interface CampaignOptions {
  /** Ends the wait with `KVI_ABORTED`; nothing is left behind. */
  signal?: AbortSignal | undefined;
  /** Milliseconds to wait at most. Default: as long as it takes. */
  timeoutMs?: number | undefined;
  /** Seconds within which another leads after the leader crashed. Default: the handle's. */
  ttlSeconds?: number | undefined;
  /**
   * Campaign under this lease of the handle's, instead of one of its own. Losing the lease loses the leadership, and closing
   * or revoking it gives the leadership up; resigning leaves the lease alone. One lease is one candidate. Not together with
   * `ttlSeconds`.
   */
  lease?: Lease<Input> | undefined;
}

/** Options of {@link Election.runAsLeader}. */
export type RunAsLeaderOptions = Omit<CampaignOptions, 'timeoutMs'>;

/** The leader of an election. */
export interface Leader<T extends Input = string> {
  /** What it proclaims. */
  value: T;
  /** The key that it leads with, below the election's name. */
  key: T;
  /** The create revision of the key: each later leader's is higher. */
  token: number;
}

/** An election; see {@link election}. */
export interface Election<T extends Input = string> {
  readonly name: string;
  /**
   * Waits until it leads: first come, first served. Each call is a candidate of its own. It queues up again when the backend
   * was away for longer than the TTL.
   *
   * @param value - what to proclaim: an address, say
   * @throws `KVI_TIMEOUT` after `timeoutMs`, `KVI_ABORTED`, `KVI_CLOSED`; `KVI_LEASE_NOT_FOUND` if the `lease` has ended
   */
  campaign(value: Input, options?: CampaignOptions): Promise<Leadership>;
  /** Reads who leads. @returns `undefined` if nobody does */
  leader(options?: CallOptions): Promise<Leader<T> | undefined>;
  /**
   * Follows who leads: first the present leader, then each change of the leader or of its value, in order; `undefined` while
   * nobody leads. Whoever was cut off, or is slow, is told of former leaders first: ask {@link Election.leader} for the present
   * one. Only changes that were compacted meanwhile are left out.
   *
   * To end it, leave the loop, or abort the signal: `return()` waits for a `next()` that is pending.
   *
   * Ends with `KVI_ABORTED`, `KVI_CLOSED`, `KVI_SLOW_CONSUMER`, `KVI_PERMISSION_DENIED` or `KVI_UNAUTHENTICATED`; with
   * `KVI_NOT_TEXT` if text is asked for, and the leader's value is not.
   */
  observe(options?: {signal?: AbortSignal | undefined}): AsyncGenerator<Leader<T> | undefined, undefined>;
  /**
   * Runs a function while it leads. When the leadership is lost, the function's signal aborts; once the function has ended,
   * it campaigns again, and runs the function again. When the function returns or throws while it leads, it resigns.
   *
   * Its result is ignored once its signal has aborted, and so is an error if the leadership turns out to be lost by then.
   *
   * @param work - has to end when its signal aborts: until then, nothing else happens here
   * @returns what `work` returned
   * @throws what `work` threw; as {@link Election.campaign}
   */
  runAsLeader<R>(
    value: Input,
    work: (term: Term) => R | Promise<R>,
    options?: RunAsLeaderOptions,
  ): Promise<R>;
}

const campaignNames = [...optionNames.contend, 'timeoutMs'];

/**
 * Elects one leader among the candidates for a name. It is etcd's own election: candidates of `etcdctl elect` and of Go's
 * `concurrency.Election` take part. Its keys are `<name>/<lease>`, like a lock's: do not store keys below an election's
 * name, nor name a lock like it, nor one election `a` and another `a/b`.
 *
 * @throws `KVI_INVALID_ARGUMENT` for an empty name, or what is no handle of kvi's
 * @see `client/v3/concurrency/election.go` in etcd
 */
export function election<T extends Input>(kv: Kvi<T>, name: string): Election<T> {
  const {handle, decoder} = insideOf(kv);
  const {driver, closing, holdings} = handle;
  const {clock} = driver;
  checkLockName(name, "an election's");
  const candidates = {prefix: `${name}/`};

  async function campaign(value: Input, campaignOptions?: CampaignOptions): Promise<Leadership> {
    const {timeoutMs, signal, ...candidate} = handle.begin(campaignOptions, campaignNames, (own = {}) => ({
      ...readContender(handle, name, encode(value, 'value'), own),
      timeoutMs: own.timeoutMs,
    }));
    let obstacle: Obstacle | undefined;
    const winning = withDeadline(clock, {timeoutMs, signal, closing}, (ended) =>
      win({...candidate, signal: ended, wait: true, onObstacle: (met) => (obstacle = met)}),
    );
    // Closing ends the wait, which cleans up; it may just have been won.
    const release = holdings.add(async () => (await winning).abandon(closed()));
    try {
      return leadershipOf(kv, name, await winning);
    } catch (error) {
      throw timeoutMs !== undefined && isKviError(error, 'KVI_TIMEOUT')
        ? notElected(name, timeoutMs, obstacle)
        : error;
    } finally {
      release();
    }
  }

  /** Waits until it leads, and proclaims its value. */
  async function win(candidate: ContendOptions): Promise<Tenure> {
    for (;;) {
      const owner = await contend(handle, name, candidate);
      if (owner === undefined) throw new KviError('KVI_INTERNAL', 'a candidate that waits is elected');
      const own = watchOver(owner);
      try {
        // The key may hold the value of an earlier campaign under the same lease.
        if (owner.wasThere) await proclaim(own, candidate);
        return own;
      } catch (error) {
        await own.abandon(closed()).catch(() => undefined);
        if (!isKviError(error, 'KVI_LEADERSHIP_LOST')) throw error;
      }
    }
  }

  function watchOver(owner: Ownership): Tenure {
    const own = tenure(driver, owner, {
      lost: (cause) => leadershipLost(name, cause),
      onEnd: () => release(),
      onLost: () => release(),
    });
    const release = holdings.add(() => own.abandon(closed()));
    return own;
  }

  /** Proclaiming a value twice changes nothing, so it may be sent again. */
  function proclaim(own: Tenure, {value, signal}: ContendOptions): Promise<void> {
    const leadership = leadershipOf(kv, name, own);
    return retryUntil(clock, signal, () => leadership.proclaim(value, {signal}), mayPass);
  }

  async function leader(callOptions?: CallOptions): Promise<Leader<T> | undefined> {
    const own = handle.begin(callOptions, optionNames.call, (read) => read);
    const {kvs} = await kv.bytes.range(candidates, {...own, sortTarget: 'create', limit: 1});
    return kvs[0] && decoded(kvs[0]);
  }

  function decoded(first: KeyValue<Bytes>): Leader<T> {
    return {value: decoder.value(first), key: decoder.key(first.key), token: first.createRevision};
  }

  async function* observe(observeOptions?: {
    signal?: AbortSignal | undefined;
  }): AsyncGenerator<Leader<T> | undefined, undefined> {
    const {signal} = handle.begin(observeOptions, ['signal'], (own = {}) => own);
    /** What was told last. */
    let told: {first: KeyValue<Bytes> | undefined} | undefined;
    for await (const {state} of listAndWatch(clock, kv.bytes, candidates, {signal, closing})) {
      const first = firstOf(state);
      if (told !== undefined && isSame(told.first, first)) continue;
      told = {first};
      yield first && decoded(first);
    }
  }

  async function runAsLeader<R>(
    value: Input,
    work: (term: Term) => R | Promise<R>,
    runOptions?: RunAsLeaderOptions,
  ): Promise<R> {
    const signal = handle.begin(runOptions, optionNames.contend, (own) => {
      checkFunction('work', work);
      return own?.signal;
    });
    for (;;) {
      const leadership = await campaign(value, runOptions);
      const running = withDeadline(clock, {signal, closing: leadership.signal}, async (ended) => {
        lookBeforeTelling(ended, () => void leadership.isLeading());
        const result = await work({...leadership, signal: ended});
        ended.throwIfAborted();
        return result;
      });
      const hasReturned = await running.then(
        () => true,
        () => false,
      );
      // It may have failed because of a loss that its signal has not told yet.
      if ((await resigned(leadership)) || hasReturned) return running;
    }
  }

  return {name, campaign, leader, observe, runAsLeader};
}

function firstOf(candidates: ReadonlyMap<string, KeyValue<Bytes>>): KeyValue<Bytes> | undefined {
  let first: KeyValue<Bytes> | undefined;
  for (const kv of candidates.values()) {
    if (first === undefined || kv.createRevision < first.createRevision) first = kv;
  }
  return first;
}

function isSame(a: KeyValue<Bytes> | undefined, b: KeyValue<Bytes> | undefined): boolean {
  return a === undefined || b === undefined
    ? a === b
    : compareBytes(a.key, b.key) === 0 && a.modRevision === b.modRevision;
}

function notElected(name: string, waitedMs: number, obstacle: Obstacle | undefined): KviError {
  const why = obstacle?.isAnother === true ? ': another leads' : '';
  const message = `the election ${JSON.stringify(name)} was not won within ${waitedMs} ms${why}`;
  return new KviError('KVI_TIMEOUT', message, {cause: obstacle?.failure});
}
