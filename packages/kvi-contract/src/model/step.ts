import {
  type Bytes,
  isKviError,
  type KviErrorCode,
  type LeaseId,
  type LeaseTimeToLiveResponse,
  type RangeRequest,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
} from 'kvi-core/driver';
import {elapse, grant, keepAlive, revoke, timeToLive} from './lease.ts';
import {compact, type ModelState} from './state.ts';
import {range, txn} from './txn.ts';

/** What can be asked of the model: the calls of a driver by their names, and the passing of time. */
export interface ModelRequests {
  range: RangeRequest<Bytes>;
  txn: TxnRequest<Bytes>;
  compact: {revision: number};
  leaseGrant: {ttlSeconds: number; id?: LeaseId | undefined};
  leaseRevoke: {id: LeaseId};
  leaseKeepAlive: {id: LeaseId};
  leaseTimeToLive: {id: LeaseId; keys?: boolean | undefined};
  leaseLeases: unknown;
  /** Lets `ms` milliseconds pass; leases that run out meanwhile end. To the store, that is a `leaseRevoke` by itself. */
  elapse: {ms: number};
}

/** What the model answers, where a request succeeds. */
export interface ModelResponses {
  range: RangeResponse<Bytes>;
  txn: TxnResponse<Bytes>;
  compact: undefined;
  leaseGrant: {id: LeaseId; ttlSeconds: number};
  leaseRevoke: undefined;
  leaseKeepAlive: {ttlSeconds: number};
  leaseTimeToLive: LeaseTimeToLiveResponse;
  /** Ascending. */
  leaseLeases: LeaseId[];
  elapse: undefined;
}

/** The name of a request. */
export type RequestType = keyof ModelRequests;

/** A request: its name in `type`, and what it asks. */
export type ModelRequest<T extends RequestType = RequestType> = {
  [K in T]: {readonly type: K} & ModelRequests[K];
}[T];

/** How a request ended: it succeeded, or was refused and changed nothing. */
export type ModelResponse<T extends RequestType = RequestType> =
  {ok: true; value: ModelResponses[T]} | {ok: false; code: KviErrorCode};

/**
 * What etcd does, as a function: the state after a request, and the response.
 *
 * This is the executable specification of a driver, made to be read. It keeps every revision as a whole map, so that
 * there is no index, no lock and no cache to understand. It is slow, and that is its only fault: where the model and
 * etcd differ, the model is wrong.
 *
 * @param state {@link initialState}, or the state after an earlier step; never changed
 * @param request a valid one: the rules that do not depend on the store are those of `validate.ts`
 */
export function step<T extends RequestType>(
  state: ModelState,
  request: ModelRequest<T>,
): {state: ModelState; response: ModelResponse<T>} {
  try {
    const type: T = request.type;
    const [after, value] = requests[type](state, request);
    return {state: after, response: {ok: true, value}};
  } catch (error) {
    if (!isKviError(error)) throw error;
    return {state, response: {ok: false, code: error.code}};
  }
}

const requests: {
  [T in RequestType]: (state: ModelState, request: ModelRequests[T]) => [ModelState, ModelResponses[T]];
} = {
  range: (state, request) => [state, range(state, request)],
  txn,
  compact: (state, {revision}) => [compact(state, revision), undefined],
  leaseGrant: grant,
  leaseRevoke: (state, {id}) => [revoke(state, id), undefined],
  leaseKeepAlive: (state, {id}) => keepAlive(state, id),
  leaseTimeToLive: (state, request) => [state, timeToLive(state, request)],
  leaseLeases: (state) => [state, [...state.leases.keys()].sort()],
  elapse: (state, {ms}) => [elapse(state, ms), undefined],
};
