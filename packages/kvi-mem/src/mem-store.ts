import {type Clock, type Driver, invalidArgument, KviError, systemClock} from 'kvi-core/driver';
import {memDriver, type MemDriverOptions} from './mem-driver.ts';
import {createStoreState, type StoreState, type StoreStateOptions} from './store-state.ts';

/** How a {@link MemStore} is set up. */
export interface MemStoreOptions {
  /** The time that its leases count by. Default: the machine's; a test gives a {@link ManualClock}. */
  clock?: Clock | undefined;
  /**
   * The store compacts itself, so that a process that lives long does not leak: at least this many of the latest
   * revisions can be read and watched, and up to a sixteenth more. Default 100,000; `Infinity` never compacts, as etcd
   * by default.
   */
  historyLimit?: number | undefined;
  /** A lease that asks for less gets this, in seconds. Default 2, as an etcd with default settings gives. */
  minTtlSeconds?: number | undefined;
  /** Milliseconds between progress notifications. Default 10 minutes, as etcd. */
  progressIntervalMs?: number | undefined;
}

/**
 * What an etcd cluster holds, in this process: keys with their history, leases and watches. Handles are opened on it
 * with {@link MemStore.driver}, as clients connect to a cluster, and it outlives them.
 *
 * It is a store of its own unless it is {@link MemStore.named}, so tests that run at the same time take one each.
 */
export class MemStore {
  static readonly #named = new Map<string, MemStore>();

  readonly #options: StoreStateOptions;
  #state: StoreState;

  /** @throws `KVI_INVALID_ARGUMENT` */
  constructor({
    clock = systemClock,
    historyLimit = 100_000,
    minTtlSeconds = 2,
    progressIntervalMs = 10 * 60 * 1000,
  }: MemStoreOptions = {}) {
    if (historyLimit !== Infinity) checkPositive('historyLimit', historyLimit);
    checkPositive('minTtlSeconds', minTtlSeconds);
    checkPositive('progressIntervalMs', progressIntervalMs);
    this.#options = {clock, historyLimit, minTtlSeconds, progressIntervalMs};
    this.#state = createStoreState(this.#options);
  }

  /**
   * The store that `mem:NAME` opens, the same one each time in this process; `''` is that of `mem:`. It is made when it
   * is first asked for, with default options, and stays; {@link MemStore.reset} empties it.
   */
  static named(name: string): MemStore {
    let store = MemStore.#named.get(name);
    if (!store) {
      store = new MemStore();
      MemStore.#named.set(name, store);
    }
    return store;
  }

  /** How many watches are open on the store, of all its handles. */
  get watchCount(): number {
    return this.#state.hub.size;
  }

  /** A new handle on the store. */
  driver(options: MemDriverOptions = {}): Driver {
    if (options.maxBufferedEvents !== undefined)
      checkPositive('maxBufferedEvents', options.maxBufferedEvents);
    return memDriver(() => this.#state, this.#options.clock, options);
  }

  /**
   * Makes the store as good as new: revision 1, no keys, no leases. Handles stay open; their watches end with
   * `KVI_COMPACTED`, because the history that they follow is gone.
   */
  reset(): void {
    const {lessor, hub} = this.#state;
    this.#state = createStoreState(this.#options);
    lessor.stop();
    hub.end(
      new KviError(
        'KVI_COMPACTED',
        'the store was reset and is empty now; read the present state and go on from there',
        {compactRevision: 1},
      ),
    );
  }
}

function checkPositive(what: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 1)) {
    throw invalidArgument(`${what} must be a whole number, 1 or more, not ${String(value)}`);
  }
}
