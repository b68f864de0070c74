import {type Bytes, compareBytes, show, endOfKeyspace} from './bytes.ts';
import type {KeyRange, TxnRequest} from './messages.ts';

/** A key or a range, for a message. */
export function describeRange({key, rangeEnd}: KeyRange<Bytes>): string {
  if (rangeEnd === undefined || rangeEnd.length === 0) return show(key);
  if (compareBytes(rangeEnd, endOfKeyspace) === 0) return `[${show(key)}, the last key]`;
  return `[${show(key)}, ${show(rangeEnd)})`;
}

/** The first of the keys that a transaction is about, for a message. */
export function describeTxn(request: TxnRequest<Bytes>): string {
  const ranges = keyRanges(request);
  const shown = ranges.slice(0, 3).map(describeRange).join(', ');
  return ranges.length > 3 ? `${shown} and ${ranges.length - 3} more` : shown || 'nothing';
}

/** What a transaction is about: the keys that it compares, reads and writes, in both of its branches. */
export function keyRanges({compare = [], success = [], failure = []}: TxnRequest<Bytes>): KeyRange<Bytes>[] {
  const operations = [...success, ...failure].flatMap((op) => (op.type === 'txn' ? keyRanges(op) : [op]));
  return [...compare, ...operations];
}
