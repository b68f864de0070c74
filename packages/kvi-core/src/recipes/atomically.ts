import type {WriteOptions} from '../api/call-options.ts';
import type {Keys, StoreOptions} from '../api/keys.ts';
import type {Kvi} from '../api/kvi.ts';
import {backoffMs} from '../async/backoff.ts';
import {callTime} from '../async/call-time.ts';
import {sleep} from '../async/clock.ts';
import {turns} from '../async/turns.ts';
import {checkFunction} from '../etcd/bad-input.ts';
import {type Bytes, compareBytes, encode, type Input} from '../etcd/bytes.ts';
import {invalidArgument, isKviError, KviError} from '../etcd/errors.ts';
import {includesKey, isSingleKey, keyId} from '../etcd/key-range.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import type {Compare, KeyRange, KeyValue, RangeResponse, ResponseOp} from '../etcd/messages.ts';
import {checkTxn, type RequestLimits} from '../etcd/validate.ts';
import {type Decoder, encodeKeys} from '../kvi/codec.ts';
import {insideOf} from '../kvi/inside.ts';
import type {Handle} from '../kvi/handle.ts';
import {optionNames} from '../kvi/option-names.ts';
import {checkPositiveInteger} from '../kvi/options.ts';

/** Options of {@link atomically}. */
export interface AtomicallyOptions extends WriteOptions {
  /**
   * Milliseconds until the whole unit gives up: its reads, its function, its waits and its commit. Default: the handle's.
   */
  timeoutMs?: number | undefined;
  /** How often the function may run, 1 or more. Default 16. */
  maxAttempts?: number | undefined;
}

/**
 * The store, as the function of a unit of work sees it: as it was at the first read, with the unit's own writes.
 *
 * Its calls are refused with `KVI_INVALID_ARGUMENT` once the function has ended: await them.
 *
 * @typeParam T - what is returned, as by the {@link Kvi} that {@link atomically} was passed
 */
export interface UnitOfWork<T extends Input = string> {
  /** Which run of the function this is, from 1. */
  readonly attempt: number;

  /**
   * Reads the value of a key. Reads may run in parallel: `Promise.all([t.get('a'), t.get('b')])`.
   *
   * @returns the value, or `undefined` if the key does not exist
   * @throws `KVI_INVALID_ARGUMENT` if the unit would need more compares than etcd allows, 128 by default; as {@link Kvi.get}
   */
  get(key: Input): Promise<T | undefined>;

  /**
   * Reads a range, which {@link Kvi.getRange} describes, in the order of its keys. Each key counts as a compare, and so
   * does the range itself: a key that somebody adds to it is a conflict.
   *
   * @throws `KVI_INVALID_ARGUMENT` if the unit would need more compares than etcd allows, 128 by default; as
   *   {@link Kvi.getRange}
   */
  getRange(keys: Keys, end?: Input): Promise<Entry<T>[]>;

  /**
   * Sets a key when the unit commits. Of several writes of a key the last counts.
   *
   * @param options - `lease`: as in {@link StoreOptions}
   * @throws `KVI_INVALID_ARGUMENT`, also for more writes than etcd allows in a transaction, 128 by default
   */
  store(key: Input, value: Input, options?: Pick<StoreOptions, 'lease'>): void;

  /**
   * Deletes one key when the unit commits, if it exists then. To delete a range, delete the keys that
   * {@link UnitOfWork.getRange} returned.
   *
   * @throws `KVI_INVALID_ARGUMENT`, also for more writes than etcd allows in a transaction, 128 by default
   */
  delete(key: Input): void;
}

type Entry<T extends Input> = Pick<KeyValue<T>, 'key' | 'value'>;

/** Writes of single keys only: etcd refuses a transaction that puts a key into a range that it deletes. */
type Write =
  {type: 'put'; key: Bytes; value: Bytes; lease?: LeaseId | undefined} | {type: 'deleteRange'; key: Bytes};

