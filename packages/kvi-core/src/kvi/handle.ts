import type {TxnCallOptions, WriteOptions} from '../api/call-options.ts';
import {isAborted} from '../async/abort.ts';
import {abortable, withDeadline} from '../async/deadline.ts';
import type {Driver} from '../driver/driver.ts';
import {namespaced} from '../driver/namespace.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {showValue} from '../etcd/bad-input.ts';
import {closed, invalidArgument} from '../etcd/errors.ts';
import {joinKey} from '../etcd/key-range.ts';
import type {TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {writes} from '../etcd/txn-shape.ts';
import {giveUpMs} from '../lease/grant.ts';
import {type SessionPool, sessionPool} from '../lease/session-pool.ts';
import type {Session} from '../lease/session.ts';
import {type PolicyDriver, withPolicy} from '../policy/policy-driver.ts';
import {callbackWatchTable} from '../primitives/callback-watches.ts';
import {type Holdings, keepHoldings} from '../primitives/holdings.ts';
import {leaseTable} from '../primitives/lease-table.ts';
import {type LocalLocks, localLocks, lockTable} from '../primitives/lock-table.ts';
import {resolvedWrites} from '../primitives/resolved-writes.ts';
import {type SharedTempKeys, sharedTempKeys, tempKeyTable} from '../primitives/temp-keys.ts';
import {beginCall, type KviOptions, type ResolvedOptions, resolveOptions} from './options.ts';

/** What a handle has in common with its namespaces. */
interface Shared {
  options: ResolvedOptions;
  sessions: SessionPool;
  locks: LocalLocks;
  tempKeys: SharedTempKeys;
  /** The sessions of leases that were handed out. */
  lent: WeakMap<object, Session>;
}

/** What a part needs of the handle that it is of. */
interface Parent {
  closing: readonly AbortSignal[];
  holdings: Holdings;
}

/** What the text and the bytes view of a handle share. */
export type Handle = ReturnType<typeof handleOn>;

/** @throws `KVI_INVALID_ARGUMENT` */
export function openHandle(store: Driver, kviOptions: KviOptions): Handle {
  const options = resolveOptions(kviOptions);
  const driver = withPolicy(store, options);
  const sessions = sessionPool(driver);
  const tempKeys = sharedTempKeys({driver, sessions});
  const shared = {options, sessions, locks: localLocks(), tempKeys, lent: new WeakMap()};
  return handleOn(shared, driver, Buffer.alloc(0));
}

/** A handle on a part of the store; it closes with `parent`. */
export function openNamespace(parent: Handle, name: Bytes): Handle {
  return handleOn(parent.shared, namespaced(parent.driver, name), joinKey(parent.prefix, name), parent);
}

/**
 * @param prefix - what the driver puts before the keys
 * @param parent - the handle that this one is a part of, which knows of it only as long as it holds something: a service
 *   may open one for each request, and close none
 */
function handleOn(shared: Shared, driver: PolicyDriver, prefix: Bytes, parent?: Parent) {
  const {sessions, lent} = shared;
  const options = {...shared.options, prefixBytes: prefix.length};
  const controller = new AbortController();
  const closing: readonly AbortSignal[] = [controller.signal, ...(parent?.closing ?? [])];
  const holdings = keepHoldings(() => parent?.holdings.add(end) ?? (() => undefined));
  const locks = lockTable({driver, sessions}, closing, holdings, shared.locks, prefix);
  const tempKeys = tempKeyTable(driver, shared.tempKeys, closing, holdings);
  const leases = leaseTable(driver, closing, holdings);
  const resolved = resolvedWrites(driver, options, closing, holdings);
  let ended: Promise<void> | undefined;

  function end(): Promise<void> {
    return (ended ??= close());
  }

  async function close() {
    controller.abort(closed());
    const givenUp = giveUp();
    // What the backend cannot be told in time ends with the TTL of its lease.
    await withDeadline(driver.clock, {timeoutMs: giveUpMs}, (late) => abortable(givenUp, late)).catch(
      () => undefined,
    );
    await driver.close();
  }

  async function giveUp() {
    await holdings.giveUp();
    if (parent === undefined) await Promise.all([shared.tempKeys.close(), sessions.close()]);
  }

  return {
    shared,
    prefix,
    options,
    driver,
    sessions,
    holdings,
    locks,
    tempKeys,
    leases,
    watches: callbackWatchTable(driver),
    closing,

    /** Notes a lease that is handed out, so that {@link lentSession} finds it. */
    lend(lease: object, session: Session): void {
      lent.set(lease, session);
    },

    /**
     * The session of the lease for a lock or a temporary key.
     *
     * @throws `KVI_INVALID_ARGUMENT` for what is no lease of this handle
     */
    lentSession(lease: object | undefined, ttlSeconds: number | undefined): Session | undefined {
      if (lease === undefined) return undefined;
      const session = typeof lease === 'object' && lease !== null ? lent.get(lease) : undefined;
      if (session === undefined) {
        throw invalidArgument(
          `lease must be what lease() or attachLease() of this handle returned, not ${showValue(lease)}`,
        );
      }
      if (ttlSeconds !== undefined) throw invalidArgument('pass lease or ttlSeconds, not both');
      return session;
    },

    /** {@link beginCall} of an open handle, before anything is sent. @throws also `KVI_CLOSED` */
    begin<O extends WriteOptions, R>(
      given: O | undefined,
      names: readonly string[],
      read: (options: O | undefined) => R,
    ): R {
      if (isAborted(closing)) throw closed();
      return beginCall(given, names, read);
    },

    /** Carries out a transaction that was checked. */
    txn(request: TxnRequest<Bytes>, callOptions: TxnCallOptions = {}): Promise<TxnResponse<Bytes>> {
      const {onUnknownOutcome = options.onUnknownOutcome} = callOptions;
      if (onUnknownOutcome === 'throw' || !writes(request)) return driver.txn(request, callOptions);
      const {timeoutMs = options.timeoutMs, retryPolicy = options.retryPolicy, ...others} = callOptions;
      return resolved.txn(request, {timeoutMs, retryPolicy, ...others});
    },

    close: end,
  };
}
