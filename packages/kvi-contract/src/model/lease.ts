import {
  type Bytes,
  everyKey,
  KviError,
  type LeaseId,
  type LeaseGrantRequest,
  type LeaseTimeToLiveRequest,
  type LeaseTimeToLiveResponse,
  noLease,
} from 'kvi-core/driver';
import {select} from './range.ts';
import {commit, draftOf, latest, type Lease, type ModelState, remove} from './state.ts';

/** @throws `KVI_LEASE_NOT_FOUND` */
export function findLease({leases}: ModelState, id: LeaseId): Lease {
  const lease = leases.get(id);
  if (!lease) throw new KviError('KVI_LEASE_NOT_FOUND', `there is no lease ${id}`);
  return lease;
}

/** @throws `KVI_LEASE_EXISTS` */
export function grant(
  state: ModelState,
  request: LeaseGrantRequest,
): [ModelState, {id: LeaseId; ttlSeconds: number}] {
  const id = request.id === undefined || request.id === noLease ? freshId(state) : request.id;
  if (state.leases.has(id)) throw new KviError('KVI_LEASE_EXISTS', `there is a lease ${id} already`);
  const ttlSeconds = Math.max(request.ttlSeconds, state.minTtlSeconds);
  return [
    {...start(state, id, ttlSeconds), granted: state.granted + 1},
    {id, ttlSeconds},
  ];
}

/** Ends a lease, and deletes its keys in one revision and in key order. */
export function revoke(state: ModelState, id: LeaseId): ModelState {
  findLease(state, id);
  const leases = new Map(state.leases);
  leases.delete(id);
  const draft = draftOf(state);
  for (const key of keysOf(state, id)) remove(draft, key);
  return {...commit(state, draft), leases};
}

/** @throws `KVI_LEASE_NOT_FOUND` */
export function keepAlive(state: ModelState, id: LeaseId): [ModelState, {ttlSeconds: number}] {
  const {ttlSeconds} = findLease(state, id);
  return [start(state, id, ttlSeconds), {ttlSeconds}];
}

/** @throws `KVI_LEASE_NOT_FOUND` */
export function timeToLive(
  state: ModelState,
  {id, keys}: LeaseTimeToLiveRequest,
): Omit<LeaseTimeToLiveResponse, 'revision'> {
  const {ttlSeconds, expiresAt} = findLease(state, id);
  return {
    id,
    ttlSeconds: Math.floor((expiresAt - state.now) / 1000),
    grantedTtlSeconds: ttlSeconds,
    keys: keys === true ? keysOf(state, id) : [],
  };
}

/** The leases, the one that expires next first. */
function byExpiry({leases}: ModelState): LeaseId[] {
  return [...leases].sort(([, a], [, b]) => a.expiresAt - b.expiresAt).map(([id]) => id);
}

/** Lets time pass. Expired leases end as if they were revoked, in the order of expiry. */
export function elapse(state: ModelState, ms: number): ModelState {
  const later = {...state, now: state.now + ms};
  return byExpiry(later)
    .filter((id) => findLease(later, id).expiresAt <= later.now)
    .reduce(revoke, later);
}

function start(state: ModelState, id: LeaseId, ttlSeconds: number): ModelState {
  const lease = {ttlSeconds, expiresAt: state.now + ttlSeconds * 1000};
  return {...state, leases: new Map(state.leases).set(id, lease)};
}

function keysOf(state: ModelState, id: LeaseId): Bytes[] {
  return select(latest(state), everyKey)
    .filter(({lease}) => lease === id)
    .map(({key}) => key);
}

/** A free id, as large as those of etcd. */
function freshId({leases, granted}: ModelState): LeaseId {
  let id = 2n ** 62n + BigInt(granted);
  while (leases.has(id.toString(16))) id += 1n;
  return id.toString(16);
}
