import {
  type Bytes,
  type CompactRequest,
  isKviError,
  type KviErrorCode,
  type LeaseGrantRequest,
  type LeaseGrantResponse,
  type LeaseId,
  type LeaseKeepAliveResponse,
  type LeaseLeasesResponse,
  type LeaseTimeToLiveRequest,
  type LeaseTimeToLiveResponse,
  type RangeRequest,
  type RangeResponse,
  type ResponseHeader,
  type StatusResponse,
  type TxnRequest,
  type TxnResponse,
} from 'kvi-core/driver';
import {elapse, grant, keepAlive, revoke, timeToLive} from './lease.ts';
import {compact, type ModelState, present} from './state.ts';
import {range, txn} from './txn.ts';

/** The requests of the model: the calls of a driver by name, and the passing of time. */
export interface ModelRequests {
  range: RangeRequest<Bytes>;
  txn: TxnRequest<Bytes>;
  compact: CompactRequest;
  leaseGrant: LeaseGrantRequest;
  leaseRevoke: {id: LeaseId};
  leaseKeepAlive: {id: LeaseId};
  leaseTimeToLive: LeaseTimeToLiveRequest;
  leaseLeases: unknown;
  status: unknown;
  /** Lets `ms` milliseconds pass, and ends expired leases. The store treats that as a `leaseRevoke`. */
  elapse: {ms: number};
}

/** The response of a successful request. */
export interface ModelResponses {
  range: RangeResponse<Bytes>;
  txn: TxnResponse<Bytes>;
  compact: ResponseHeader;
  leaseGrant: LeaseGrantResponse;
  leaseRevoke: ResponseHeader;
  leaseKeepAlive: LeaseKeepAliveResponse;
  leaseTimeToLive: LeaseTimeToLiveResponse;
  leaseLeases: LeaseLeasesResponse;
  status: StatusResponse;
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

/** The model is a cluster of one member. */
const cluster = {
  clusterId: '1',
  memberId: '1',
  leader: '1',
  raftTerm: 1,
  version: '3.5.30',
  dbSize: 0,
  dbSizeInUse: 0,
  members: [{id: '1', name: 'model', peerUrls: [], clientUrls: [], isLearner: false}],
  alarms: [],
};

/** A response, with the revision of the store after the request. */
function withHeader<R extends object>(state: ModelState, response: R): [ModelState, R & ResponseHeader] {
  return [state, {revision: present(state), ...response}];
}

const requests: {
  [T in RequestType]: (state: ModelState, request: ModelRequests[T]) => [ModelState, ModelResponses[T]];
} = {
  range: (state, request) => [state, range(state, request)],
  txn,
  compact: (state, {revision}) => withHeader(compact(state, revision), {}),
  leaseGrant: (state, request) => withHeader(...grant(state, request)),
  leaseRevoke: (state, {id}) => withHeader(revoke(state, id), {}),
  leaseKeepAlive: (state, {id}) => withHeader(...keepAlive(state, id)),
  leaseTimeToLive: (state, request) => withHeader(state, timeToLive(state, request)),
  leaseLeases: (state) => withHeader(state, {leases: [...state.leases.keys()].sort()}),
  status: (state) => withHeader(state, cluster),
  elapse: (state, {ms}) => [elapse(state, ms), undefined],
};
