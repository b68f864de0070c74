import type {Bytes} from '../etcd/bytes.ts';
import {isEndless, isSingleKey, keyId} from '../etcd/key-range.ts';
import type {KeyRange, TxnRequest} from '../etcd/messages.ts';

/** Consecutive keys, by {@link keyId}, whose order is that of the bytes. */
interface Interval {
  start: string;
  /** Excluded. Undefined: every key from `start` on. */
  end: string | undefined;
  isWrite: boolean;
}

/** A single key, by {@link keyId}. */
interface Point {
  id: string;
  isWrite: boolean;
}

/** The keys that a call may read or write, whichever branch it takes. */
export interface Footprint {
  points: readonly Point[];
  intervals: readonly Interval[];
}

export function footprintOf(request: TxnRequest<Bytes>): Footprint {
  const points: Point[] = [];
  const intervals: Interval[] = [];

  function add({key, rangeEnd}: KeyRange<Bytes>, isWrite: boolean): void {
    const start = keyId(key);
    if (rangeEnd === undefined || isSingleKey({key, rangeEnd})) points.push({id: start, isWrite});
    else intervals.push({start, end: isEndless(rangeEnd) ? undefined : keyId(rangeEnd), isWrite});
  }

  function addTxn({compare = [], success = [], failure = []}: TxnRequest<Bytes>): void {
    for (const item of compare) add(item, false);
    for (const ops of [success, failure]) {
      for (const op of ops) {
        if (op.type === 'txn') addTxn(op);
        else add(op, op.type !== 'range');
      }
    }
  }

  addTxn(request);
  return {points, intervals};
}

/** The same keys, as if they were only read. */
export function asReads({points, intervals}: Footprint): Footprint {
  return {
    points: points.map((point) => ({...point, isWrite: false})),
    intervals: intervals.map((interval) => ({...interval, isWrite: false})),
  };
}

/** The keys that calls touch which have not ended. */
export interface Touched {
  /** Whether it conflicts: one writes what the other reads or writes, so that their order matters. */
  conflictsWith(footprint: Footprint): boolean;
  add(footprint: Footprint): void;
}

export function touchedKeys(): Touched {
  /** Whether a key is written. */
  const keys = new Map<string, boolean>();
  const intervals: Interval[] = [];

  function pointConflicts({id, isWrite}: Point): boolean {
    const isWritten = keys.get(id);
    if (isWritten !== undefined && (isWritten || isWrite)) return true;
    return intervals.some((interval) => (interval.isWrite || isWrite) && includes(interval, id));
  }

  function intervalConflicts(interval: Interval): boolean {
    for (const [id, isWritten] of keys) {
      if ((isWritten || interval.isWrite) && includes(interval, id)) return true;
    }
    return intervals.some((other) => (other.isWrite || interval.isWrite) && overlap(other, interval));
  }

  return {
    conflictsWith: (footprint) =>
      footprint.points.some(pointConflicts) || footprint.intervals.some(intervalConflicts),
    add(footprint) {
      for (const {id, isWrite} of footprint.points) keys.set(id, isWrite || keys.get(id) === true);
      intervals.push(...footprint.intervals);
    },
  };
}

function includes({start, end}: Interval, id: string): boolean {
  return start <= id && (end === undefined || id < end);
}

function overlap(a: Interval, b: Interval): boolean {
  return (a.end === undefined || b.start < a.end) && (b.end === undefined || a.start < b.end);
}
