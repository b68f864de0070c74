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

/** The requests of the model: the calls of a driver by name, and the passing of time. */
export interface ModelRequests {
  range: RangeRequest<Bytes>;
  txn: TxnRequest<Bytes>;
  compact: {revision: number};
  leaseGrant: {ttlSeconds: number; id?: LeaseId | undefined};
  leaseRevoke: {id: LeaseId};
  leaseKeepAlive: {id: LeaseId};
  leaseTimeToLive: {id: LeaseId; keys?: boolean | undefined};
  leaseLeases: unknown;
  /** Lets `ms` milliseconds pass, and ends expired leases. The store treats that as a `leaseRevoke`. */
  elapse: {ms: number};
}

/** The response of a successful request. */
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

/** A request: its name in `type`, and its fields. */
export type ModelRequest<T extends RequestType = RequestType> = {
  [K in T]: {readonly type: K} & ModelRequests[K];
}[T];

/** How a request ended: it succeeded, or was refused and changed nothing. */
export type ModelResponse<T extends RequestType = RequestType> =
  {ok: true; value: ModelResponses[T]} | {ok: false; code: KviErrorCode};

/**
 * etcd as a function: returns the state after a request, and the response.
 *
 * This is the executable specification of a driver, written to be read. It keeps every revision as a whole map, so there
 * is no index, lock or cache to understand. It is slow. If the model and etcd differ, the model is wrong.
 *
 * @param state {@link initialState}, or the state after an earlier step; never changed
 * @param request a valid request: `validate.ts` has the rules that do not depend on the store
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