/** A range, and the keys that were in it. */
interface Read {
  range: KeyRange<Bytes>;
  kvs: readonly KeyValue<Bytes>[];
}

/** One state of the store, as far as it was read. */
interface Snapshot {
  /** Undefined before the first read. */
  revision?: number | undefined;
  /** By {@link rangeId}. */
  reads: ReadonlyMap<string, Read>;
}

const unread: Snapshot = {reads: new Map()};

/** Most attempts unless the caller says otherwise. With their waits they take about as long as a call's default timeout. */
const defaultMaxAttempts = 16;

/**
 * Reads and writes as if alone. All that `work` reads is one state of the store, and what it writes is applied in one
 * revision, if nothing that it read has changed by then; otherwise it is run again. Units are serializable, and each takes
 * effect between its call and its return.
 *
 * `work` may run several times, so it has to do everything through `t`: other effects are not undone. If it throws, nothing
 * is written, and `atomically` fails with what it threw. A unit that writes nothing needs no commit.
 *
 * @param work - gets the store as `t`; see {@link UnitOfWork}
 * @returns what `work` returned
 * @throws `KVI_CONFLICT` when `maxAttempts` runs have met other writes; `KVI_TIMEOUT`, `KVI_ABORTED` or `KVI_CLOSED` when
 *   the unit was ended, also while `work` had not: nothing was written. `KVI_UNKNOWN_OUTCOME` if the commit got no answer:
 *   it is not run again; read before writing again, or pass `onUnknownOutcome: 'resolve'`. `KVI_INVALID_ARGUMENT` also if
 *   the commit is larger than a request may be; `KVI_LEASE_NOT_FOUND` for a lease that `t.store` named; and as
 *   {@link Kvi.txn}.
 */
export async function atomically<T extends Input, R>(
  kv: Kvi<T>,
  work: (t: UnitOfWork<T>) => R | Promise<R>,
  options?: AtomicallyOptions,
): Promise<R> {
  const {handle, decoder} = insideOf(kv);
  const {clock} = handle.driver;
  const {
    timeoutMs = handle.options.timeoutMs,
    maxAttempts = defaultMaxAttempts,
    ...callOptions
  } = handle.begin(options, [...optionNames.write, 'maxAttempts'], (own = {}) => {
    checkFunction('work', work);
    if (own.maxAttempts !== undefined) checkPositiveInteger('maxAttempts', own.maxAttempts);
    return own;
  });
  const time = callTime(clock, {timeoutMs, signal: callOptions.signal, closing: handle.closing});
  const remaining = () => ({...callOptions, timeoutMs: time.left()});

  /** One run. @returns its result, or the state that a conflicting write left */
  async function run(attempt: number, snapshot: Snapshot): Promise<{result: R} | {conflict: Snapshot}> {
    const unit = openUnit({store: kv.bytes, handle, decoder, remaining}, attempt, snapshot);
    const finished = await time.run(() => finish(unit)).finally(unit.end);
    if (finished === undefined) return {conflict: unread};
    const conflict = await unit.commit();
    return conflict === undefined ? finished : {conflict};
  }

  /** Lets the function end. What it returns or throws counts for nothing if it could not read what it asked for. */
  async function finish({t, isCompacted}: Unit<T>): Promise<{result: R} | undefined> {
    try {
      const result = await work(t);
      return isCompacted() ? undefined : {result};
    } catch (error) {
      if (isCompacted()) return undefined;
      throw error;
    }
  }

  let snapshot = unread;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await run(attempt, snapshot);
    if ('result' in outcome) return outcome.result;
    if (attempt === maxAttempts) throw conflicted(maxAttempts);
    // The second run begins at once, from what the first commit read. What was read before a wait is out of date.
    snapshot = attempt === 1 ? outcome.conflict : unread;
    if (attempt > 1) await time.run((ended) => sleep(clock, backoffMs(attempt - 1, 5, 500), ended));
  }
}

type Unit<T extends Input> = ReturnType<typeof openUnit<T>>;

