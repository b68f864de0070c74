import type {Kvi} from '../api/kvi.ts';
import type {Lease} from '../api/lease.ts';
import {withDeadline} from '../async/deadline.ts';
import {checkPositiveInteger} from '../etcd/bad-input.ts';
import {encode, type Input} from '../etcd/bytes.ts';
import {closed, isKviError, KviError} from '../etcd/errors.ts';
import {joinKey, keyId} from '../etcd/key-range.ts';
import {maxLeaseId} from '../etcd/lease-id.ts';
import {checkTxn} from '../etcd/validate.ts';
import {insideOf} from '../kvi/inside.ts';
import {readContender} from '../kvi/locks.ts';
import {optionNames} from '../kvi/option-names.ts';
import {checkLockName} from '../kvi/options.ts';
import type {Session} from '../lease/session.ts';
import {
  contend,
  type ContendOptions,
  contenderKey,
  enqueueRequest,
  type Obstacle,
  type Ownership,
  type Terms,
  retryIfWaiting,
} from '../primitives/contender.ts';
import {tenure, type Tenure} from '../primitives/tenure.ts';

/** Options of {@link Semaphore.acquire}. */
export interface AcquireOptions {
  /** Ends the wait with `KVI_ABORTED`; nothing is left behind. */
  signal?: AbortSignal | undefined;
  /** Milliseconds to wait at most. Default: as long as it takes. */
  timeoutMs?: number | undefined;
  /** Seconds within which the permit is free again after its holder crashed. Default: the handle's. */
  ttlSeconds?: number | undefined;
  /**
   * Hold the permit under this lease of the handle's, instead of one of its own. Losing the lease loses the permit, and
   * closing or revoking it gives the permit up; releasing leaves the lease alone. One lease is one holder: another call with
   * it, on this handle, waits until the permit is released. Not together with `ttlSeconds`.
   */
  lease?: Lease<Input> | undefined;
  /**
   * The value of the permit's key, while its holder waits too: for people and tools that look at the store, who it is, for
   * example. Default: empty.
   */
  value?: Input | undefined;
}

/** A permit that is held. */
export interface Permit extends AsyncDisposable {
  /** The holder's key in the store, `<name>/permits/<lease>`. */
  readonly key: string;
  /**
   * The create revision of {@link Permit.key}: no two permits have the same. In the store itself, a compare of the create
   * revision of the key with it holds as long as the permit does.
   */
  readonly token: number;
  /**
   * Aborts when the permit is no longer held though it was not released: with `KVI_PERMIT_LOST` when it was lost, before its
   * lease can have ended on the server; with `KVI_CLOSED` when the handle, or the `lease` that was passed, was closed or
   * revoked here. After a stall of the event loop, reading `aborted` tells the truth even though the event comes late.
   */
  readonly signal: AbortSignal;
  /** Whether the permit is certain to be held still. */
  isHeld(): boolean;
  /**
   * Gives the permit back, within about two seconds. Releasing twice is fine; the end of an `await using` block releases too.
   *
   * @throws `KVI_PERMIT_LOST` when it was lost before: one more than allowed may have been at work
   * @throws `KVI_UNAVAILABLE` and the like when the server could not be told; the permit is free when its TTL is over
   */
  release(): Promise<void>;
}

/** A semaphore; see {@link semaphore}. */
export interface Semaphore {
  readonly name: string;
  readonly permits: number;
  /**
   * Waits for a permit: first come, first served. Each call takes one of its own.
   *
   * @throws `KVI_TIMEOUT` after `timeoutMs`, `KVI_ABORTED`, `KVI_CLOSED`: nothing is left behind. `KVI_SEMAPHORE_SIZE` if the
   *   semaphore is in use with another number of permits; `KVI_LEASE_NOT_FOUND` if the `lease` has ended
   */
  acquire(options?: AcquireOptions): Promise<Permit>;
  /**
   * Takes a permit if one is free now and nobody waits, nor the `lease` has one.
   *
   * @returns undefined if there is none
   * @throws as {@link Semaphore.acquire}; what the store throws
   */
  tryAcquire(options?: AcquireOptions): Promise<Permit | undefined>;
}

const nothing = Buffer.alloc(0);
const acquireNames = [...optionNames.distLock, 'timeoutMs'];

/**
 * A semaphore: it has `permits` holders at most, in all processes together. It is etcd's lock with several places.
 *
 * The number of permits is stored under `<name>/size` by whoever acquires first, and every other one has to name the same. To
 * change it, delete that key while nobody holds or waits for a permit. Keys are below `<name>/`: do not store others there,
 * nor name a lock, an election or a queue like it; a lock would wait for them forever.
 *
 * ```ts
 * await using permit = await semaphore(kv, 'gpu', 3).acquire({signal});
 * await render(frame, permit.signal);
 * ```
 *
 * A semaphore holds nothing, and need not be closed; its permits are given back when the handle closes.
 *
 * @param name - of the semaphore, for everybody
 * @param permits - how many may hold one at a time, 1 or more
 * @throws `KVI_INVALID_ARGUMENT` for an empty name, a number that is out of bounds, or what is no handle of kvi's
 */
