import {type Clock, KviError, systemClock, type Timer} from 'kvi-core/driver';
import {initialState, type ModelState} from './state.ts';
import {type ModelRequest, type ModelResponses, type RequestType, step} from './step.ts';

/** The options of a {@link modelStore}. */
export interface ModelStoreOptions {
  /** The clock of its leases. Default: the system clock. */
  clock?: Clock | undefined;
  /** The minimum TTL of a lease, in seconds. Default 2, as etcd with default settings. */
  minTtlSeconds?: number | undefined;
}

/** The model over time: its current state, and the clock that advances it. */
export interface ModelStore {
  readonly clock: Clock;
  /** The state after the last step. */
  readonly state: ModelState;
  /** The number of listeners, one for each open watch. */
  readonly listenerCount: number;
  /**
   * Lets the elapsed time pass, then takes a step.
   *
   * @throws the errors of the model
   */
  ask<T extends RequestType>(request: ModelRequest<T>): ModelResponses[T];
  /** Calls `listener` after each step. @returns stops that */
  onStep(listener: () => void): () => void;
}

/** The longest delay of a {@link Clock}. */
const maxDelayMs = 2 ** 31 - 1;

/** Creates an empty store for {@link modelDriver}. */
export function modelStore({clock = systemClock, minTtlSeconds}: ModelStoreOptions = {}): ModelStore {
  const start = clock.now();
  const listeners = new Set<() => void>();
  let state = initialState({minTtlSeconds});
  let expiry: Timer | undefined;

  function take<T extends RequestType>(request: ModelRequest<T>): ModelResponses[T] {
    const {state: after, response} = step(state, request);
    state = after;
    for (const listener of listeners) listener();
    if (!response.ok) throw new KviError(response.code, `the model refuses this ${request.type}`);
    return response.value;
  }

  function letTimePass(): void {
    take({type: 'elapse', ms: clock.now() - start - state.now});
  }

  /** Leases expire even if nobody calls. */
  function setTimer(): void {
    expiry?.cancel();
    expiry = undefined;
    const next = Math.min(...[...state.leases.values()].map(({expiresAt}) => expiresAt));
    if (next === Infinity) return;
    const delayMs = Math.min(Math.max(0, Math.ceil(next - state.now)), maxDelayMs);
    expiry = clock
      .setTimer(delayMs, () => {
        letTimePass();
        setTimer();
      })
      .unref();
  }

  return {
    clock,
    get state() {
      return state;
    },
    get listenerCount() {
      return listeners.size;
    },
    ask(request) {
      letTimePass();
      try {
        return take(request);
      } finally {
        setTimer();
      }
    },
    onStep(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
