import {
  checkBufferLimits,
  type Clock,
  coalesced,
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

/** The options of a {@link MemStore}. */
export interface MemStoreOptions {
  /** The clock of its leases. Default: the system clock. A test can pass a {@link ManualClock}. */
  clock?: Clock | undefined;
  /**
   * How many of the latest revisions can be read and watched, at least; up to a sixteenth more are kept. The store
   * compacts itself, so that a long-lived process does not leak memory. Default 100,000; `Infinity` never compacts, as
   * etcd does by default.
   */
  historyLimit?: number | undefined;
  /** The minimum TTL of a lease, in seconds. Default 2, as etcd with default settings. */
  minTtlSeconds?: number | undefined;
  /** Milliseconds between progress notifications. Default 10 minutes, as etcd. */
  progressIntervalMs?: number | undefined;
}

/** Marks a {@link MemStore}. Shared by every copy of kvi-mem in a process, so that each accepts the others' stores. */
// Stryker disable next-line StringLiteral: the test with another copy notices, which the mutation run leaves out
const brand = Symbol.for('kvi-mem.MemStore');

/** Whether this is a {@link MemStore}, of any copy of kvi-mem. */
export function isMemStore(value: unknown): value is MemStore {
  return typeof value === 'object' && value !== null && brand in value;
}

/**
 * The in-process counterpart of an etcd cluster: keys with their history, leases and watches. {@link MemStore.driver}
 * opens handles on it, as clients connect to a cluster, and it outlives them.
 *
 * Each instance is a separate store, so tests that run at the same time can use one each. {@link MemStore.named} returns
 * shared ones.
 */
export class MemStore {
  /** @internal */
  // Stryker disable next-line BooleanLiteral: that it is there says it
  readonly [brand] = true;

  /** One map for the whole process: a library may bring its own copy of kvi-mem, and `mem:` must be the same store. */
  static readonly #named = shared('kvi-mem.named.v1', () => new Map<string, MemStore>());

  /**
   * Faults for handles opened from now on, unless they are opened with their own: for a service that opens its handle
   * itself. Default: none, also after {@link MemStore.reset}.
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
   * Returns the store that `mem:NAME` opens, the same one throughout this process; `''` is the store of `mem:`. It is
   * created on first use and kept; {@link MemStore.reset} empties it.
   *
   * @param options used to create the store; a test passes them before anything else uses it
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

  /** Resets every named store, for example between tests. */
  static resetNamed(): void {
    for (const store of MemStore.#named.values()) if (!store.isNew) store.reset();
  }

  /** Whether nothing was stored, granted, watched or planned since the store was created or reset. */
  get isNew(): boolean {
    const {kv, lessor, hub} = this.#state;
    const isUntouched = kv.revision === 1 && kv.compactRevision < 0;
    return isUntouched && hub.size === 0 && lessor.list().length === 0 && this.faults === undefined;
  }

  /** The number of open watches of all handles. */
  get watchCount(): number {
    return this.#state.hub.size;
  }

  /** Opens a handle on the store. */
  driver(options: MemDriverOptions = {}): Driver {
    checkBufferLimits(options);
    const {faults = this.faults, coalesce = false} = options;
    if (typeof coalesce !== 'boolean') throw invalidArgument('coalesce must be true or false');
    if (faults !== undefined && !isFaults(faults)) throw invalidArgument('faults must be a Faults');
    const driver = memDriver(() => this.#state, this.#options.clock, this.#resources, options);
    const asPlanned = faults === undefined ? driver : faultyDriver(driver, faults[plan], options);
    return coalesce ? coalesced(asPlanned) : asPlanned;
  }

  /**
   * Lists what is still open on the store, in the order of opening: handles, watches, leases, locks and temporary keys.
   * `describeResources` prints the list.
   *
   * After {@link traceResources}, each entry has the stack of the call that opened it.
   */
  openResources(): OpenResource[] {
    return this.#resources.list();
  }

  /**
   * Discards the history up to now, as an operator does with etcd: reads and watches of earlier revisions fail with
   * `KVI_COMPACTED`.
   */
  compact(): void {
    const {kv} = this.#state;
    if (kv.compactRevision < kv.revision) kv.compact(kv.revision);
  }

  /**
   * Takes a snapshot of the store, which can be restored any number of times. Takes constant time, whatever the size of
   * the store.
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
   * Restores a snapshot of this or another store. Takes constant time, whatever the sizes.
   *
   * - Keys, history and revisions are those of the snapshot; revisions continue from there.
   * - Each lease has the time that it had left when the snapshot was taken. (A cluster restored from a backup gives each
   *   its whole TTL.) Leases granted later are gone.
   * - Handles stay open. Their watches end with `KVI_COMPACTED`: revisions that they have delivered will come again with
   *   other changes, so they cannot continue.
   *
   * @throws `KVI_INVALID_ARGUMENT` if this is not a snapshot
   */
  restore(snapshot: MemSnapshot): void {
    this.#become(createStoreState(this.#options, stateOf(snapshot)), 'restored from a snapshot');
  }

  /**
   * Empties the store: revision 1, no keys, no leases. Handles stay open; their watches end with
   * `KVI_COMPACTED`, because their history is gone.
   */
  reset(): void {
    this.faults?.lift();
    this.faults = undefined;
    this.#become(createStoreState(this.#options), 'reset');
  }

  /**
   * Returns the keys and values, in byte order, to compare with what a test expects.
   *
   * ```ts
   * expect(store.dump()).toEqual({'orders/1': 'paid', 'orders/2': 'new'});
   * expect(store.dump({prefix: 'workers/', details: true})).toEqual({
   *   'workers/a': {value: 'up', createRevision: 4, modRevision: 4, version: 1, lease: '<lease 1>'},
   * });
   * ```
   *
   * Text is shown as it is. Keys and values that are not UTF-8, or have control characters other than tab and line breaks,
   * are escaped byte by byte, with `\xNN` for anything but printable ASCII. Lease ids are random, so leases are numbered
   * in the order of granting, also at the end of a lock's key: `nightly/<lease 1>`.
   */
  dump(options?: DumpOptions & {details?: false | undefined}): Record<string, string>;
  dump(options: DumpOptions & {details: true}): Record<string, DumpedKey>;
  dump(options: DumpOptions = {}): Record<string, string | DumpedKey> {
    this.#state.lessor.expire();
    return dump(this.#state, options);
  }

  /** @param how what happened to the store */
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

/** The value that all copies of this module in the process share under this name. */
function shared<T>(name: string, create: () => T): T {
  const holder = globalThis as Record<symbol, unknown>;
  const key = Symbol.for(name);
  holder[key] ??= create();
  return holder[key] as T;
}
