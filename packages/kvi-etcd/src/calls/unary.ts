import {abortable, type DriverCallOptions, isKviError, KviError, systemClock} from 'kvi-core/driver';
import type {Scope, Scopes} from '../async/scopes.ts';
import type {Authenticator} from '../cluster/authenticator.ts';
import type {Connection, Headers} from '../cluster/connection.ts';
import type {Member, Members} from '../cluster/members.ts';
import type {Method} from 'kvi-wire';
import {GrpcError} from '../failures/grpc-failures.ts';
import {type CallDescription, isTokenRefused, toKviError, unknownOutcome} from '../failures/kvi-errors.ts';
import {examineMembers} from './slow-members.ts';

/** Sends a request to the member that the call goes to. */
export type Send = <Q, R>(method: Method<Q, R>, request: Q) => Promise<R>;

/** What is called where. */
export interface Call<R> extends CallDescription {
  /** Sends what the call consists of; called again if it has to go to another member. */
  body: (send: Send) => Promise<R>;
  /** The only member to call. Default: one that is connected. */
  on?: Member;
}

/**
 * Makes a call. A write is sent once; a read that a member leaves unanswered is sent to another if that one is faster.
 */
export type UnaryCalls = <R>(call: Call<R>, limits?: DriverCallOptions) => Promise<R>;

/** How long a member may leave a call unanswered before it is examined; twice as long each time it passes. */
const stallTimeoutMs = 1_000;

/** Interrupts a read whose member stalls. */
const stall = new Error('the member stalls');

/** @param auth - as whom the calls are made */
export function unaryCalls(members: Members, scopes: Scopes, auth: Authenticator): UnaryCalls {
  const examine = examineMembers(members, auth);

  return async (call, limits = {}) => {
    const scope = scopes.enter(limits);
    /** The member that may be working on the call. */
    let asked: Member | undefined;
    let mayRefresh = true;
    try {
      for (;;) {
        const headers = auth.headers ?? (await scope.withSignal((ended) => abortable(auth.fetch(), ended)));
        const member =
          call.on ?? members.ready() ?? (await scope.withSignal((ended) => members.connected(ended)));
        asked = member;
        setStallAlarm(scope, call, member, stallTimeoutMs);
        try {
          const {any, requireLeader} = headers;
          return await call.body(sender(scope, member.connection, call.withoutLeader ? any : requireLeader));
        } catch (error) {
          if (scope.error !== undefined) throw error;
          const status = error instanceof GrpcError ? error : undefined;
          // A member that answered no longer works on the call.
          if (status !== undefined) asked = undefined;
          if (error === stall) continue;
          if (mayRefresh && status && isTokenRefused(status) && auth.refused(headers)) mayRefresh = false;
          else throw status === undefined ? error : failure(call, member, status);
        } finally {
          scope.alarm = undefined;
        }
      }
    } catch (error) {
      throw scope.error === undefined ? error : cutShort(call, scope.error, asked);
    } finally {
      scope.leave();
    }
  };

  /** Sends a read to another member if this one is slower. A write stays: it may have been applied. */
  function setStallAlarm(scope: Scope, call: Call<unknown>, member: Member, ms: number): void {
    if (call.on !== undefined) return;
    const alarm = {at: systemClock.now() + ms, ring: () => void ring()};
    scope.alarm = alarm;

    async function ring(): Promise<void> {
      const isSlower = await examine(member, call.withoutLeader === true);
      // The call has ended, or gone to another member.
      if (scope.alarm !== alarm) return;
      if (isSlower && !call.write) scope.interrupt(stall);
      else setStallAlarm(scope, call, member, ms * 2);
    }
  }

  function failure(call: CallDescription, member: Member, status: GrpcError): KviError {
    const error = toKviError(status, call);
    if (isKviError(error, 'KVI_UNAVAILABLE', 'KVI_UNKNOWN_OUTCOME')) members.demote(member, status.details);
    return error;
  }

  /** The error of a call that its scope ended. */
  function cutShort(call: CallDescription, error: KviError, asked: Member | undefined): KviError {
    const timedOut = error.code === 'KVI_TIMEOUT';
    if (asked !== undefined && timedOut) void examine(asked, call.withoutLeader === true);
    if (asked !== undefined && call.write) return unknownOutcome(call, error);
    if (!timedOut) return error;
    return new KviError(
      'KVI_TIMEOUT',
      `${call.describe()}: ${error.message}; nothing was changed (${members.name})`,
    );
  }
}

function sender(scope: Scope, connection: Connection, headers: Headers): Send {
  return (method, request) =>
    new Promise((resolve, reject) => {
      if (scope.error !== undefined) throw scope.error;
      const sent = connection.call(method, request, headers, resolve, reject);
      scope.interrupt = (reason) => {
        reject(reason);
        sent.cancel();
      };
    });
}