/** What the runs of a unit have in common. */
interface Surroundings<T extends Input> {
  store: Kvi<Bytes>;
  handle: Handle;
  decoder: Decoder<T>;
  /** The caller's options, with the time that is left. */
  remaining: () => WriteOptions;
}

/** One run of a unit. It begins with what is known of `snapshot`. */
function openUnit<T extends Input>(
  {store, handle, decoder, remaining}: Surroundings<T>,
  attempt: number,
  snapshot: Snapshot,
) {
  const limits = commitLimits(handle, remaining());
  const limit = limits.maxTxnOps;
  const inTurn = turns();
  let {revision} = snapshot;
  const reads = new Map<string, Read>();
  /** By {@link keyId}. Replaced, never changed, for reads that are under way. */
  let writes: ReadonlyMap<string, Write> = new Map();
  let isCompacted = false;
  let isOver = false;

  async function query({key, rangeEnd}: KeyRange<Bytes>, at?: number): Promise<RangeResponse<Bytes>> {
    try {
      return await store.range(
        {start: key, end: rangeEnd},
        {...optionsOfRead(remaining()), revision: at, limit},
      );
    } catch (error) {
      isCompacted ||= isKviError(error, 'KVI_COMPACTED');
      throw error;
    }
  }

  /** Reads at the revision of the first read, for which those begun meanwhile wait. */
  async function fetch(range: KeyRange<Bytes>): Promise<readonly KeyValue<Bytes>[]> {
    const first = await inTurn(async () => {
      if (revision !== undefined) return undefined;
      const response = await query(range);
      ({revision} = response);
      return response;
    });
    const {kvs} = first ?? (await query(range, revision));
    return kvs;
  }

  /** Reads, and notes what has to be unchanged when the unit commits. */
  async function read(range: KeyRange<Bytes>): Promise<readonly KeyValue<Bytes>[]> {
    const id = rangeId(range);
    const known = reads.get(id) ?? snapshot.reads.get(id);
    const kvs = known?.kvs ?? (await fetch(range));
    checkOpen();
    const noted = new Map(reads).set(id, {range, kvs});
    checkTxn({compare: comparesOf(noted, revision)}, limits);
    reads.set(id, {range, kvs});
    return kvs;
  }

  /** What a range holds for this unit. */
  async function find(readKeys: () => KeyRange<Bytes>): Promise<Entry<Bytes>[]> {
    const range = begin(readKeys);
    const own = writes;
    const kvs = isSingleKey(range) && own.has(keyId(range.key)) ? [] : await read(range);
    return withWrites({range, kvs}, own);
  }

  function write(change: Write): void {
    const changed = new Map(writes).set(keyId(change.key), change);
    checkTxn({success: [...changed.values()]}, limits);
    writes = changed;
  }

  /** Reads the arguments of a call. */
  function begin<A>(readArguments: (own: StoreOptions) => A, given?: StoreOptions): A {
    checkOpen();
    return handle.begin(given, ['lease'], (own = {}) => readArguments(own));
  }

  function checkOpen(): void {
    if (isOver) {
      throw invalidArgument('the unit of work has ended; call t only in its function, and await its reads');
    }
  }

  /** @returns the present state, if something that was read has changed, so that nothing was written */
  async function commit(): Promise<Snapshot | undefined> {
    if (writes.size === 0) return undefined;
    const asked = [...reads.values()];
    // For the second run; the later ones read anew.
    const again = attempt === 1 ? asked.map(({range}) => ({type: 'range' as const, ...range, limit})) : [];
    try {
      const response = await store.txn(
        {compare: comparesOf(reads, revision), success: [...writes.values()], failure: again},
        remaining(),
      );
      return response.succeeded ? undefined : snapshotOf(asked, response.revision, response.responses);
    } catch (error) {
      // What the deletions deleted is not known, nor asked for.
      if (isKviError(error, 'KVI_UNKNOWN_OUTCOME') && error.applied === true) return undefined;
      throw error;
    }
  }

  const t: UnitOfWork<T> = {
    attempt,
    get: (key) =>
      heard(find(() => ({key: encode(key, 'key')})).then(([entry]) => entry && decoder.value(entry))),
    getRange: (keys, end) =>
      heard(
        find(() => encodeKeys(keys, end)).then((entries) =>
          entries.map((entry) => ({key: decoder.key(entry.key), value: decoder.value(entry)})),
        ),
      ),
    store: (key, value, options) =>
      write(
        begin(
          ({lease}) => ({type: 'put', key: encode(key, 'key'), value: encode(value, 'value'), lease}),
          options,
        ),
      ),
    delete: (key) => write(begin(() => ({type: 'deleteRange', key: encode(key, 'key')}))),
  };

  return {
    t,
    commit,
    isCompacted: () => isCompacted,
    end: () => {
      isOver = true;
    },
  };
}

