/** For authors of drivers: the port, and what helps to implement it. Users of kvi need none of this. */
export type {Driver, DriverCallOptions, DriverWatch, TxnOptions} from './driver.ts';
export {coalesced, type CoalescingOptions} from './coalescing.ts';
export {namespaced} from './namespace.ts';
export {type Clock, sleep, systemClock, type Timer} from '../async/clock.ts';
export {
  type BufferLimits,
  bufferLimits,
  checkBufferLimits,
  type EventBuffer,
  eventBuffer,
  type EventBufferOptions,
} from './event-buffer.ts';
export {type Bytes, compareBytes, encode, type Input, isBytes, show} from '../etcd/bytes.ts';
export {
  describeRange,
  endOfKeyspace,
  everyKey,
  includesKey,
  isEmptyRange,
  isSingleKey,
  keyId,
  nextKey,
  prefixEnd,
} from '../etcd/key-range.ts';
export {isLeaseId, type LeaseId, noLease, randomLeaseId} from '../etcd/lease-id.ts';
export {describeTxn, keyRanges, puts, writes} from '../etcd/txn-shape.ts';
export {backoffMs} from '../async/backoff.ts';
export {
  aborted,
  closed,
  invalidArgument,
  isKviError,
  KviError,
  type KviErrorCode,
  type KviErrorDetails,
} from '../etcd/errors.ts';
export {channelOf, type Operation, type OperationContext, operations, trace} from '../telemetry/tracing.ts';
export {connectionMessages, couldNotServe, etcdMessages, outcomeUnknown} from '../etcd/error-texts.ts';
export * from '../etcd/messages.ts';
export {allowManyListeners, onAbort} from '../async/abort.ts';
export {abortable, withDeadline, type WaitOptions} from '../async/deadline.ts';
export {
  checkOverlaps,
  checkRange,
  checkTxn,
  checkWatch,
  defaultLimits,
  type RequestLimitOptions,
  type RequestLimits,
  requestLimits,
} from '../etcd/validate.ts';
