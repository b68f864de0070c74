import {type Bytes, decodeUtf8, encode, isBytes} from '../etcd/bytes.ts';
import {messageOf, reading, showValue} from '../etcd/bad-input.ts';
import {invalidArgument, KviError} from '../etcd/errors.ts';
import {sortedJson} from './sorted-json.ts';
import {type StandardSchema, validate} from './standard-schema.ts';

/**
 * Turns values into bytes and back. Both functions may be asynchronous, and may throw: what they throw becomes the `cause`
 * of a `KVI_INVALID_VALUE`. They may be called for several values at once.
 *
 * @typeParam Out - what is read
 * @typeParam In - what is written
 */
export interface Codec<Out, In = Out> {
  // Properties, because TypeScript lets a method have a parameter of a narrower type than was declared.
  /** @param key - where the value is going to be stored */
  readonly encode: (value: In, key: string) => Bytes | Promise<Bytes>;
  /** @param key - where the value is stored */
  readonly decode: (bytes: Bytes, key: string) => Out | Promise<Out>;
}

/** Text, stored as UTF-8. Refuses bytes that are not UTF-8, and text with unpaired surrogates. */
export const utf8: Codec<string> = {
  encode(value) {
    if (typeof value !== 'string') throw new TypeError(`expected a string, not ${showValue(value)}`);
    return encode(value, 'text');
  },
  decode(stored) {
    const text = decodeUtf8(stored);
    if (text === undefined) throw new TypeError('not UTF-8 text');
    return text;
  },
};

/** Bytes as they are. */
export const bytes: Codec<Bytes> = {
  encode(value) {
    if (!isBytes(value)) throw new TypeError(`expected a Uint8Array, not ${showValue(value)}`);
    return value;
  },
  decode: (stored) => stored,
};

/**
 * JSON. The keys of objects are sorted, so that equal values are stored as equal bytes, which is what `tas` compares.
 * Values that JSON would silently drop or change are refused: NaN, functions, invalid dates, and objects of built-in classes
 * such as Map, Error or Promise. Those with a `toJSON`, like Date, are written as that says.
 *
 * With a schema, values are validated. What is read is what the schema makes of the stored JSON. What is written has to
 * be valid as it will be read: the JSON of the schema's input is validated, and stored unchanged, so that each read
 * transforms it anew. A `Date`, for example, is stored as text, and the schema has to accept text.
 *
 * @param schema - of any library that implements Standard Schema. Default: nothing is validated, and `Out` is what the
 *   caller says it is
 * @throws `KVI_INVALID_ARGUMENT` for what is no schema
 */
export function json<Out, In = Out>(schema?: StandardSchema<In, Out>): Codec<Out, In> {
  reading(() => {
    if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function') {
      throw invalidArgument(`schema must implement Standard Schema: ${showValue(schema)} does not`);
    }
  });
  return {
    async encode(value) {
      const text = sortedJson(value);
      if (schema !== undefined) await validate(schema, JSON.parse(text));
      return encode(text, 'JSON');
    },
    async decode(stored, key) {
      const value: unknown = JSON.parse(await utf8.decode(stored, key));
      // Without a schema, the type is the caller's claim.
      return schema === undefined ? (value as Out) : validate(schema, value);
    },
  };
}

/**
 * Calls a codec for a value that is about to be written.
 *
 * @throws `KVI_INVALID_VALUE`
 */
export async function encodeValue<In>(codec: Codec<unknown, In>, value: In, key: string): Promise<Bytes> {
  try {
    return encode(await codec.encode(value, key), 'what a codec returns');
  } catch (cause) {
    throw invalidValue(`the value for ${JSON.stringify(key)} cannot be encoded`, cause);
  }
}

/**
 * Calls a codec for a value that was read.
 *
 * @throws `KVI_INVALID_VALUE`
 */
export async function decodeValue<Out>(codec: Codec<Out, never>, stored: Bytes, key: string): Promise<Out> {
  try {
    return await codec.decode(stored, key);
  } catch (cause) {
    throw invalidValue(`the value of ${JSON.stringify(key)} cannot be decoded`, cause);
  }
}

function invalidValue(what: string, cause: unknown): KviError {
  return new KviError('KVI_INVALID_VALUE', `${what}: ${messageOf(cause)}`, {cause});
}
