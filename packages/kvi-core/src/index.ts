export {type Bytes, compareBytes, type Input, nextKey, prefixEnd} from './bytes.ts';
export {createKvi} from './create-kvi.ts';
export {isKviError, KviError, type KviErrorCode, type KviErrorDetails} from './errors.ts';
export * from './kvi.ts';
export * from './messages.ts';
export type {DiagnosticsEvents, RetryEvent, SessionLostEvent, UnknownOutcomeEvent} from './diagnostics.ts';
export {checkOptions, kviOptionNames, type KviOptions} from './options.ts';
export {
  allOf,
  anyOf,
  exponentialBackoff,
  type FailedAttempt,
  limitAttempts,
  limitTime,
  noRetries,
  type RetryPolicy,
} from './retry-policy.ts';
export type {Limits} from './validate.ts';
