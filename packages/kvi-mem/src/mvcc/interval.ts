import type {Bytes, KeyRange} from 'kvi-core/driver';
import {type ByteString, toByteString} from '../byte-string.ts';

/** The keys from `start`, included, to `end`, excluded. */
export interface Interval {
  readonly start: ByteString;
  /** Absent: the one key `start`. Empty: every key from `start` on. */
  readonly end: ByteString | undefined;
}

/** The interval of a request's `key` and `rangeEnd`. */
export function toInterval({key, rangeEnd}: KeyRange<Bytes>): Interval {
  const start = toByteString(key);
  if (rangeEnd === undefined || rangeEnd.length === 0) return {start, end: undefined};
  const end = toByteString(rangeEnd);
  return {start, end: end === '\0' ? '' : end};
}

/** Whether the interval includes this key. */
export function includes({start, end}: Interval, key: ByteString): boolean {
  if (end === undefined) return key === start;
  return key >= start && (end === '' || key < end);
}

/** Whether the interval is empty. */
function isEmpty({start, end}: Interval): boolean {
  // Stryker disable next-line ConditionalExpression: undefined is not less than or equal to any key
  return end !== undefined && end !== '' && end <= start;
}

/** Whether the intervals overlap. */
export function overlap(a: Interval, b: Interval): boolean {
  if (isEmpty(a) || isEmpty(b)) return false;
  if (a.end === undefined) return includes(b, a.start);
  if (b.end === undefined) return includes(a, b.start);
  return (a.end === '' || b.start < a.end) && (b.end === '' || a.start < b.end);
}
