/** For authors of drivers: the port, and what helps to implement it. Users of kvi need none of this. */
export type {Driver, DriverCallOptions, DriverWatch} from './driver.ts';
export {describeRange, describeTxn, keyRanges} from '../etcd/describe.ts';
export {type Clock, sleep, systemClock, type Timer} from '../async/clock.ts';
export {
  defaultMaxBufferedEvents,
  type EventBuffer,
  eventBuffer,
  type EventBufferOptions,
} from './event-buffer.ts';
export {
  type Bytes,
  compareBytes,
  encode,
  type Input,
  nextKey,
  prefixEnd,
  show,
  endOfKeyspace,
} from '../etcd/bytes.ts';
export {
  aborted,
  closed,
  invalidArgument,
  isKviError,
  KviError,
  type KviErrorCode,
  type KviErrorDetails,
} from '../etcd/errors.ts';
export {
  asCall,
  type CallTrace,
  currentCall,
  inThisCall,
  lastCall,
  noteCall,
  traceCalls,
} from '../telemetry/call-traces.ts';
export {writes} from '../primitives/branch-taken.ts';
export * from '../etcd/messages.ts';
export {abortable, withDeadline, type WaitOptions} from '../async/deadline.ts';
export {checkRange, checkTxn, checkWatch, defaultLimits, type RequestLimits} from '../etcd/validate.ts';
