import {
  aborted,
  type Bytes,
  closed,
  type Driver,
  type DriverCallOptions,
  type Event,
  type EventBuffer,
  eventBuffer,
  type KeyValue,
  KviError,
  type LeaseId,
  noLease,
  type PutRequest,
  type ResponseOp,
  systemClock,
  type Timer,
  type TxnRequest,
  type TxnResponse,
  type WatchRequest,
} from 'kvi-core/driver';
import {absent, holds, includes, read, select, type State, toText} from './tiny-state.ts';

interface Revision {
  readonly state: State;
  /** What led to it. */
  readonly events: readonly Event<Bytes>[];
}

/** The next revision while it is made. */
interface Draft {
  readonly before: State;
  readonly state: Map<string, KeyValue<Bytes>>;
  readonly events: Event<Bytes>[];
}

interface Watcher {
  readonly owner: Driver;
  readonly buffer: EventBuffer;
  readonly request: WatchRequest<Bytes>;
  readonly start: number;
}

/**
 * A backend as a third party may write one, as plainly as can be: each revision is a copy of the whole store, so that
 * history, transactions and `prevKv` need no thought.
 */
export function tinyStore() {
  const revisions: (Revision | undefined)[] = [undefined, {state: new Map(), events: []}];
  const leases = new Map<LeaseId, {ttlSeconds: number; endsAt: number; timer: Timer}>();
  const watchers = new Set<Watcher>();
  let compactRevision = 0;
  let lastLease = 0;

  const present = () => revisions.length - 1;

  function at(revision: number): Revision {
    if (revision > present()) throw new KviError('KVI_FUTURE_REVISION', 'that is yet to come');
    const found = revisions[revision];
    if (!found) throw compacted();
    return found;
  }

  function compacted(): KviError {
    return new KviError('KVI_COMPACTED', 'that was compacted', {compactRevision});
  }

  function compact(revision: number): void {
    at(revision);
    if (revision === compactRevision) throw compacted();
    revisions.fill(undefined, 0, revision);
    compactRevision = revision;
  }

  function draft(): Draft {
    const {state} = at(present());
    return {before: state, state: new Map(state), events: []};
  }

  function revisionOf({events}: Draft): number {
    return events.length > 0 ? present() + 1 : present();
  }

  function commit({state, events}: Draft): void {
    if (events.length === 0) return;
    revisions.push({state, events});
    for (const watcher of watchers) notify(watcher, present());
  }

  function transact(request: TxnRequest<Bytes>): TxnResponse<Bytes> {
    const next = draft();
    checkPuts(next, request);
    const response = run(next, request);
    commit(next);
    return tellRevision(response, present());
  }

  /** A transaction tells the revision of the whole, one that is nested in it too. */
  function tellRevision(response: TxnResponse<Bytes>, revision: number): TxnResponse<Bytes> {
    const responses = response.responses.map((op): ResponseOp<Bytes> =>
      op.type === 'txn' ? {type: 'txn', ...tellRevision(op, revision)} : op,
    );
    return {...response, revision, responses};
  }

  /** What is wrong with a put is told before what is wrong with a range. */
  function checkPuts(next: Draft, request: TxnRequest<Bytes>): void {
    for (const op of branchOf(next, request).ops) {
      if (op.type === 'txn') checkPuts(next, op);
      if (op.type !== 'put') continue;
      const {key, lease = noLease, ignoreValue = false, ignoreLease = false} = op;
      if ((ignoreValue || ignoreLease) && !next.before.has(toText(key))) {
        throw new KviError('KVI_KEY_NOT_FOUND', 'nothing to keep');
      }
      if (lease !== noLease) leaseOf(lease);
    }
  }

  function branchOf({before}: Draft, request: TxnRequest<Bytes>) {
    const succeeded = (request.compare ?? []).every((compare) => holds(before, compare));
    return {succeeded, ops: (succeeded ? request.success : request.failure) ?? []};
  }

  function run(next: Draft, request: TxnRequest<Bytes>): TxnResponse<Bytes> {
    const {succeeded, ops} = branchOf(next, request);
    const responses = ops.map((op): ResponseOp<Bytes> => {
      switch (op.type) {
        case 'range': {
          const state = op.revision ? at(op.revision).state : next.state;
          return {type: 'range', revision: revisionOf(next), ...read(state, op)};
        }
        case 'put': {
          const prevKv = put(next, op);
          return {type: 'put', revision: revisionOf(next), ...(op.prevKv && prevKv && {prevKv})};
        }
        case 'deleteRange': {
          const found = select(next.state, op);
          remove(next, found);
          const prevKvs = op.prevKv === true ? found : [];
          return {type: 'deleteRange', revision: revisionOf(next), deleted: found.length, prevKvs};
        }
        case 'txn':
          return {type: 'txn', ...run(next, op)};
      }
    });
    return {revision: revisionOf(next), succeeded, responses};
  }

  function put(next: Draft, request: PutRequest<Bytes>): KeyValue<Bytes> | undefined {
    const {lease = noLease, ignoreValue = false, ignoreLease = false} = request;
    const id = toText(request.key);
    const previous = next.state.get(id);
    const modRevision = present() + 1;
    const kv: KeyValue<Bytes> = {
      key: Buffer.from(request.key),
      value: Buffer.from((ignoreValue ? previous?.value : request.value) ?? []),
      createRevision: previous?.createRevision ?? modRevision,
      modRevision,
      version: (previous?.version ?? 0) + 1,
      lease: (ignoreLease ? previous?.lease : lease) ?? noLease,
    };
    next.state.set(id, kv);
    next.events.push({type: 'put', kv});
    return previous;
  }

  function remove(next: Draft, kvs: readonly KeyValue<Bytes>[]): void {
    for (const {key} of kvs) {
      next.state.delete(toText(key));
      next.events.push({type: 'delete', kv: {...absent, key, modRevision: present() + 1}});
    }
  }

  function leaseOf(id: LeaseId) {
    const lease = leases.get(id);
    if (!lease) throw new KviError('KVI_LEASE_NOT_FOUND', `there is no lease ${id}`);
    return lease;
  }

  function keysOf(id: LeaseId): KeyValue<Bytes>[] {
    const all = {key: Buffer.of(0), rangeEnd: Buffer.of(0)};
    return select(at(present()).state, all).filter(({lease}) => lease === id);
  }

  function grant(id: LeaseId, ttlSeconds: number) {
    if (leases.has(id)) throw new KviError('KVI_LEASE_EXISTS', `there is a lease ${id}`);
    return {id, ...startLease(id, ttlSeconds)};
  }

  function freshId(): LeaseId {
    do lastLease += 1;
    while (leases.has(lastLease.toString(16)));
    return lastLease.toString(16);
  }

  function startLease(id: LeaseId, ttlSeconds: number) {
    leases.get(id)?.timer.cancel();
    const endsAt = systemClock.now() + ttlSeconds * 1000;
    leases.set(id, {ttlSeconds, endsAt, timer: endTimer(id, endsAt)});
    return {ttlSeconds};
  }

  /** Node counts a timer from the beginning of the turn in which it was set, so it may fire early; a lease may not end early. */
  function endTimer(id: LeaseId, endsAt: number): Timer {
    const delayMs = Math.max(0, Math.ceil(endsAt - systemClock.now()));
    const fire = () => {
      if (systemClock.now() >= endsAt) endLease(id);
      else leaseOf(id).timer = endTimer(id, endsAt);
    };
    return systemClock.setTimer(delayMs, fire).unref();
  }

  function endLease(id: LeaseId): void {
    leaseOf(id).timer.cancel();
    leases.delete(id);
    const next = draft();
    remove(next, keysOf(id));
    commit(next);
  }

  function follow(watcher: Watcher): void {
    const {buffer, start} = watcher;
    buffer.created(start);
    if (start < compactRevision) buffer.fail(compacted());
    for (let revision = start; revision <= present() && !buffer.ended; revision += 1)
      notify(watcher, revision);
    if (!buffer.ended) watchers.add(watcher);
  }

  function notify({buffer, request, start}: Watcher, revision: number): void {
    if (revision < start) return;
    const before = revisions[revision - 1]?.state;
    const events = at(revision)
      .events.filter(({type, kv}) => includes(request, kv.key) && !request.filters?.includes(`no${type}`))
      .map((event) => {
        const prevKv = request.prevKv === true ? before?.get(toText(event.kv.key)) : undefined;
        return prevKv ? {...event, prevKv} : event;
      });
    if (events.length > 0) buffer.push({revision, events});
  }

  function forgetEnded(): void {
    for (const watcher of watchers) if (watcher.buffer.ended) watchers.delete(watcher);
  }

  /** Opens a handle on the store. */
  function open(): Driver {
    let isClosed = false;

    /** What every call begins with. */
    function enter<R>(options: DriverCallOptions | undefined, call: () => R): Promise<R> {
      return new Promise((resolve) => {
        if (isClosed) throw closed();
        if (options?.signal?.aborted === true) throw aborted(options.signal);
        resolve(call());
      });
    }

    const driver: Driver = {
      clock: systemClock,
      range: (request, options) =>
        enter(options, () => {
          const {state} = at(request.revision || present());
          return {revision: present(), ...read(state, request)};
        }),
      txn: (request, options) => enter(options, () => transact(request)),
      compact: (revision, options) => enter(options, () => compact(revision)),
      leaseGrant: ({ttlSeconds, id}, options) => enter(options, () => grant(id ?? freshId(), ttlSeconds)),
      leaseRevoke: (id, options) => enter(options, () => endLease(id)),
      leaseKeepAlive: (id, options) => enter(options, () => startLease(id, leaseOf(id).ttlSeconds)),
      leaseTimeToLive: ({id, keys}, options) =>
        enter(options, () => {
          const {ttlSeconds: grantedTtlSeconds, endsAt} = leaseOf(id);
          const ttlSeconds = Math.floor((endsAt - systemClock.now()) / 1000);
          return {
            id,
            ttlSeconds,
            grantedTtlSeconds,
            keys: keys === true ? keysOf(id).map(({key}) => key) : [],
          };
        }),
      leaseLeases: (options) => enter(options, () => [...leases.keys()].sort()),
      watch(request, options) {
        const buffer = eventBuffer({...options, onEnd: forgetEnded});
        const watcher = {owner: driver, buffer, request, start: request.startRevision || present() + 1};
        if (isClosed) buffer.fail(closed());
        if (!buffer.ended) follow(watcher);
        return buffer.watch;
      },
      close() {
        isClosed = true;
        for (const {owner, buffer} of watchers) if (owner === driver) buffer.fail(closed());
        return Promise.resolve();
      },
    };
    return driver;
  }

  return {open, openWatches: () => watchers.size};
}
