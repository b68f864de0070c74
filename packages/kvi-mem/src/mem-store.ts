import {
  checkBufferLimits,
  type Clock,
  type Driver,
  invalidArgument,
  KviError,
  systemClock,
} from 'kvi-core/driver';
import {dump, type DumpedKey, type DumpOptions} from './dump.ts';
import {type Faults, isFaults, plan} from './faults/faults.ts';
import {faultyDriver} from './faults/faulty-driver.ts';
import {memDriver, type MemDriverOptions} from './mem-driver.ts';
import type {OpenResource} from './open-resource.ts';
import {Resources} from './resources.ts';
import {type MemSnapshot, stateOf, takeSnapshot} from './snapshot.ts';
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

/** Marks a {@link MemStore}. The same in every copy of kvi-mem in a process, so that each knows the others' stores. */
// Stryker disable next-line StringLiteral: the test with another copy notices, which the mutation run leaves out
const brand = Symbol.for('kvi-mem.MemStore');

/** Whether this is a {@link MemStore}, of whichever copy of kvi-mem. */
export function isMemStore(value: unknown): value is MemStore {
  return typeof value === 'object' && value !== null && brand in value;
}

/**
 * What an etcd cluster holds, in this process: keys with their history, leases and watches. Handles are opened on it
 * with {@link MemStore.driver}, as clients connect to a cluster, and it outlives them.
 *
 * It is a store of its own unless it is {@link MemStore.named}, so tests that run at the same time take one each.
 */
export class MemStore {
  /** @internal */
  // Stryker disable next-line BooleanLiteral: that it is there says it
  readonly [brand] = true;

  /** In one place of the process: a library may bring a copy of kvi-mem of its own, and `mem:` is to be the same store. */
  static readonly #named = shared('kvi-mem.named.v1', () => new Map<string, MemStore>());

  /**
   * What is to go wrong for the handles that are opened from now on, unless they are opened with faults of their own: for a
   * service that opens its handle itself. Default: nothing; {@link MemStore.reset} puts it back to that.
   */
  faults: Faults | undefined;

