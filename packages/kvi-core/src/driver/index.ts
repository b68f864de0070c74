/** For authors of drivers: the port, and what helps to implement it. Users of kvi need none of this. */
export type {Driver, DriverCallOptions, DriverWatch} from './driver.ts';
export {describeRange, describeTxn, keyRanges} from './describe.ts';
export {type Clock, sleep, systemClock, type Timer} from './clock.ts';
export {
  defaultMaxBufferedEvents,
  type EventBuffer,
  eventBuffer,
  type EventBufferOptions,
} from './event-buffer.ts';
export {type Bytes, compareBytes, encode, type Input, nextKey, prefixEnd, show, toTheEnd} from '../bytes.ts';
export {
  aborted,
  closed,
  invalidArgument,
  isKviError,
  KviError,
  type KviErrorCode,
  type KviErrorDetails,
} from '../errors.ts';
export {asCall, type Call, currentCall, inThisCall, lastCall, noteCall, traceCalls} from '../call.ts';
export {writes} from '../guarded-request.ts';
export * from '../messages.ts';
export {orAborted, within, type WaitLimits} from '../within.ts';
