export {type Bytes, compareBytes, type Input} from './etcd/bytes.ts';
export {nextKey, prefixEnd} from './etcd/key-range.ts';
export {type LeaseId, noLease} from './etcd/lease-id.ts';
export {createKvi} from './kvi/create-kvi.ts';
export {isKviError, KviError, type KviErrorCode, type KviErrorDetails} from './etcd/errors.ts';
export type * from './api/index.ts';
export * from './etcd/messages.ts';
export type {
  DiagnosticsEvents,
  RetryEvent,
  SessionLostEvent,
  UnknownOutcomeEvent,
} from './telemetry/diagnostics.ts';
export type {Operation, OperationContext} from './telemetry/tracing.ts';
export {checkHandle} from './kvi/inside.ts';
export {checkOptions, kviOptionNames, type KviOptions} from './kvi/options.ts';
export {
  allOf,
  anyOf,
  exponentialBackoff,
  limitAttempts,
  limitTime,
  noRetries,
} from './policy/retry-policies.ts';
export type {RequestLimits} from './etcd/validate.ts';
