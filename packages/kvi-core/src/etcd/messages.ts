/**
 * etcd's requests and responses, by their own names in camelCase.
 *
 * Each is written once and used twice: on the port with bytes, and on the facade with what a caller may give
 * ({@link Input}) and what a handle returns (text, or bytes through `kv.bytes`).
 *
 * Revisions and versions are numbers: a store that writes a million times a second stays exact for 285 years.
 * Lease ids are 63 random bits, which a number cannot hold; see {@link LeaseId}.
 *
 * @see https://etcd.io/docs/latest/learning/api/
 */
import type {Bytes, Input} from './bytes.ts';
import type {LeaseId} from './lease-id.ts';

/** A key with its value and history. */
export interface KeyValue<T extends Input = string> {
  key: T;
  /** Empty when only keys were asked for. */
  value: T;
  /** The revision of the key's creation, the last one if it was deleted in between. */
  createRevision: number;
  /** The revision of the key's last change. */
  modRevision: number;
  /** The number of puts since the creation: 1 for a new key, 0 for a deletion. */
  version: number;
  /** The lease that the key lives under, or `noLease`. */
  lease: LeaseId;
}

/** The keys of the half-open range `[key, rangeEnd)`, in byte order. */
export interface KeyRange<T extends Input> {
  /** The first key. */
  key: T;
  /** The key after the last one. Absent or empty: the one `key` alone. `"\0"`: every key from `key` on. */
  rangeEnd?: T | undefined;
}

/** A read. */
export interface RangeRequest<T extends Input> extends KeyRange<T> {
  /** The maximum number of keys; 0 or absent: all. */
  limit?: number | undefined;
  /** Read the store as it was at this revision; 0 or absent: now. */
  revision?: number | undefined;
  /** Default: ascending by {@link RangeRequest.sortTarget}. */
  sortOrder?: 'ascend' | 'descend' | undefined;
  /** Default: `key`. */
  sortTarget?: 'key' | 'version' | 'create' | 'mod' | 'value' | undefined;
  /** Let the member that is asked answer from what it has, which may be old. Default false: linearizable. */
  serializable?: boolean | undefined;
  /** Leave the values out. */
  keysOnly?: boolean | undefined;
  /** Leave the keys out too. */
  countOnly?: boolean | undefined;
  /** Leave out keys whose mod or create revision lies outside these bounds; 0 or absent: no bound. */
  minModRevision?: number | undefined;
  maxModRevision?: number | undefined;
  minCreateRevision?: number | undefined;
  maxCreateRevision?: number | undefined;
}

/** What a read found. */
export interface RangeResponse<T extends Input = string> {
  /** The revision of the store when it answered. */
  revision: number;
  kvs: KeyValue<T>[];
  /** Whether {@link RangeRequest.limit} cut something off. */
  more: boolean;
  /** The number of keys in the range, ignoring the limit and the revision bounds. */
  count: number;
}

/** A write of one key. */
export interface PutRequest<T extends Input> {
  key: T;
  /** Absent only with {@link PutRequest.ignoreValue}. */
  value?: T | undefined;
  /** The key lives as long as this lease. Absent: no lease; a lease that the key had is detached. */
  lease?: LeaseId | undefined;
  /** Answer with what the key held before. */
  prevKv?: boolean | undefined;
  /** Keep the key's value, and change only its lease. */
  ignoreValue?: boolean | undefined;
  /** Keep the key's lease, and change only its value. */
  ignoreLease?: boolean | undefined;
}

/** What a write did. */
export interface PutResponse<T extends Input = string> {
  revision: number;
  /** With {@link PutRequest.prevKv}: what the key held before, if it existed. */
  prevKv?: KeyValue<T>;
}

/** A deletion of one key or of a range. */
export interface DeleteRangeRequest<T extends Input> extends KeyRange<T> {
  /** Answer with what was deleted. */
  prevKv?: boolean | undefined;
}

/** What a deletion did. */
export interface DeleteRangeResponse<T extends Input = string> {
  revision: number;
  /** How many keys it deleted. */
  deleted: number;
  /** With {@link DeleteRangeRequest.prevKv}: what was deleted, in key order; empty otherwise. */
  prevKvs: KeyValue<T>[];
}

/** How a compare compares. */
export type CompareResult = '=' | '!=' | '<' | '>';

/**
 * A condition on a key, or with `rangeEnd` on each key of a range. An absent key has version, create and mod revision
 * 0 and no lease; it has no value, so that a `value` compare on it is false whatever the operator.
 */
export type Compare<T extends Input> = KeyRange<T> & {
  result: CompareResult;
} & (
    | {target: 'value'; value: T}
    | {target: 'version'; version: number}
    | {target: 'create'; createRevision: number}
    | {target: 'mod'; modRevision: number}
    | {target: 'lease'; lease: LeaseId}
  );

/** One operation of a transaction. */
export type RequestOp<T extends Input> =
  | ({type: 'range'} & RangeRequest<T>)
  | ({type: 'put'} & PutRequest<T>)
  | ({type: 'deleteRange'} & DeleteRangeRequest<T>)
  | ({type: 'txn'} & TxnRequest<T>);

