import {type Bytes, type Event, keyId, type KeyValue, KviError, type LeaseId, noLease} from 'kvi-core/driver';

/** Key-values by `keyId`, which sorts as the bytes of the key do. */
export type KeyValues = ReadonlyMap<string, KeyValue<Bytes>>;

/** The store at one revision. */
export interface Revision {
  readonly kvs: KeyValues;
  /** The changes that led to it, in order. */
  readonly events: readonly Event<Bytes>[];
}

/** A lease. Its keys are those that refer to it. */
export interface Lease {
  readonly ttlSeconds: number;
  /** When it expires unless it is kept alive, in milliseconds like {@link ModelState.now}. */
  readonly expiresAt: number;
}

/** The whole state of an etcd. It is immutable: each step creates another one. */
export interface ModelState {
  /** The store at every revision so far, by revision; undefined where it was compacted. */
  readonly revisions: readonly (Revision | undefined)[];
  /** The oldest revision that can be read; -1 before the first compaction. */
  readonly compactRevision: number;
  /** The existing leases, in the order of granting. */
  readonly leases: ReadonlyMap<LeaseId, Lease>;
  /** The number of leases ever granted, from which the ids that the store chooses are derived. */
  readonly granted: number;
  /** The time in milliseconds, which only `elapse` moves. */
  readonly now: number;
  /** The minimum TTL of a lease. */
  readonly minTtlSeconds: number;
}

/** The initial state of the model. */
export interface InitialStateOptions {
  /** The minimum TTL of a lease, in seconds. Default 2, as etcd with default settings. */
  minTtlSeconds?: number | undefined;
  /** The revision of a store that was emptied and compacted. Default 1: a new store. */
  revision?: number | undefined;
}

/** A store without keys and leases. */
export function initialState({minTtlSeconds = 2, revision = 1}: InitialStateOptions = {}): ModelState {
  const empty: Revision = {kvs: new Map(), events: []};
  const fresh = {revisions: [empty, empty], compactRevision: -1};
  const emptied = {revisions: [...Array<undefined>(revision), empty], compactRevision: revision};
  return {
    ...(revision === 1 ? fresh : emptied),
    leases: new Map(),
    granted: 0,
    now: 0,
    minTtlSeconds,
  };
}

/** The revision of the store. */
export function present(state: ModelState): number {
  return state.revisions.length - 1;
}

/**
 * The store at a revision.
 *
 * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION`
 */
export function at(state: ModelState, revision: number): KeyValues {
  if (revision > present(state)) throw new KviError('KVI_FUTURE_REVISION', 'the revision is yet to come');
  const found = state.revisions[revision];
  if (!found) throw compacted();
  return found.kvs;
}

/** The current contents of the store. */
export function latest(state: ModelState): KeyValues {
  return at(state, present(state));
}

/** The error for a compacted revision. */
function compacted(): KviError {
  return new KviError('KVI_COMPACTED', 'the revision was compacted away');
}

/**
 * Discards the history before a revision.
 *
 * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION`
 */
export function compact(state: ModelState, revision: number): ModelState {
  if (revision <= state.compactRevision) throw compacted();
  at(state, revision);
  const revisions = state.revisions.map((kept, index) => (index < revision ? undefined : kept));
  return {...state, revisions, compactRevision: revision};
}

/** The next revision: a copy of the store that one transaction changes. */
export interface Draft {
  readonly kvs: Map<string, KeyValue<Bytes>>;
  readonly events: Event<Bytes>[];
  /** Its number, if anything changes. */
  readonly next: number;
}

/** A draft without changes. */
export function draftOf(state: ModelState): Draft {
  return {kvs: new Map(latest(state)), events: [], next: present(state) + 1};
}

/** The revision that an operation reports at this point of the draft. */
export function revisionOf({events, next}: Draft): number {
  return events.length > 0 ? next : next - 1;
}

/** Puts a key. */
export function put(draft: Draft, key: Bytes, value: Bytes, lease: LeaseId): void {
  const previous = draft.kvs.get(keyId(key));
  const kv: KeyValue<Bytes> = {
    key,
    value,
    createRevision: previous?.createRevision ?? draft.next,
    modRevision: draft.next,
    version: (previous?.version ?? 0) + 1,
    lease,
  };
  draft.kvs.set(keyId(key), kv);
  draft.events.push({type: 'put', kv});
}

/** Deletes an existing key. */
export function remove(draft: Draft, key: Bytes): void {
  draft.kvs.delete(keyId(key));
  draft.events.push({type: 'delete', kv: {...absent, key, modRevision: draft.next}});
}

/** The state after a draft: one revision more, or none if nothing changed. */
export function commit(state: ModelState, {kvs, events}: Draft): ModelState {
  return events.length > 0 ? {...state, revisions: [...state.revisions, {kvs, events}]} : state;
}

/** The fields of an absent key in compares, and of a deleted key in events. */
export const absent: KeyValue<Bytes> = {
  key: Buffer.of(),
  value: Buffer.of(),
  createRevision: 0,
  modRevision: 0,
  version: 0,
  lease: noLease,
};
