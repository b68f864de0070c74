import {invalidArgument, KviError} from './errors.ts';

/** A byte string, etcd's only type of key and of value. A Node `Buffer` is one. */
export type Bytes = Uint8Array;

/** What a caller may give as a key or a value: bytes as they are, or text, which is encoded as UTF-8. */
export type Input = string | Bytes;

const decoder = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

/**
 * Encodes what a caller gave. The result never shares memory with a caller's bytes, so that changing them later
 * changes nothing that was stored.
 *
 * @param what names the argument in an error: `key`, `value`
 * @throws {@link KviError} `KVI_INVALID_ARGUMENT` when it is neither text nor bytes, or is text with an unpaired
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
  if (input instanceof Uint8Array) return Buffer.from(input);
  throw invalidArgument(
    `${what} must be a string or a Uint8Array, not ${input === null ? 'null' : typeof input}`,
  );
}

/**
 * Decodes UTF-8.
 *
 * @param what names the bytes in an error
 * @throws {@link KviError} `KVI_NOT_TEXT` when the bytes are not UTF-8: text cannot show them without loss
 */
export function decode(bytes: Bytes, what: () => string): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new KviError('KVI_NOT_TEXT', `${what()} is not UTF-8 text; read it as bytes, through kv.bytes`, {
      cause,
    });
  }
}

/** Compares as etcd does, byte by byte: UTF-16 order, which JavaScript strings have, differs above U+D7FF. */
export function compareBytes(a: Bytes, b: Bytes): number {
  return Buffer.compare(a, b);
}

/** The range end that means "to the last key". */
export const endOfKeyspace: Bytes = Uint8Array.of(0);

/**
 * The end of the range of all keys that start with `prefix`: the prefix with one added to its last byte that is not
 * 0xFF, and what follows cut off. An empty prefix, or one of 0xFF only, runs {@link endOfKeyspace}.
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

/** The first key after `key`: no key lies between them. */
export function nextKey(key: Bytes): Bytes {
  return Buffer.concat([key, endOfKeyspace]);
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
