import type {WriteOptions} from '../api/call-options.ts';
import type {Keys, StoreOptions} from '../api/keys.ts';
import type {Kvi} from '../api/kvi.ts';
import {turns} from '../async/turns.ts';
import {type Bytes, compareBytes, encode, type Input} from '../etcd/bytes.ts';
import {invalidArgument, isKviError} from '../etcd/errors.ts';
import {includesKey, isSingleKey, keyId, rangeId} from '../etcd/key-range.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import type {KeyRange, KeyValue, RangeResponse} from '../etcd/messages.ts';
import {checkTxn} from '../etcd/validate.ts';
import {type Decoder, encodeKeys} from '../kvi/codec.ts';
import type {Handle} from '../kvi/handle.ts';
import {commitLimits} from './attempts.ts';
import {comparesOf, type Read, type Snapshot, snapshotOf} from './snapshot.ts';

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

/** One run of the function of a unit of work. */
export type Unit<T extends Input> = ReturnType<typeof openUnit<T>>;

/** What the runs of a unit have in common. */
interface Surroundings<T extends Input> {
  store: Kvi<Bytes>;
  handle: Handle;
  decoder: Decoder<T>;
  /** The caller's options, with the time that is left. */
  remaining: () => WriteOptions;
}

/** Begins a run, with what is known of `snapshot`. */
export function openUnit<T extends Input>(
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

function optionsOfRead({timeoutMs, signal, retryPolicy}: WriteOptions) {
  return {timeoutMs, signal, retryPolicy};
}

/** A read that fails after the function has stopped waiting for it must not end the process. */
function heard<R>(read: Promise<R>): Promise<R> {
  read.catch(() => undefined);
  return read;
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
