import {aborted, type Clock, closed, type Driver, type DriverCallOptions, eventBuffer} from 'kvi-core/driver';
import {range} from './mvcc/range.ts';
import {txn} from './mvcc/txn.ts';
import type {StoreState} from './store-state.ts';

/** How a handle is set up. */
export interface MemDriverOptions {
  /** How many events a watch keeps for a consumer that is behind. Default 100,000. */
  maxBufferedEvents?: number | undefined;
}

/**
 * A handle on a store in this process. Every call takes effect at once, before it returns its promise: so none times
 * out, and a signal matters only if it has aborted before.
 *
 * @param current what the store holds; another after each reset
 */
export function memDriver(
  current: () => StoreState,
  clock: Clock,
  {maxBufferedEvents}: MemDriverOptions,
): Driver {
  let isClosed = false;

  /** What every call begins with: no call sees a lease that is over, or its keys. */
  function enter(options?: DriverCallOptions): StoreState {
    if (isClosed) throw closed();
    if (options?.signal?.aborted === true) throw aborted(options.signal);
    const state = current();
    state.lessor.expire();
    return state;
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
      return txn(kv, request, (id) => {
        lessor.check(id);
      });
    },
    async compact(revision, options) {
      enter(options).kv.compact(revision);
    },
    async leaseGrant(request, options) {
      return enter(options).lessor.grant(request);
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
      const {hub, lessor} = current();
      lessor.expire();
      return hub.watch(request, driver, {signal, maxBufferedEvents});
    },
    async close() {
      isClosed = true;
      current().hub.end(closed(), driver);
    },
  };
  /* eslint-enable @typescript-eslint/require-await */
  return driver;
}