/** A commit whose outcome is to be found out compares and writes one key more. */
function commitLimits({options}: Handle, {onUnknownOutcome}: WriteOptions): RequestLimits {
  const isResolved = (onUnknownOutcome ?? options.onUnknownOutcome) === 'resolve';
  return {...options, maxTxnOps: options.maxTxnOps - (isResolved ? 1 : 0)};
}

function optionsOfRead({timeoutMs, signal, retryPolicy}: WriteOptions) {
  return {timeoutMs, signal, retryPolicy};
}

/** A read that fails after the function has stopped waiting for it must not end the process. */
function heard<R>(read: Promise<R>): Promise<R> {
  read.catch(() => undefined);
  return read;
}

/**
 * Holds as long as everything is as it was read at `revision`. That no key of a range was changed since tells of new and of
 * changed keys; a deleted one leaves nothing that could tell, so each is compared too.
 */
function comparesOf(reads: ReadonlyMap<string, Read>, revision = 0): Compare<Bytes>[] {
  const compares = new Map<string, Compare<Bytes>>();
  for (const [id, {range, kvs}] of reads) {
    compares.set(
      id,
      isSingleKey(range)
        ? {key: range.key, target: 'mod', result: '=', modRevision: kvs[0]?.modRevision ?? 0}
        : {...range, target: 'mod', result: '<', modRevision: revision + 1},
    );
    for (const {key, modRevision} of kvs) {
      compares.set(rangeId({key}), {key, target: 'mod', result: '=', modRevision});
    }
  }
  return [...compares.values()];
}

/** What a range holds once these writes are applied. */
function withWrites({range, kvs}: Read, writes: ReadonlyMap<string, Write>): Entry<Bytes>[] {
  const entries = new Map<string, Entry<Bytes>>(kvs.map((kv) => [keyId(kv.key), kv]));
  for (const [id, change] of writes) {
    if (!includesKey(range, change.key)) continue;
    if (change.type === 'put') entries.set(id, change);
    else entries.delete(id);
  }
  return [...entries.values()].sort((a, b) => compareBytes(a.key, b.key));
}

/** The ranges as the failed commit found them, all at one revision. */
function snapshotOf(
  asked: readonly Read[],
  revision: number,
  responses: readonly ResponseOp<Bytes>[],
): Snapshot {
  const reads = new Map<string, Read>();
  for (const [i, {range}] of asked.entries()) {
    const response = responses[i];
    if (response?.type === 'range') reads.set(rangeId(range), {range, kvs: response.kvs});
  }
  return {revision, reads};
}

/** For a `Map`: equal ranges have equal ids. */
function rangeId({key, rangeEnd = Buffer.alloc(0)}: KeyRange<Bytes>): string {
  return `${key.length} ${keyId(key)} ${keyId(rangeEnd)}`;
}

function conflicted(attempts: number): KviError {
  return new KviError(
    'KVI_CONFLICT',
    `gave up after ${attempts} attempts: what the unit of work read had changed each time, or was compacted away; nothing was written`,
  );
}
