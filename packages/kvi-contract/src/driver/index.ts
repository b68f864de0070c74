import type {ContractGroup} from '../suite.ts';
import {aborted} from './aborted.ts';
import {clock} from './clock.ts';
import {closed} from './closed.ts';
import {compaction} from './compaction.ts';
import {compare} from './compare.ts';
import {concurrency} from './concurrency.ts';
import {cutShort} from './cut-short.ts';
import {deleteRange} from './delete-range.ts';
import {leaseExpiry} from './lease-expiry.ts';
import {lease} from './lease.ts';
import {nestedTxn} from './nested-txn.ts';
import {order} from './order.ts';
import {put} from './put.ts';
import {range} from './range.ts';
import {revisions} from './revisions.ts';
import {status} from './status.ts';
import {txn} from './txn.ts';
import {watchEnd} from './watch-end.ts';
import {watchPast} from './watch-past.ts';
import {watchProgress} from './watch-progress.ts';
import {watch} from './watch.ts';

/**
 * What every {@link Driver} does. The behaviour is that of etcd 3.4 and later; if a case and etcd differ, etcd is right.
 */
export const driverContract: readonly ContractGroup[] = [
  range,
  order,
  put,
  deleteRange,
  txn,
  compare,
  nestedTxn,
  revisions,
  compaction,
  lease,
  leaseExpiry,
  status,
  watch,
  watchPast,
  watchProgress,
  watchEnd,
  concurrency,
  aborted,
  cutShort,
  closed,
  clock,
];
