import {type Bytes, type Driver, invalidArgument, noLease} from 'kvi-core/driver';
import type {CallSelection, FaultCode, MemSnapshot} from 'kvi-mem';
import {control, etcdErrors, type ServedMethod} from 'kvi-wire';
import {Refusal} from '../grpc/refusal.ts';
import {type Route, unary} from '../grpc/route.ts';
import type {Twin} from '../twin/twin.ts';

/** How many snapshots are kept. */
const maxSnapshots = 1_000;

/** Control of the store that is served, for tests in other processes. */
export function controlService({store, clock, faults}: Twin, served: Driver): Route[] {
  const snapshots = new Map<string, MemSnapshot>();

  /** Whoever was given a part of the store does not control it. */
  function ofServed<Q>(
    method: ServedMethod<Q, object>,
    run: (request: Q) => object | Promise<object>,
  ): Route {
    return unary(method, (request, {driver}) => {
      if (driver !== served) throw new Refusal(etcdErrors.permissionDenied);
      return run(request);
    });
  }

  return [
    ofServed(control.advance, ({ms}) => {
      if (ms < 0) throw invalidArgument(`ms must be 0 or more, not ${ms}`);
      clock.advance(ms);
      return {};
    }),
    ofServed(control.compact, () => {
      store.compact();
      return {};
    }),
    ofServed(control.reset, () => {
      faults.lift();
      store.reset();
      return {};
    }),
    ofServed(control.snapshot, ({name}) => {
      if (snapshots.size >= maxSnapshots && !snapshots.has(name)) {
        throw invalidArgument(`too many snapshots (limit ${maxSnapshots}); use a name again`);
      }
      snapshots.set(name, store.snapshot());
      return {};
    }),
    ofServed(control.restore, ({name}) => {
      const snapshot = snapshots.get(name);
      if (snapshot === undefined) throw invalidArgument(`there is no snapshot ${JSON.stringify(name)}`);
      store.restore(snapshot);
      return {};
    }),
    ofServed(control.fault, ({effect, operation, times, code, ms, ...keys}) => {
      // What is unknown, the plan refuses.
      const calls = {...selectionOf(keys), ...(operation === '' ? {} : {operation})} as CallSelection;
      const choice = times === 0 ? faults.every(calls) : faults.next(calls, times);
      if (effect === 'fail') choice.fail(code === '' ? undefined : (code as FaultCode));
      else if (effect === 'delayRequest' || effect === 'delayResponse') choice[effect](ms);
      else choice[effect]();
      return {};
    }),
    ofServed(control.partition, (request) => {
      faults.partition(request);
      return {};
    }),
    ofServed(control.dropWatches, () => {
      faults.dropWatches();
      return {};
    }),
    ofServed(control.heal, () => {
      faults.heal();
      return {};
    }),
    ofServed(control.lift, () => {
      faults.lift();
      return {};
    }),
    ofServed(control.loseLeases, async ({id, ...keys}) => {
      await faults.loseLeases({...selectionOf(keys), ...(id === noLease ? {} : {id})});
      return {};
    }),
  ];
}

/** An empty key selects nothing; an empty prefix is none. */
function selectionOf({key, prefix}: {key: Bytes; prefix: Bytes}): {key?: Bytes; prefix?: Bytes} {
  return {...(key.length === 0 ? {} : {key}), ...(prefix.length === 0 ? {} : {prefix})};
}
