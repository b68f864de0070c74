import {
  aborted,
  type BufferLimits,
  bufferLimits,
  type Clock,
  closed,
  type Driver,
  type DriverCallOptions,
  eventBuffer,
} from 'kvi-core/driver';
import {keepAlive, turnDue} from './event-loop.ts';
import type {Faults} from './faults/faults.ts';
import {range} from './mvcc/range.ts';
import {txn} from './mvcc/txn.ts';
import type {Resources} from './resources.ts';
import {status} from './status.ts';
import type {StoreState} from './store-state.ts';

/** The options of a handle. */
export interface MemDriverOptions extends BufferLimits {
  /** Faults between the handle and the store. Default: {@link MemStore.faults}. */
  faults?: Faults | undefined;
  /**
   * Whether calls that are made while others are under way are sent together, as kvi-etcd does by default. Default `false`:
   * here it saves nothing. It lets a test notice code that relies on each write having a revision of its own.
   */
  coalesce?: boolean | undefined;
}

/**
 * A handle on a store in this process. Every call takes effect before it returns its promise, so none times out, and a
 * signal only matters if it has already aborted.
 *
 * @param current returns the contents of the store, which each reset replaces
 * @param resources records what the handle opens
 */
export function memDriver(
  current: () => StoreState,
  clock: Clock,
  resources: Resources,
  limits: BufferLimits,
): Driver {
  let isClosed = false;
  /** The contents of the store when the handle was cut off from it. */
  let kept: StoreState | undefined;
  const state = () => kept ?? current();
  /** Keeps the process alive while watches are open, including those of locks and temporary keys. */
  const holds = new Set<() => void>();

  /** Runs before every call: no call sees an expired lease or its keys. */
  function enter(options?: DriverCallOptions): StoreState {
    if (isClosed) throw closed();
    if (options?.signal?.aborted === true) throw aborted(options.signal);
    const entered = state();
    entered.lessor.expire();
    return entered;
  }

  /** Answers a call, after a turn of the event loop if one is due. */
  function answer<R>(response: R): R | Promise<R> {
    const turn = turnDue();
    return turn === undefined ? response : turn.then(() => response);
  }

  // The methods are async so that errors become rejections.
  /* eslint-disable @typescript-eslint/require-await */
  const driver: Driver = {
    clock,
    async range(request, options) {
      return answer(range(enter(options).kv, request));
    },
    async txn(request, options) {
      const {kv, lessor} = enter(options);
      resources.keysPut(driver, request);
      const response = txn(kv, request, (id) => {
        lessor.check(id);
      });
      return answer(response);
    },
    async compact({revision}, options) {
      const {kv} = enter(options);
      kv.compact(revision);
      return {revision: kv.revision};
    },
    async leaseGrant(request, options) {
      const {kv, lessor} = enter(options);
      const granted = lessor.grant(request);
      resources.leaseGranted(driver, granted.id);
      return answer({revision: kv.revision, ...granted});
    },
    async leaseRevoke(id, options) {
      const {kv, lessor} = enter(options);
      lessor.revoke(id);
      return answer({revision: kv.revision});
    },
    async leaseKeepAlive(id, options) {
      const {kv, lessor} = enter(options);
      return answer({revision: kv.revision, ...lessor.keepAlive(id)});
    },
    async leaseTimeToLive(request, options) {
      const {kv, lessor} = enter(options);
      return answer({revision: kv.revision, ...lessor.timeToLive(request)});
    },
    async leaseLeases(options) {
      const {kv, lessor} = enter(options);
      return answer({revision: kv.revision, leases: lessor.leases()});
    },
    async status(options) {
      return answer(status(enter(options)));
    },
    watch(request, {signal} = {}) {
      if (isClosed) {
        const buffer = eventBuffer({onEnd: () => undefined});
        buffer.fail(closed());
        return buffer.watch;
      }
      const {hub, lessor} = state();
      lessor.expire();
      const noteEnd = resources.watchOpened(driver, request);
      // A handle that was cut off no longer belongs to anybody.
      const letGo = kept === undefined ? keepAlive() : () => undefined;
      holds.add(letGo);
      const onEnd = () => {
        letGo();
        holds.delete(letGo);
        noteEnd?.();
      };
      return hub.watch(request, driver, {signal, onEnd, ...bufferLimits(limits)});
    },
    async close() {
      isClosed = true;
      resources.handleClosed(driver);
      state().hub.end(closed(), driver);
    },
  };
  /* eslint-enable @typescript-eslint/require-await */
  resources.handleOpened(driver, () => {
    kept = current();
    for (const letGo of holds) letGo();
  });
  return driver;
}
