/** What can happen to a call. */
import {type Clock, abortable, sleep} from 'kvi-core/driver';
import {connectionLost, failure, type FaultCode} from './failures.ts';
import type {PortCall} from './port-call.ts';

/** A call that a fault affects. */
export interface CallInFlight<R> {
  call: PortCall;
  /** Applies the call to the store. */
  apply: () => Promise<R>;
  clock: Clock;
  /** Aborts when the caller stops waiting. */
  ended: AbortSignal;
  /** Aborts when the handle is closed. */
  closing: AbortSignal;
}

/** Applies a call or not, and answers or fails. What it throws after `ended` has aborted is ignored. */
export type Effect = <R>(attempt: CallInFlight<R>) => Promise<R>;

/** Nothing happens. */
export const pass: Effect = ({apply}) => apply();

/** The call is not applied. */
export function failBeforeApplying(code: FaultCode): Effect {
  return ({call}) => Promise.reject(failure(code, call));
}

/** The call is applied, and the connection breaks before the answer arrives. */
export const failAfterApplying: Effect = async ({call, apply}) => {
  // An error of the store would be the answer, so it is lost too.
  await apply().catch(() => undefined);
  throw connectionLost(call);
};

/**
 * The call reaches the store late and is applied then, even if nobody waits for it any more; but not after the handle was
 * closed, which cancels its timers.
 */
export function delayRequest(ms: number): Effect {
  return ({apply, clock, ended, closing}) => abortable(sleep(clock, ms, closing).then(apply), ended);
}

/** The call is applied at once and answered late. */
export function delayResponse(ms: number): Effect {
  return async ({apply, clock, ended}) => {
    const response = apply();
    // It may fail before anybody awaits it.
    response.catch(() => undefined);
    await sleep(clock, ms, ended);
    return response;
  };
}

/** The call is not applied and never answered. */
export const hang: Effect = ({ended}) => abortable(new Promise(() => undefined), ended);
