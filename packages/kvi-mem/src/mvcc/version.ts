import type {Bytes, KeyValue} from 'kvi-core/driver';
import {toBytes} from '../byte-string.ts';

/**
 * A key-value as of one revision. A deletion leaves a tombstone: version and create revision 0, no value.
 */
export interface Version extends Readonly<KeyValue> {
  /** What {@link toKeyValue} made of it. Null: there is a newer version, and the history shall be small. */
  inBytes: KeyValue<Bytes> | undefined | null;
}

/** Values with more bytes than this are copied whenever they are read: to hold them twice would cost more than it saves. */
const maxHeldBytes = 1024;

export function isTombstone(version: Version): boolean {
  return version.version === 0;
}

/** The key-value for a response or an event. All of them share it, so it must not be changed. */
export function toKeyValue(held: Version): KeyValue<Bytes> {
  // Stryker disable next-line ConditionalExpression: this only saves time
  if (held.inBytes) return held.inBytes;
  const {key, value, createRevision, modRevision, version, lease} = held;
  const kv = {key: toBytes(key), value: toBytes(value), createRevision, modRevision, version, lease};
  // Stryker disable next-line all: this only saves time, or memory
  if (held.inBytes !== null && value.length <= maxHeldBytes) held.inBytes = kv;
  return kv;
}

/** The key-value without its value. */
export function toKeyOnly({key, createRevision, modRevision, version, lease}: Version): KeyValue<Bytes> {
  return {key: toBytes(key), value: Buffer.alloc(0), createRevision, modRevision, version, lease};
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
