import {type Clock, KviError, systemClock, type Timer} from 'kvi-core/driver';
import {initialState, type ModelState} from './state.ts';
import {type ModelRequest, type ModelResponses, type RequestType, step} from './step.ts';

/** How a {@link modelStore} is set up. */
export interface ModelStoreOptions {
  /** The time that its leases count by. Default: the machine's. */
  clock?: Clock | undefined;
  /** A lease that asks for less gets this, in seconds. Default 2, as an etcd with default settings has. */
  minTtlSeconds?: number | undefined;
}

/** The model in time: its present state, and the clock that moves it. */
export interface ModelStore {
  readonly clock: Clock;
  /** As the last step left it. */
  readonly state: ModelState;
  /** How many listen to the steps: one for each open watch. */
  readonly listenerCount: number;
  /**
   * Takes a step, and before it lets the time pass that has passed.
   *
   * @throws what the model answers as an error
   */
  ask<T extends RequestType>(request: ModelRequest<T>): ModelResponses[T];
  /** Calls `listener` after each step. Returns what ends that. */
  onStep(listener: () => void): () => void;
}

/** The longest delay that a {@link Clock} takes. */
const maxDelayMs = 2 ** 31 - 1;

/** Makes an empty store, for {@link modelDriver}. */
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

  /** A lease ends when its time is over, although nobody asks. */
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
