/** Which keys a request's `key` and `rangeEnd` name. */
import {type Bytes, compareBytes, show} from './bytes.ts';
import type {KeyRange} from './messages.ts';

/** The range end that means "to the last key". */
export const endOfKeyspace: Bytes = Uint8Array.of(0);

/** Every key. */
export const everyKey: KeyRange<Bytes> = {key: endOfKeyspace, rangeEnd: endOfKeyspace};

/**
 * The end of the range of all keys that start with `prefix`: the prefix with one added to its last byte that is not
 * 0xFF, and what follows cut off. An empty prefix, or one of 0xFF only, runs to the {@link endOfKeyspace}.
 *
 * Adding to the last *character* of a text instead would skip keys: the key after every `"aé…"` is `61 c3 aa`.
 */
export function prefixEnd(prefix: Bytes): Bytes {
  const last = prefix.findLastIndex((byte) => byte < 0xff);
  if (last === -1) return endOfKeyspace;
  const end = Buffer.from(prefix.subarray(0, last + 1));
  end.writeUInt8(end.readUInt8(last) + 1, last);
  return end;
}

/** All keys with a prefix. An empty one is every key's. */
export function prefixRange(prefix: Bytes): KeyRange<Bytes> {
  return prefix.length === 0 ? everyKey : {key: prefix, rangeEnd: prefixEnd(prefix)};
}

/** The first key after `key`: no key lies between them. */
export function nextKey(key: Bytes): Bytes {
  return Buffer.concat([key, Uint8Array.of(0)]);
}

/** The key that begins with a prefix and goes on with `key`. */
export function joinKey(prefix: Bytes, key: Bytes): Bytes {
  return prefix.length === 0 ? key : Buffer.concat([prefix, key]);
}

/** A key as text with one character for each byte: for a `Map`, where two equal byte arrays are two keys. */
export function keyId(key: Bytes): string {
  const buffer = Buffer.isBuffer(key) ? key : Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  return buffer.toString('latin1');
}

/** For a `Map`: equal ranges have equal ids. */
export function rangeId({key, rangeEnd}: KeyRange<Bytes>): string {
  return `${key.length} ${keyId(key)} ${rangeEnd === undefined ? '' : keyId(rangeEnd)}`;
}

/** Whether the range is one key, which may not exist. */
export function isSingleKey({rangeEnd}: KeyRange<Bytes>): boolean {
  return rangeEnd === undefined || rangeEnd.length === 0;
}

/** Whether no key can lie in the range. */
export function isEmptyRange(range: KeyRange<Bytes>): boolean {
  const {key, rangeEnd} = range;
  if (isSingleKey(range) || rangeEnd === undefined || isEndless(rangeEnd)) return false;
  return compareBytes(key, rangeEnd) >= 0;
}

/** Whether a key lies in the range. */
export function includesKey(range: KeyRange<Bytes>, key: Bytes): boolean {
  const {key: start, rangeEnd} = range;
  if (isSingleKey(range) || rangeEnd === undefined) return compareBytes(start, key) === 0;
  return compareBytes(start, key) <= 0 && (isEndless(rangeEnd) || compareBytes(key, rangeEnd) < 0);
}

/** Whether a key can lie in both ranges, of which neither is a single key. */
export function overlap(a: KeyRange<Bytes>, b: KeyRange<Bytes>): boolean {
  return startsBeforeEnd(a, b) && startsBeforeEnd(b, a);
}

function startsBeforeEnd({key}: KeyRange<Bytes>, {rangeEnd}: KeyRange<Bytes>): boolean {
  return rangeEnd === undefined || isEndless(rangeEnd) || compareBytes(key, rangeEnd) < 0;
}

/** A key or a range, for a message. */
export function describeRange(range: KeyRange<Bytes>): string {
  const {key, rangeEnd} = range;
  if (isSingleKey(range) || rangeEnd === undefined) return show(key);
  return isEndless(rangeEnd) ? `[${show(key)}, the last key]` : `[${show(key)}, ${show(rangeEnd)})`;
}

/** Whether a range with this end runs to the last key. */
export function isEndless(rangeEnd: Bytes): boolean {
  return rangeEnd.length === 1 && rangeEnd[0] === 0;
}
