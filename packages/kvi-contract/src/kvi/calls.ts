import type {Kvi} from 'kvi-core';
import type {CaseContext} from '../suite.ts';

/** The options of every call; those of locks and `changes` take only the signal. */
export interface CommonOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
}

/** Replaces a call that is missing in {@link everyCall}: a mistake in the suite itself. */
export function unknownCall(): never {
  throw new Error('no such call');
}

/** Every call of a handle except `watchCBCancel` and `close`, for cases about all of them. */
export function everyCall(
  kv: Kvi,
  {key, prefix}: Pick<CaseContext, 'key' | 'prefix'>,
  options: CommonOptions = {},
): Record<string, () => Promise<unknown>> {
  const {signal} = options;
  return {
    store: () => kv.store(key('k'), 'v', options),
    get: () => kv.get(key('k'), options),
    getRange: () => kv.getRange({prefix}, options),
    'getRange with an end': () => kv.getRange(key('a'), key('z'), options),
    range: () => kv.range({prefix}, options),
    delete: () => kv.delete(key('k'), options),
    tas: () => kv.tas(key('k'), null, 'v', options),
    transaction: () => kv.transaction(key('k'), '=', 'v', key('then'), 'x', key('else'), 'x', options),
    txn: () => kv.txn({success: [{type: 'put', key: key('k'), value: 'v'}]}, options),
    'bytes.get': () => kv.bytes.get(key('k'), options),
    'bytes.store': () => kv.bytes.store(key('k'), 'v', options),
    lease: () => kv.lease(options),
    attachLease: () => kv.attachLease('1', options),
    leases: () => kv.leases(options),
    compact: () => kv.compact(1, options),
    tempKey: () => kv.tempKey(key('temp'), options),
    distLock: () => kv.distLock(key('lock'), {signal}),
    distTimedLock: () => kv.distTimedLock(1, key('lock'), {signal}),
    'distTimedLock of 0': () => kv.distTimedLock(0, key('lock'), {signal}),
    watch: () => kv.watch(key('k'), options),
    watchWithCB: () => kv.watchWithCB(key('k'), 'put', () => undefined, undefined, options),
    changes: async () => kv.changes({prefix}, {signal}).next(),
    'changes with a resync': async () => kv.changes({prefix}, {signal, onCompacted: 'resync'}).next(),
  };
}
