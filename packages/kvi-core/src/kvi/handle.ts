import type {TxnCallOptions, WriteOptions} from '../api/call-options.ts';
import {abortable, withDeadline} from '../async/deadline.ts';
import type {Driver} from '../driver/driver.ts';
import {namespaced} from '../driver/namespace.ts';
import type {Bytes} from '../etcd/bytes.ts';
import {reading, showValue} from '../etcd/bad-input.ts';
import {aborted, closed, invalidArgument} from '../etcd/errors.ts';
import {joinKey} from '../etcd/key-range.ts';
import type {TxnRequest, TxnResponse} from '../etcd/messages.ts';
import {writes} from '../etcd/txn-shape.ts';
import {giveUpMs} from '../lease/grant.ts';
import {type SessionPool, sessionPool} from '../lease/session-pool.ts';
import type {Session} from '../lease/session.ts';
import {type PolicyDriver, withPolicy} from '../policy/policy-driver.ts';
import {type WatchGate, watchGate} from '../policy/watch-gate.ts';
import {callbackWatchTable} from '../primitives/callback-watches.ts';
import {leaseTable} from '../primitives/lease-table.ts';
import {type LocalLocks, localLocks, lockTable} from '../primitives/lock-table.ts';
import {resolvedWrites} from '../primitives/resolved-writes.ts';
import {type SharedTempKeys, sharedTempKeys, tempKeyTable} from '../primitives/temp-keys.ts';
import {type KviOptions, readOptions, type ResolvedOptions, resolveOptions} from './options.ts';

/** What a handle has in common with its namespaces. */
interface Shared {
  /** The driver of the whole store. */
  store: Driver;
  options: ResolvedOptions;
  gate: WatchGate;
  sessions: SessionPool;
  locks: LocalLocks;
  tempKeys: SharedTempKeys;
  /** The sessions of leases that were handed out. */
  lent: WeakMap<object, Session>;
}

/** What the text and the bytes view of a handle share. */
export type Handle = ReturnType<typeof handleOn>;

/** @throws `KVI_INVALID_ARGUMENT` */
export function openHandle(store: Driver, kviOptions: KviOptions): Handle {
  const options = resolveOptions(kviOptions);
  const gate = watchGate(store.clock);
  const driver = withPolicy(store, options, gate);
  const sessions = sessionPool(driver);
  const tempKeys = sharedTempKeys({driver, sessions});
  const shared = {store, options, gate, sessions, locks: localLocks(), tempKeys, lent: new WeakMap()};
  return handleOn(shared, driver, Buffer.alloc(0), async () => {
    await Promise.all([tempKeys.close(), sessions.close()]);
  });
}

/** A handle on a part of the store; it closes with `parent`. @throws `KVI_CLOSED` */
export function openNamespace(parent: Handle, name: Bytes): Handle {
  const {shared, holdings} = parent;
  const {store, options, gate} = shared;
  const prefix = joinKey(parent.prefix, name);
  const driver = withPolicy(namespaced(store, prefix), options, gate);
  const part = handleOn(shared, driver, prefix, () => {
    holdings.delete(part);
    return Promise.resolve();
  });
  holdings.add(part);
  return part;
}

/**
 * @param prefix - what the driver puts before the keys
 * @param closeShared - called before the driver is closed, when what the handle itself opened is closed
 */
function handleOn(shared: Shared, driver: PolicyDriver, prefix: Bytes, closeShared: () => Promise<void>) {
  const {sessions, lent} = shared;
  const options = {...shared.options, prefixBytes: prefix.length};
  const controller = new AbortController();
  const closing: AbortSignal = controller.signal;
  const locks = lockTable({driver, sessions}, closing, shared.locks, prefix);
  const tempKeys = tempKeyTable(driver, shared.tempKeys, closing);
  const leases = leaseTable(driver, closing);
  const resolved = resolvedWrites(driver, options, closing);
  /** What recipes and namespaces have to give up before the driver closes. */
  const holdings = new Set<{close(): Promise<void>}>();
  let isClosing = false;
  let ended: Promise<void> | undefined;

  async function close() {
    isClosing = true;
    controller.abort(closed());
    const givenUp = giveUp();
    // What the backend cannot be told in time ends with the TTL of its lease.
    await withDeadline(driver.clock, {timeoutMs: giveUpMs}, (late) => abortable(givenUp, late)).catch(
      () => undefined,
    );
    await driver.close();
  }

  async function giveUp() {
    const held = Array.from(holdings, (holding) => holding.close());
    await Promise.allSettled([...held, locks.close(), tempKeys.close(), resolved.close()]);
    await Promise.all([leases.close(), closeShared()]);
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

    /**
     * Begins a call: reads what the caller passed, before anything is sent.
     *
     * @param names - the options that the call takes
     * @param read - reads its other arguments, and is passed a copy of the options
     * @throws `KVI_CLOSED`, `KVI_INVALID_ARGUMENT`, `KVI_ABORTED`
     */
    begin<O extends WriteOptions, R>(
      given: O | undefined,
      names: readonly string[],
      read: (options: O | undefined) => R,
    ): R {
      if (isClosing) throw closed();
      return reading(() => {
        const own = given === undefined ? undefined : readOptions(given, names);
        if (own?.signal?.aborted === true) throw aborted(own.signal);
        return read(own);
      });
    },

    /** Carries out a transaction that was checked. */
    txn(request: TxnRequest<Bytes>, callOptions: TxnCallOptions = {}): Promise<TxnResponse<Bytes>> {
      const {onUnknownOutcome = options.onUnknownOutcome} = callOptions;
      if (onUnknownOutcome === 'throw' || !writes(request)) return driver.txn(request, callOptions);
      const {timeoutMs = options.timeoutMs, retryPolicy = options.retryPolicy, ...others} = callOptions;
      return resolved.txn(request, {timeoutMs, retryPolicy, ...others});
    },

    close: () => (ended ??= close()),
  };
}
