import type {ContractGroup} from '../suite.ts';
import {callsAtOnce} from './at-once.ts';
import {badInput} from './bad-input.ts';
import {badOptions} from './bad-options.ts';
import {callOptions} from './call-options.ts';
import {changesStart} from './changes-start.ts';
import {changes} from './changes.ts';
import {close} from './close.ts';
import {compares} from './compare.ts';
import {deletion} from './delete.ts';
import {getRange} from './get-range.ts';
import {lease} from './lease.ts';
import {limits} from './limits.ts';
import {lockGuard} from './lock-guard.ts';
import {lockLoss} from './lock-loss.ts';
import {lockWait} from './lock-wait.ts';
import {lock} from './lock.ts';
import {paging} from './paging.ts';
import {range} from './range.ts';
import {resync} from './resync.ts';
import {retries} from './retry.ts';
import {storeAndGet} from './store-and-get.ts';
import {tas} from './tas.ts';
import {tempKeyPlace} from './temp-key-place.ts';
import {tempKey} from './temp-key.ts';
import {textAndBytes} from './text-and-bytes.ts';
import {transaction} from './transaction.ts';
import {txn} from './txn.ts';
import {unknownOutcome} from './unknown-outcome.ts';
import {watchWithCBEnd} from './watch-with-cb-end.ts';
import {watchWithCB} from './watch-with-cb.ts';
import {watch} from './watch.ts';

/** The kvi contract. */
export const kviContract: readonly ContractGroup[] = [
  textAndBytes,
  storeAndGet,
  getRange,
  range,
  paging,
  deletion,
  tas,
  transaction,
  txn,
  callsAtOnce,
  compares,
  limits,
  badInput,
  badOptions,
  callOptions,
  retries,
  watch,
  watchWithCB,
  watchWithCBEnd,
  changes,
  changesStart,
  resync,
  lease,
  tempKey,
  tempKeyPlace,
  lock,
  lockWait,
  lockLoss,
  lockGuard,
  unknownOutcome,
  close,
];
