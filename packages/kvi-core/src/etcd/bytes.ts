import {Buffer} from 'node:buffer';
import {TextDecoder} from 'node:util';
import {isUint8Array} from 'node:util/types';
import {invalidArgument} from './errors.ts';

/** A byte string, etcd's only type of key and of value. A Node `Buffer` is one. */
export type Bytes = Uint8Array;

/** What a caller may give as a key or a value: bytes as they are, or text, which is encoded as UTF-8. */
export type Input = string | Bytes;

/**
 * Encodes what a caller passed. The result never shares memory with a caller's bytes, so that changing them later changes
 * nothing that was stored.
 *
 * @param what - names the argument in an error: `key`, `value`
 * @throws `KVI_INVALID_ARGUMENT` when it is neither text nor bytes, or is text with an unpaired
 *   surrogate, which has no UTF-8 encoding and would silently become U+FFFD
 */
export function encode(input: Input, what: string): Bytes {
  if (typeof input === 'string') {
    if (!input.isWellFormed()) {
      throw invalidArgument(
        `${what} has an unpaired surrogate, which UTF-8 cannot encode; pass bytes to store arbitrary data`,
      );
    }
    return Buffer.from(input);
  }
  if (isBytes(input)) return Buffer.from(input);
  throw invalidArgument(
    `${what} must be a string or a Uint8Array, not ${input === null ? 'null' : typeof input}`,
  );
}

/** Whether this is a `Uint8Array` of any realm: jsdom and `node:vm` have their own. */
export function isBytes(value: unknown): value is Bytes {
  return isUint8Array(value);
}

/** Decodes UTF-8; `undefined` when the bytes are not UTF-8, which text cannot show without loss. */
export function decodeUtf8(bytes: Bytes): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** In Node, one call that decodes and checks takes half the time of two. A byte order mark is text like any other. */
const utf8 = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

/** Compares as etcd does, byte by byte: UTF-16 order, which JavaScript strings have, differs above U+D7FF. */
export function compareBytes(a: Bytes, b: Bytes): number {
  return Buffer.compare(a, b);
}

/** Shows bytes in a message: printable ASCII as it is, the rest as `\xNN`, cut after 64 bytes. */
export function show(bytes: Bytes): string {
  const text = Array.from(bytes.subarray(0, 64), (byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('');
  return bytes.length > 64 ? `"${text}"… (${String(bytes.length)} bytes)` : `"${text}"`;
}