  readonly #options: StoreStateOptions;
  #state: StoreState;
  readonly #resources = new Resources(() => {
    this.#state.lessor.expire();
    return this.#state.lessor.list();
  });

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
   * The store that `mem:NAME` opens, always the same one in this process; `''` names the store of `mem:`. It is created
   * on first use and kept; {@link MemStore.reset} empties it.
   *
   * @param options for creating it, given by a test before anything else uses the store. Default: the defaults, or the
   *   existing store.
   * @throws `KVI_INVALID_ARGUMENT` for options of a store that already exists
   */
  static named(name: string, options?: MemStoreOptions): MemStore {
    const present = MemStore.#named.get(name);
    if (present && options) {
      throw invalidArgument(
        `the store ${JSON.stringify(name)} already exists; give its options the first time it is named`,
      );
    }
    const store = present ?? new MemStore(options);
    MemStore.#named.set(name, store);
    return store;
  }

  /** Resets every named store, as a test runner does between tests. */
  static resetNamed(): void {
    for (const store of MemStore.#named.values()) if (!store.isNew) store.reset();
  }

  /** Whether nothing was stored, granted, watched or planned on it since it was created or reset. */
  get isNew(): boolean {
    const {kv, lessor, hub} = this.#state;
    const isUntouched = kv.revision === 1 && kv.compactRevision < 0;
    return isUntouched && hub.size === 0 && lessor.list().length === 0 && this.faults === undefined;
  }

  /** How many watches are open on the store, of all its handles. */
  get watchCount(): number {
    return this.#state.hub.size;
  }

  /** A new handle on the store. */
  driver(options: MemDriverOptions = {}): Driver {
    checkBufferLimits(options);
    const {faults = this.faults} = options;
    if (faults !== undefined && !isFaults(faults)) throw invalidArgument('faults must be a Faults');
    const driver = memDriver(() => this.#state, this.#options.clock, this.#resources, options);
    return faults === undefined ? driver : faultyDriver(driver, faults[plan], options);
  }

  /**
   * What was opened on the store and is still open, in the order in which it was opened: handles, watches, leases, locks
   * and temporary keys, each with the place in the program that opened it. `describeResources` prints it.
   *
   * It says which line opened it after {@link traceResources} was called.
   */
  openResources(): OpenResource[] {
    return this.#resources.list();
  }

  /**
   * Forgets the history up to now, as an operator or a cron job does with an etcd: reads and watches of what was before fail
   * with `KVI_COMPACTED`.
   */
  compact(): void {
    const {kv} = this.#state;
    if (kv.compactRevision < kv.revision) kv.compact(kv.revision);
  }

  /**
   * What the store holds now, to be restored later, any number of times. Takes the same time however large the store is.
   *
   * ```ts
   * const seeded = store.snapshot(); // once
   * store.restore(seeded); // before each test
   * ```
   */
  snapshot(): MemSnapshot {
    this.#state.lessor.expire();
    return takeSnapshot(this.#options, this.#state);
  }

  /**
   * Puts the store back to what a snapshot of it, or of another store, holds. Takes the same time however large the store
   * and the snapshot are.
   *
   * - Keys, history and revisions are those of the snapshot; revisions count on from there.
   * - Each lease has the time left that it had when the snapshot was taken. (A cluster that is restored from a backup gives
   *   each its whole TTL.) A lease that was granted later is gone.
   * - Handles stay open. Their watches end with `KVI_COMPACTED`: what they were told may never have happened now, and its
   *   revisions will come again with other changes, so that none of them can go on.
   *
   * @throws `KVI_INVALID_ARGUMENT` for what is no snapshot
   */
  restore(snapshot: MemSnapshot): void {
    this.#become(createStoreState(this.#options, stateOf(snapshot)), 'restored from a snapshot');
  }

  /**
   * Empties the store: revision 1, no keys, no leases. Handles stay open; their watches end with
   * `KVI_COMPACTED`, because the history that they follow is gone.
   */
  reset(): void {
    this.faults?.lift();
    this.faults = undefined;
    this.#become(createStoreState(this.#options), 'reset');
  }

  /**
   * The keys and values, in byte order, to be compared with what a test expects.
   *
   * ```ts
   * expect(store.dump()).toEqual({'orders/1': 'paid', 'orders/2': 'new'});
   * expect(store.dump({prefix: 'workers/', details: true})).toEqual({
   *   'workers/a': {value: 'up', createRevision: 4, modRevision: 4, version: 1, lease: '<lease 1>'},
   * });
   * ```
   *
   * Text is shown as it is. Keys and values that are not UTF-8, or have control characters other than tab and line breaks,
   * are shown byte by byte, with `\xNN` for what is not printable ASCII. Lease ids are random, so leases are shown by the
   * order in which they were granted, also at the end of a lock's key: `nightly/<lease 1>`.
   */
  dump(options?: DumpOptions & {details?: false | undefined}): Record<string, string>;
  dump(options: DumpOptions & {details: true}): Record<string, DumpedKey>;
  dump(options: DumpOptions = {}): Record<string, string | DumpedKey> {
    this.#state.lessor.expire();
    return dump(this.#state, options);
  }

  /** @param how what has happened to the store */
  #become(state: StoreState, how: string): void {
    const {lessor, hub} = this.#state;
    this.#state = state;
    lessor.stop();
    const message = `the store was ${how}, so the history before it is gone; read the current state and continue from there`;
    const compactRevision = Math.max(1, state.kv.compactRevision);
    hub.end(new KviError('KVI_COMPACTED', message, {compactRevision}));
  }
}

function checkPositive(what: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 1)) {
    throw invalidArgument(`${what} must be a whole number, 1 or more, not ${String(value)}`);
  }
}

/** What every copy of this module in the process finds under this name. */
function shared<T>(name: string, create: () => T): T {
  const holder = globalThis as Record<symbol, unknown>;
  const key = Symbol.for(name);
  holder[key] ??= create();
  return holder[key] as T;
}
