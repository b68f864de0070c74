import {aborted, type Clock, closed, type Driver, type DriverCallOptions, eventBuffer} from 'kvi-core/driver';
import type {Faults} from './faults/faults.ts';
import {range} from './mvcc/range.ts';
import {txn} from './mvcc/txn.ts';
import type {Resources} from './resources.ts';
import type {StoreState} from './store-state.ts';

/** How a handle is set up. */
export interface MemDriverOptions {
  /** How many events a watch keeps for a consumer that is behind. Default 100,000. */
  maxBufferedEvents?: number | undefined;
  /** What is to go wrong between the handle and the store. Default: {@link MemStore.faults}. */
  faults?: Faults | undefined;
}

/**
 * A handle on a store in this process. Every call takes effect at once, before it returns its promise: so none times
 * out, and a signal matters only if it has aborted before.
 *
 * @param current what the store holds; another after each reset
 * @param resources is told what the handle opens
 */
export function memDriver(
  current: () => StoreState,
  clock: Clock,
  resources: Resources,
  {maxBufferedEvents}: MemDriverOptions,
): Driver {
  let isClosed = false;
  /** What the store held when the handle was cut off from it. */
  let kept: StoreState | undefined;
  const state = () => kept ?? current();

  /** What every call begins with: no call sees a lease that is over, or its keys. */
  function enter(options?: DriverCallOptions): StoreState {
    if (isClosed) throw closed();
    if (options?.signal?.aborted === true) throw aborted(options.signal);
    const entered = state();
    entered.lessor.expire();
    return entered;
  }

  // The calls are async functions for what they throw, which becomes a rejection.
  /* eslint-disable @typescript-eslint/require-await */
  const driver: Driver = {
    clock,
    async range(request, options) {
      return range(enter(options).kv, request);
    },
    async txn(request, options) {
      const {kv, lessor} = enter(options);
      resources.keysPut(driver, request);
      return txn(kv, request, (id) => {
        lessor.check(id);
      });
    },
    async compact(revision, options) {
      enter(options).kv.compact(revision);
    },
    async leaseGrant(request, options) {
      const granted = enter(options).lessor.grant(request);
      resources.leaseGranted(driver, granted.id);
      return granted;
    },
    async leaseRevoke(id, options) {
      enter(options).lessor.revoke(id);
    },
    async leaseKeepAlive(id, options) {
      return enter(options).lessor.keepAlive(id);
    },
    async leaseTimeToLive(request, options) {
      return enter(options).lessor.timeToLive(request);
    },
    async leaseLeases(options) {
      return enter(options).lessor.leases();
    },
    watch(request, {signal} = {}) {
      if (isClosed) {
        const buffer = eventBuffer({onEnd: () => undefined});
        buffer.fail(closed());
        return buffer.watch;
      }
      const {hub, lessor} = state();
      lessor.expire();
      const onEnd = resources.watchOpened(driver, request);
      return hub.watch(request, driver, {signal, maxBufferedEvents, onEnd});
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
  });
  return driver;
}
