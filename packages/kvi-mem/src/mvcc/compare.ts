import {type Bytes, type Compare, type LeaseId, noLease} from 'kvi-core/driver';
import {compareByteStrings, toByteString} from '../byte-string.ts';
import {toInterval} from './interval.ts';
import type {MvccStore} from './store.ts';
import type {Version} from './version.ts';

/** The parts of a key-value that can be compared. For an absent key they are zero, and there is no value. */
type Comparable = Pick<Version, 'createRevision' | 'modRevision' | 'version' | 'lease'> & {value?: string};

const absent: Comparable = {createRevision: 0, modRevision: 0, version: 0, lease: noLease};

/** Whether every key in the range of the compare satisfies it; for an empty range, whether an absent key does. */
export function holds(store: MvccStore, compare: Compare<Bytes>): boolean {
  const kvs: Comparable[] = store.find(toInterval(compare));
  if (kvs.length === 0) kvs.push(absent);
  return kvs.every(condition(compare));
}

function condition(compare: Compare<Bytes>): (kv: Comparable) => boolean {
  const {result} = compare;
  switch (compare.target) {
    case 'value': {
      const value = toByteString(compare.value);
      return (kv) => kv.value !== undefined && isResult(compareByteStrings(kv.value, value), result);
    }
    case 'version':
      return (kv) => isResult(kv.version - compare.version, result);
    case 'create':
      return (kv) => isResult(kv.createRevision - compare.createRevision, result);
    case 'mod':
      return (kv) => isResult(kv.modRevision - compare.modRevision, result);
    case 'lease':
      return (kv) => isResult(compareLeases(kv.lease, compare.lease), result);
  }
}

function isResult(order: number, result: Compare<Bytes>['result']): boolean {
  switch (result) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '>':
      return order > 0;
  }
}

/** Compares as numbers: without leading zeros, the longer one is larger. */
function compareLeases(a: LeaseId, b: LeaseId): number {
  return a.length - b.length || compareByteStrings(a, b);
}
