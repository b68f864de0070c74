import type {Bytes, KeyValue} from 'kvi-core/driver';
import {toBytes} from '../byte-string.ts';

/**
 * A key-value as of one revision. A deletion leaves a tombstone: version and create revision 0, no value.
 */
export type Version = Readonly<KeyValue>;

export function isTombstone(version: Version): boolean {
  return version.version === 0;
}

/** The key-value for a response or an event. */
export function toKeyValue({
  key,
  value,
  createRevision,
  modRevision,
  version,
  lease,
}: Version): KeyValue<Bytes> {
  return {key: toBytes(key), value: toBytes(value), createRevision, modRevision, version, lease};
}

/** The key-value without its value. */
export function toKeyOnly(version: Version): KeyValue<Bytes> {
  return toKeyValue({...version, value: ''});
}

/** How many of these versions, sorted by revision, are not newer than `revision`. */
export function countUntil(versions: readonly Version[], revision: number): number {
  let low = 0;
  let high = versions.length;
  // Most queries are about the present.
  // Stryker disable next-line ArithmeticOperator: where the search starts only decides how long it takes
  let middle = high - 1;
  while (low < high) {
    const version = versions[middle];
    if (version && version.modRevision <= revision) low = middle + 1;
    else high = middle;
    middle = (low + high) >> 1;
  }
  return low;
}
