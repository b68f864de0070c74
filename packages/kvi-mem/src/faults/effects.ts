/** What can happen to a call. */
import {type Clock, abortable, sleep} from 'kvi-core/driver';
import {connectionLost, failure, type FaultCode} from './failures.ts';
import type {PortCall} from './port-call.ts';

/** A call that a fault happens to. */
export interface CallInFlight<R> {
  call: PortCall;
  /** Has the store carry the call out. */
  apply: () => Promise<R>;
  clock: Clock;
  /** Aborts when the caller no longer waits. */
  ended: AbortSignal;
  /** Aborts when the handle is closed. */
  closing: AbortSignal;
}

/** Carries a call out, or not, and answers or fails. What it throws when `ended` has aborted does not matter. */
export type Effect = <R>(attempt: CallInFlight<R>) => Promise<R>;

/** Nothing happens. */
export const pass: Effect = ({apply}) => apply();

/** It is not applied. */
export function failBeforeApplying(code: FaultCode): Effect {
  return ({call}) => Promise.reject(failure(code, call));
}

/** It is applied, and the connection breaks before the answer comes. */
export const failAfterApplying: Effect = async ({call, apply}) => {
  // An error of the store would have been the answer, and is lost as well.
  await apply().catch(() => undefined);
  throw connectionLost(call);
};

/**
 * It takes its time to the store, and is applied then, whether or not somebody still waits for it; not once the handle is
 * closed, which ends its timers.
 */
export function delayRequest(ms: number): Effect {
  return ({apply, clock, ended, closing}) => abortable(sleep(clock, ms, closing).then(apply), ended);
}

/** It is applied at once, and the answer takes its time. */
export function delayResponse(ms: number): Effect {
  return async ({apply, clock, ended}) => {
    const response = apply();
    // It may fail while nobody waits for it yet.
    response.catch(() => undefined);
    await sleep(clock, ms, ended);
    return response;
  };
}

/** It is not applied, and no answer ever comes. */
export const hang: Effect = ({ended}) => abortable(new Promise(() => undefined), ended);
