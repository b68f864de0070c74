import type {Bytes} from '../etcd/bytes.ts';
import {includesKey, isSingleKey, keyId, overlap} from '../etcd/key-range.ts';
import type {KeyRange, TxnRequest} from '../etcd/messages.ts';

/** A single key. */
interface Point {
  id: string;
  key: Bytes;
  isWrite: boolean;
}

interface Range extends KeyRange<Bytes> {
  isWrite: boolean;
}

/** The keys that a call may read or write, whichever branch it takes. */
export interface Footprint {
  points: readonly Point[];
  ranges: readonly Range[];
}

export function footprintOf(request: TxnRequest<Bytes>): Footprint {
  const points: Point[] = [];
  const ranges: Range[] = [];

  function add({key, rangeEnd}: KeyRange<Bytes>, isWrite: boolean): void {
    if (isSingleKey({key, rangeEnd})) points.push({id: keyId(key), key, isWrite});
    else ranges.push({key, rangeEnd, isWrite});
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
  return {points, ranges};
}

/** The same keys, as if they were only read. */
export function asReads({points, ranges}: Footprint): Footprint {
  return {
    points: points.map((point) => ({...point, isWrite: false})),
    ranges: ranges.map((range) => ({...range, isWrite: false})),
  };
}

/** The keys of several calls. */
export interface Touched {
  /** Whether the order matters: one writes what the other reads or writes. */
  conflictsWith(footprint: Footprint): boolean;
  add(footprint: Footprint): void;
}

export function touchedKeys(): Touched {
  const points = new Map<string, Point>();
  const ranges: Range[] = [];

  function pointConflicts(point: Point): boolean {
    const other = points.get(point.id);
    if (other !== undefined && (other.isWrite || point.isWrite)) return true;
    return ranges.some((range) => (range.isWrite || point.isWrite) && includesKey(range, point.key));
  }

  function rangeConflicts(range: Range): boolean {
    for (const {key, isWrite} of points.values()) {
      if ((isWrite || range.isWrite) && includesKey(range, key)) return true;
    }
    return ranges.some((other) => (other.isWrite || range.isWrite) && overlap(other, range));
  }

  return {
    conflictsWith: (footprint) =>
      footprint.points.some(pointConflicts) || footprint.ranges.some(rangeConflicts),
    add(footprint) {
      for (const point of footprint.points) {
        if (point.isWrite || !points.has(point.id)) points.set(point.id, point);
      }
      ranges.push(...footprint.ranges);
    },
  };
}
