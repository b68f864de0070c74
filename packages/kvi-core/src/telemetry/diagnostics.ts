/**
 * What happens below the surface, on Node's `diagnostics_channel`, for logging, metrics and tracing:
 *
 * ```ts
 * import {subscribe} from 'node:diagnostics_channel';
 * subscribe('kvi:retry', (event) => log.warn(event, 'the store could not be reached'));
 * ```
 *
 * An event is built only when somebody listens to its channel. None holds a key or a value, and none an error's message,
 * which may name a key.
 */
import {channel} from 'node:diagnostics_channel';
import type {KviErrorCode} from '../etcd/errors.ts';
import type {LeaseId} from '../etcd/lease-id.ts';

/** `kvi:session-lost`: a lease of the handle may have ended, and with it a lock, or for a while a temporary key. */
export interface SessionLostEvent {
  lease: LeaseId;
  /** Seconds that the lease had after each keepalive. */
  ttlSeconds: number;
  /** Milliseconds since the last successful keepalive was sent. */
  silentMs: number;
  /** `expired`: no keepalive succeeded in time, and the lease may still live; `gone`: the backend says that it has ended. */
  reason: 'expired' | 'gone';
}

/** `kvi:retry`: a call could not be carried out, and is going to be tried again. */
export interface RetryEvent {
  /** Why it failed. */
  code: KviErrorCode;
  /** The number of attempts so far, from 1. */
  attempt: number;
  /** Milliseconds until the next. */
  waitMs: number;
}

/** `kvi:unknown-outcome`: a guarded write got no answer, and the handle has tried to find out. */
export interface UnknownOutcomeEvent {
  /** What became of the write: `not-applied` writes may be sent again, and `unknown` ones fail. */
  outcome: 'applied' | 'not-applied' | 'unknown';
  /** Milliseconds that it took to find out. */
  tookMs: number;
}

/** The channels, and what comes on each. */
export interface DiagnosticsEvents {
  'kvi:session-lost': SessionLostEvent;
  'kvi:retry': RetryEvent;
  'kvi:unknown-outcome': UnknownOutcomeEvent;
}

const channels = {
  'kvi:session-lost': channel('kvi:session-lost'),
  'kvi:retry': channel('kvi:retry'),
  'kvi:unknown-outcome': channel('kvi:unknown-outcome'),
};

/** Publishes what `build` returns, and calls it only if somebody listens. */
export function publish<Name extends keyof DiagnosticsEvents>(
  name: Name,
  build: () => DiagnosticsEvents[Name],
): void {
  const subscribers = channels[name];
  if (subscribers.hasSubscribers) subscribers.publish(build());
}
