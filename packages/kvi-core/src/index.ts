export {type Bytes, compareBytes, type Input, nextKey, prefixEnd} from './etcd/bytes.ts';
export {createKvi} from './kvi/create-kvi.ts';
export {isKviError, KviError, type KviErrorCode, type KviErrorDetails} from './etcd/errors.ts';
export * from './api/kvi.ts';
export * from './etcd/messages.ts';
export type {
  DiagnosticsEvents,
  RetryEvent,
  SessionLostEvent,
  UnknownOutcomeEvent,
} from './telemetry/diagnostics.ts';
export {checkOptions, kviOptionNames, type KviOptions} from './kvi/options.ts';
export {
  allOf,
  anyOf,
  exponentialBackoff,
  type FailedAttempt,
  limitAttempts,
  limitTime,
  noRetries,
  type RetryPolicy,
} from './policy/retry-policies.ts';
export type {RequestLimits} from './etcd/validate.ts';
