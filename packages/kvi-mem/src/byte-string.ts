import {Buffer} from 'node:buffer';
import type {Bytes} from 'kvi-core/driver';

/**
 * Bytes as a string with one character, U+0000 to U+00FF, for each byte.
 *
 * The store keeps keys and values in this form because such strings compare in byte order with `<`, work as keys of a
 * `Map`, are
 * immutable, and take one byte per character. A `Buffer` would take some 200 more bytes, and would keep alive the whole
 * pool or network chunk that it is a slice of.
 */
export type ByteString = string;

/** The {@link ByteString} of these bytes. */
export function toByteString(bytes: Bytes): ByteString {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('latin1');
}

/** The bytes of a {@link ByteString}, in a new array. */
export function toBytes(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Compares in byte order. */
export function compareByteStrings(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