export function semaphore(kv: Kvi<Input>, name: string, permits: number): Semaphore {
  const {handle} = insideOf(kv);
  const {driver, closing, holdings} = handle;
  const {clock} = driver;
  const {turns} = handle.shared.locks;
  checkLockName(name, "a semaphore's");
  checkPositiveInteger('permits', permits);
  const queueName = `${name}/permits`;
  const sizeKey = Buffer.from(`${name}/size`);
  const size = Buffer.from(String(permits));
  const terms: Terms = {
    places: permits,
    compare: [{key: sizeKey, target: 'value', result: '=', value: size}],
    // Stryker disable next-line StringLiteral: whoever catches it asks for the number
    refused: () => wrongSize(name, permits, 'other'),
  };
  /** Whether the number of permits was seen to be the stored one. */
  let isAgreed = false;

  /** @param wait - false: try once */
  async function take(given: AcquireOptions | undefined, wait: boolean): Promise<Permit | undefined> {
    const {timeoutMs, signal, ...holder} = handle.begin(given, acquireNames, (own = {}) => {
      const value = encode(own.value ?? '', 'value');
      checkTxn(enqueueRequest(queueName, maxLeaseId, value, terms), handle.options);
      return {...readContender(handle, queueName, value, own), timeoutMs: own.timeoutMs};
    });
    let obstacle: Obstacle | undefined;
    const taking = withDeadline(clock, {timeoutMs, signal, closing}, async (ended) => {
      const endTurn = await takeTurn(holder.session, ended, wait);
      if (endTurn === undefined) return undefined;
      let own: Tenure | undefined;
      try {
        const owner = await queueUp({
          ...holder,
          signal: ended,
          wait,
          terms,
          onObstacle: (met) => (obstacle = met),
        });
        own = owner && watchOver(owner, endTurn);
        return own;
      } finally {
        if (own === undefined) endTurn();
      }
    });
    // Closing ends the wait, which cleans up; it may just have got its permit.
    const release = holdings.add(async () => (await taking)?.abandon(closed()));
    try {
      const own = await taking;
      return own && permitOf(own);
    } catch (error) {
      throw timeoutMs !== undefined && isKviError(error, 'KVI_TIMEOUT')
        ? notAcquired(name, timeoutMs, obstacle)
        : error;
    } finally {
      release();
    }
  }

  /**
   * A lease is one holder, so those who pass the same one take turns.
   *
   * @returns ends the turn; undefined when it was not to wait and another has it
   */
  async function takeTurn(
    session: Session | undefined,
    signal: AbortSignal,
    wait: boolean,
  ): Promise<(() => void) | undefined> {
    if (session === undefined) return () => undefined;
    const id = keyId(joinKey(handle.prefix, Buffer.from(contenderKey(queueName, session.lease))));
    return wait || !turns.isTaken(id) ? turns.take(id, signal) : undefined;
  }

  async function queueUp(contender: ContendOptions): Promise<Ownership | undefined> {
    for (;;) {
      if (!isAgreed) await retryIfWaiting(driver, contender, () => agree(contender.signal));
      isAgreed = true;
      try {
        return await contend(handle, queueName, contender);
      } catch (error) {
        // The size was deleted or changed since.
        isAgreed = false;
        if (!isKviError(error, 'KVI_SEMAPHORE_SIZE')) throw error;
      }
    }
  }

  /** Stores the number of permits, unless it is stored. @throws `KVI_SEMAPHORE_SIZE` */
  async function agree(signal: AbortSignal): Promise<void> {
    const {succeeded, responses} = await driver.txn(
      {
        compare: [{key: sizeKey, target: 'create', result: '=', createRevision: 0}],
        success: [{type: 'put', key: sizeKey, value: size}],
        failure: [{type: 'range', key: sizeKey}],
      },
      {signal},
    );
    if (succeeded) return;
    const [response] = responses;
    // Stryker disable next-line ConditionalExpression,OptionalChaining: a transaction answers each of its operations
    const stored = response?.type === 'range' ? response.kvs[0]?.value : undefined;
    const found = Buffer.from(stored ?? nothing).toString();
    if (found !== String(permits)) throw wrongSize(name, permits, found);
  }

  function watchOver(owner: Ownership, endTurn: () => void): Tenure {
    const own = tenure(driver, owner, {
      lost: (cause) => permitLost(name, cause),
      onEnd: () => end(),
      onLost: () => end(),
    });
    const release = holdings.add(() => own.abandon(closed()));
    const end = () => {
      release();
      endTurn();
    };
    return own;
  }

  async function acquire(options?: AcquireOptions): Promise<Permit> {
    const permit = await take(options, true);
    if (permit === undefined) throw new KviError('KVI_INTERNAL', 'whoever waits for a permit gets one');
    return permit;
  }

  return {name, permits, acquire, tryAcquire: (options) => take(options, false)};
}

function permitOf(own: Tenure): Permit {
  const {key, token, signal} = own;
  const release = () => own.end();
  return {
    key,
    token,
    signal,
    isHeld: () => own.isCurrent(),
    release,
    [Symbol.asyncDispose]: release,
  };
}

function wrongSize(name: string, permits: number, stored: string): KviError {
  const message = `the semaphore ${JSON.stringify(name)} has ${stored} permits, and was asked for as one of ${permits}`;
  return new KviError('KVI_SEMAPHORE_SIZE', message);
}

function permitLost(name: string, cause: unknown): KviError {
  const message = `a permit of the semaphore ${JSON.stringify(name)} was lost before it was released; another may hold it`;
  return new KviError('KVI_PERMIT_LOST', message, {cause});
}

function notAcquired(name: string, waitedMs: number, obstacle: Obstacle | undefined): KviError {
  const why = obstacle?.isAnother === true ? ': others hold all of them' : '';
  const message = `no permit of the semaphore ${JSON.stringify(name)} was free within ${waitedMs} ms${why}`;
  return new KviError('KVI_TIMEOUT', message, {cause: obstacle?.failure});
}
