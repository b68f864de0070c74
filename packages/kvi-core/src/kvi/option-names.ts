/** The options that each method takes, and the fields of a transaction: a misspelt one is refused instead of ignored. */
import type {CallOptions, TxnCallOptions, WriteOptions} from '../api/call-options.ts';
import type {ChangesOptions} from '../api/changes.ts';
import type {ContendOptions, DistLockOptions} from '../api/dist-lock.ts';
import type {
  DeleteRangeOptions,
  GetOptions,
  GetRangeOptions,
  RangeOptions,
  StoreOptions,
} from '../api/keys.ts';
import type {AttachLeaseOptions, LeaseOptions, TimeToLiveOptions} from '../api/lease.ts';
import type {TempKeyOptions} from '../api/temp-key.ts';
import type {WatchWithCBOptions} from '../api/watch-with-cb.ts';
import type {Input} from '../etcd/bytes.ts';
import type {DeleteRangeRequest, KeyRange, PutRequest, RangeRequest, TxnRequest} from '../etcd/messages.ts';

type Names<Options> = Record<keyof Options, true>;

const call: Names<CallOptions> = {timeoutMs: true, signal: true, retryPolicy: true};
const write: Names<WriteOptions> = {...call, onUnknownOutcome: true};
const txn: Names<TxnCallOptions> = {...write, mayShareRevision: true};
const get: Names<GetOptions> = {...call, revision: true, serializable: true};
const getRange: Names<GetRangeOptions> = {...get, limit: true, sortOrder: true, keysOnly: true};
const range: Names<RangeOptions> = {
  ...getRange,
  sortTarget: true,
  countOnly: true,
  minModRevision: true,
  maxModRevision: true,
  minCreateRevision: true,
  maxCreateRevision: true,
};
const store: Names<StoreOptions> = {...write, lease: true};
const deleteRange: Names<DeleteRangeOptions> = {...write, prevKv: true};
const lease: Names<LeaseOptions> = {...call, ttlSeconds: true, id: true, keepAlive: true};
const attachLease: Names<AttachLeaseOptions> = {...call, keepAlive: true};
const timeToLive: Names<TimeToLiveOptions> = {...call, keys: true};
const tempKey: Names<TempKeyOptions> = {...call, value: true, ttlSeconds: true, lease: true};
const contend: Names<ContendOptions> = {signal: true, ttlSeconds: true, lease: true};
const distLock: Names<DistLockOptions> = {...contend, value: true};
const watchWithCB: Names<WatchWithCBOptions> = {...call, onError: true};
const changes: Names<ChangesOptions> = {
  signal: true,
  startRevision: true,
  prevKv: true,
  filters: true,
  progressNotify: true,
  onCompacted: true,
};

export const optionNames = {
  call: Object.keys(call),
  write: Object.keys(write),
  txn: Object.keys(txn),
  get: Object.keys(get),
  getRange: Object.keys(getRange),
  range: Object.keys(range),
  store: Object.keys(store),
  deleteRange: Object.keys(deleteRange),
  lease: Object.keys(lease),
  attachLease: Object.keys(attachLease),
  timeToLive: Object.keys(timeToLive),
  tempKey: Object.keys(tempKey),
  contend: Object.keys(contend),
  distLock: Object.keys(distLock),
  watchWithCB: Object.keys(watchWithCB),
  changes: Object.keys(changes),
};

const key: Names<KeyRange<Input>> = {key: true, rangeEnd: true};
const readFields: Names<RangeRequest<Input>> = {
  ...key,
  limit: true,
  revision: true,
  sortOrder: true,
  sortTarget: true,
  serializable: true,
  keysOnly: true,
  countOnly: true,
  minModRevision: true,
  maxModRevision: true,
  minCreateRevision: true,
  maxCreateRevision: true,
};
const putFields: Names<PutRequest<Input>> = {
  key: true,
  value: true,
  lease: true,
  prevKv: true,
  ignoreValue: true,
  ignoreLease: true,
};
const deletionFields: Names<DeleteRangeRequest<Input>> = {...key, prevKv: true};
const txnFields: Names<TxnRequest<Input>> = {compare: true, success: true, failure: true};

export const fieldNames = {
  txn: Object.keys(txnFields),
  range: ['type', ...Object.keys(readFields)],
  put: ['type', ...Object.keys(putFields)],
  deleteRange: ['type', ...Object.keys(deletionFields)],
  compare: [
    ...Object.keys(key),
    'result',
    'target',
    'value',
    'version',
    'createRevision',
    'modRevision',
    'lease',
  ],
};