/** The response to the operation at the same place. */
export type ResponseOp<T extends Input = string> =
  | ({type: 'range'} & RangeResponse<T>)
  | ({type: 'put'} & PutResponse<T>)
  | ({type: 'deleteRange'} & DeleteRangeResponse<T>)
  | ({type: 'txn'} & TxnResponse<T>);

/**
 * A transaction: if every compare holds, the operations of `success` run, otherwise those of `failure`, in order and as
 * one revision. All compares, those of nested transactions too, see the store as it was before. Transactions nest at
 * most 32 levels deep.
 */
export interface TxnRequest<T extends Input> {
  /** Default: none, which holds. */
  compare?: readonly Compare<T>[] | undefined;
  /** Default: none. */
  success?: readonly RequestOp<T>[] | undefined;
  /** Default: none. */
  failure?: readonly RequestOp<T>[] | undefined;
}

/** What a transaction did. */
export interface TxnResponse<T extends Input = string> {
  /** The revision of the transaction if it changed something, of the store otherwise. */
  revision: number;
  /** Whether every compare held. */
  succeeded: boolean;
  /** One response for each operation that ran, in order. */
  responses: ResponseOp<T>[];
}

/** One change of one key. */
export interface Event<T extends Input = string> {
  type: 'put' | 'delete';
  /** The key as the change left it; of a deletion only `key` and `modRevision` mean something. */
  kv: KeyValue<T>;
  /** With `prevKv` asked for: the key as it was before, unless it was absent or that was compacted away. */
  prevKv?: KeyValue<T>;
}

/** What to watch. */
export interface WatchRequest<T extends Input> extends KeyRange<T> {
  /** The first revision whose events are wanted, past or future. 0 or absent: the one after the present one. */
  startRevision?: number | undefined;
  /** Give each event the key-value as it was before. */
  prevKv?: boolean | undefined;
  /** Leave out puts, or deletions. */
  filters?: readonly ('noput' | 'nodelete')[] | undefined;
  /** Send a response without events now and then while nothing happens, as a bookmark to resume from. */
  progressNotify?: boolean | undefined;
}

/** Changes, in the order of their revisions; never a part of a revision. */
export interface WatchResponse<T extends Input = string> {
  /** All events of revisions up to this one have been delivered. */
  revision: number;
  /** Empty in a progress notification. */
  events: Event<T>[];
}

/** The answer to a request that returns nothing else. */
export interface ResponseHeader {
  /** The revision of the store when it answered; of what the request changed, if it did. */
  revision: number;
}

/** Which history to forget. */
export interface CompactRequest {
  /** The history before this revision goes. */
  revision: number;
  /** Answer only when the backend has also removed it from its files. Default false. */
  physical?: boolean | undefined;
}

/** A lease to grant. */
export interface LeaseGrantRequest {
  /** What is asked for, 1 to 9,000,000,000 (etcd takes no more); the backend may grant more. */
  ttlSeconds: number;
  /** Absent or `noLease`: the backend chooses one. */
  id?: LeaseId | undefined;
}

/** A lease that was granted. */
export interface LeaseGrantResponse extends ResponseHeader {
  id: LeaseId;
  ttlSeconds: number;
}

/** A lease that was given its whole TTL again. */
export interface LeaseKeepAliveResponse extends ResponseHeader {
  ttlSeconds: number;
}

/** The leases that there are. */
export interface LeaseLeasesResponse extends ResponseHeader {
  /** Ascending as text: a member that does not lead knows no better order. */
  leases: LeaseId[];
}

/** Which lease to look at. */
export interface LeaseTimeToLiveRequest {
  id: LeaseId;
  /** Answer with the keys under it. Default false. */
  keys?: boolean | undefined;
}

/** What a lease has left. */
export interface LeaseTimeToLiveResponse extends ResponseHeader {
  id: LeaseId;
  /** Seconds left. */
  ttlSeconds: number;
  /** Seconds that the lease has after each keepalive. */
  grantedTtlSeconds: number;
  /** The keys that live under it, ascending, when they were asked for; empty otherwise. */
  keys: Bytes[];
}

/**
 * What the member that answered says of itself and of its cluster. Ids are 64 bits in hexadecimal, as `etcdctl` prints them.
 */
export interface StatusResponse extends ResponseHeader {
  clusterId: string;
  /** The member that answered. */
  memberId: string;
  /** The member that leads; `"0"`: none. */
  leader: string;
  raftTerm: number;
  /** The version of etcd that runs, or that the backend behaves like: `3.5.30`. */
  version: string;
  /** Bytes of the member's database, with the space that is free for new data. */
  dbSize: number;
  /** Bytes of it that are in use. */
  dbSizeInUse: number;
  /** Bytes that the database may have. Absent: the backend does not say (etcd before 3.6). */
  dbSizeQuota?: number;
  members: Member[];
  /** Why the cluster refuses writes, or reads; empty if all is well. */
  alarms: Alarm[];
}

/** A member of a cluster. */
export interface Member {
  id: string;
  /** Empty until it has started for the first time. */
  name: string;
  /** Where other members reach it. */
  peerUrls: string[];
  /** Where clients reach it. */
  clientUrls: string[];
  /** Whether it only copies what the others have, and does not vote. */
  isLearner: boolean;
}

/** An alarm of a member. */
export interface Alarm {
  memberId: string;
  /** Its space has run out, or its data differs from that of the others. */
  type: 'noSpace' | 'corrupt';
}
