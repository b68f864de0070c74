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
import type {StoreState} from './store-state.ts';

/** How a handle is set up. */
export interface MemDriverOptions extends BufferLimits {
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
  limits: BufferLimits,
): Driver {
  let isClosed = false;
  /** What the store held when the handle was cut off from it. */
  let kept: StoreState | undefined;
  const state = () => kept ?? current();
  /** What keeps the process alive: open watches, which locks and temporary keys have too. */
  const holds = new Set<() => void>();

  /** What every call begins with: no call sees a lease that is over, or its keys. */
  function enter(options?: DriverCallOptions): StoreState {
    if (isClosed) throw closed();
    if (options?.signal?.aborted === true) throw aborted(options.signal);
    const entered = state();
    entered.lessor.expire();
    return entered;
  }

  /** Answers a call; late, if calls have kept the event loop from turning. */
  function answer<R>(response: R): R | Promise<R> {
    const turn = turnDue();
    return turn === undefined ? response : turn.then(() => response);
  }

  // The calls are async functions for what they throw, which becomes a rejection.
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
    async compact(revision, options) {
      enter(options).kv.compact(revision);
    },
    async leaseGrant(request, options) {
      const granted = enter(options).lessor.grant(request);
      resources.leaseGranted(driver, granted.id);
      return answer(granted);
    },
    async leaseRevoke(id, options) {
      enter(options).lessor.revoke(id);
      return answer(undefined);
    },
    async leaseKeepAlive(id, options) {
      return answer(enter(options).lessor.keepAlive(id));
    },
    async leaseTimeToLive(request, options) {
      return answer(enter(options).lessor.timeToLive(request));
    },
    async leaseLeases(options) {
      return answer(enter(options).lessor.leases());
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
      // A handle that was cut off is nobody's any more.
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
