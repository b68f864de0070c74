import {type Bytes, type Event, keyId, type KeyValue, KviError, type LeaseId, noLease} from 'kvi-core/driver';

/** Keys and what they hold. Each key stands as its `keyId`, which sorts as its bytes do. */
export type KeyValues = ReadonlyMap<string, KeyValue<Bytes>>;

/** The store at one revision. */
export interface Revision {
  readonly kvs: KeyValues;
  /** The changes that led to it, in order. */
  readonly events: readonly Event<Bytes>[];
}

/** A lease, without its keys: those are the keys that name it. */
export interface Lease {
  readonly ttlSeconds: number;
  /** When it ends if nobody keeps it alive, in {@link ModelState.now}'s milliseconds. */
  readonly expiresAt: number;
}

/** All that an etcd holds. Nothing in it ever changes: each step makes another. */
export interface ModelState {
  /** The store at every revision so far, found by revision; what was compacted away is undefined. */
  readonly revisions: readonly (Revision | undefined)[];
  /** The oldest revision that can be read; -1 before the first compaction. */
  readonly compactRevision: number;
  /** The leases that last, in the order of their grants. */
  readonly leases: ReadonlyMap<LeaseId, Lease>;
  /** How many leases were ever granted: ids that the store chooses follow from it. */
  readonly granted: number;
  /** The time in milliseconds, which only `elapse` moves. */
  readonly now: number;
  /** A lease that asks for less gets this. */
  readonly minTtlSeconds: number;
}

/** Where the model begins. */
export interface InitialStateOptions {
  /** A lease that asks for less gets this, in seconds. Default 2, as an etcd with default settings has. */
  minTtlSeconds?: number | undefined;
  /** The revision of a store that was emptied, and compacted there. Default 1: a new one. */
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
 * What the store held at a revision.
 *
 * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION`
 */
export function at(state: ModelState, revision: number): KeyValues {
  if (revision > present(state)) throw new KviError('KVI_FUTURE_REVISION', 'the revision is yet to come');
  const found = state.revisions[revision];
  if (!found) throw compacted();
  return found.kvs;
}

/** What the store holds now. */
export function latest(state: ModelState): KeyValues {
  return at(state, present(state));
}

/** The error for a revision that is no longer there. */
function compacted(): KviError {
  return new KviError('KVI_COMPACTED', 'the revision was compacted away');
}

/**
 * Forgets what was before a revision.
 *
 * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION`
 */
export function compact(state: ModelState, revision: number): ModelState {
  if (revision <= state.compactRevision) throw compacted();
  at(state, revision);
  const revisions = state.revisions.map((kept, index) => (index < revision ? undefined : kept));
  return {...state, revisions, compactRevision: revision};
}

/** A revision in the making: a copy of the store, for one transaction to change. */
export interface Draft {
  readonly kvs: Map<string, KeyValue<Bytes>>;
  readonly events: Event<Bytes>[];
  /** The revision that it will be, if anything changes. */
  readonly next: number;
}

/** A draft without changes. */
export function draftOf(state: ModelState): Draft {
  return {kvs: new Map(latest(state)), events: [], next: present(state) + 1};
}

/** The revision that an operation answers with when the draft is so far. */
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

/** Deletes a key that is there. */
export function remove(draft: Draft, key: Bytes): void {
  draft.kvs.delete(keyId(key));
  draft.events.push({type: 'delete', kv: {...absent, key, modRevision: draft.next}});
}

/** The state after a draft: one revision more, or none if nothing changed. */
export function commit(state: ModelState, {kvs, events}: Draft): ModelState {
  return events.length > 0 ? {...state, revisions: [...state.revisions, {kvs, events}]} : state;
}

/** What is compared of a key that does not exist, and shown of one that was deleted. */
export const absent: KeyValue<Bytes> = {
  key: Buffer.of(),
  value: Buffer.of(),
  createRevision: 0,
  modRevision: 0,
  version: 0,
  lease: noLease,
};
