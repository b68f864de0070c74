import type {Input} from '../etcd/bytes.ts';
import type {LeaseId} from '../etcd/lease-id.ts';
import type {RangeRequest} from '../etcd/messages.ts';
import type {CallOptions, WriteOptions} from './call-options.ts';

/** One key, all keys with a prefix, or the keys of the half-open range `[start, end)`; see {@link Kvi.getRange}. */
export type Keys = Input | {prefix: Input} | {start: Input; end?: Input | undefined};

/** Options of a read of one key. */
export interface GetOptions extends CallOptions {
  /** Read the store as it was at this revision. Default: now. */
  revision?: number | undefined;
  /** Let any member answer from its own state, which is faster and may be out of date. Default false. */
  serializable?: boolean | undefined;
}

/** Options of a read of many keys. */
export interface GetRangeOptions extends GetOptions {
  /** At most this many keys. Default: all. */
  limit?: number | undefined;
  /** The order of the keys. Default `ascend`. */
  sortOrder?: 'ascend' | 'descend' | undefined;
  /** Leave the values out; they are empty. Default false. */
  keysOnly?: boolean | undefined;
}

/** Options of {@link Kvi.range}: everything that etcd offers. */
export type RangeOptions = CallOptions & Omit<RangeRequest<Input>, 'key' | 'rangeEnd'>;

/** Options of {@link Kvi.store}. */
export interface StoreOptions extends WriteOptions {
  /** Delete the key when this lease ends. Default: none; a lease that the key had is detached. */
  lease?: LeaseId | undefined;
}

/** Options of {@link Kvi.deleteRange}. */
export interface DeleteRangeOptions extends WriteOptions {
  /** Return what was deleted. Default false. */
  prevKv?: boolean | undefined;
}
