/**
 * Messages in JSON: names in snake_case, 64-bit numbers as text, bytes in base64, enums by name, and no fields that are zero, empty
 * or false. It goes from JSON to the bytes of a message and back by the {@link Described description} of the message, so that
 * there is no code for any one of them.
 *
 * @see https://protobuf.dev/programming-guides/json/
 */
import {isUtf8} from 'node:buffer';
import type {Described, NamedShape, Shape} from './shape.ts';
import {Reader, Writer} from './wire-format.ts';

/** How bytes are shown. */
export interface JsonOptions {
  /** As text, which has to be UTF-8. Default: in base64. */
  utf8?: boolean | undefined;
  /** Whether fields that a message does not have, and names that an enum does not have, are left out, not refused. */
  ignoresUnknown?: boolean | undefined;
}

/** JSON that is no message, or a message that cannot be shown. */
export class JsonMismatch extends Error {
  override readonly name = 'JsonMismatch';
}

/**
 * Encodes a message that is given in JSON.
 *
 * @param json - as `JSON.parse` has it; a number that it would round may be a bigint
 * @throws JsonMismatch if it is none
 */
export function encodeJson(message: Described, json: unknown, options: JsonOptions = {}): Buffer {
  const writer = new Writer();
  writeMessage(writer, message, json, options);
  return writer.finish();
}

/**
 * Decodes a message to what `JSON.stringify` takes.
 *
 * @throws JsonMismatch for bytes that are no text, if text is asked for
 */
export function decodeJson(message: Described, bytes: Buffer, options: JsonOptions = {}): object {
  return readMessage(new Reader(bytes), bytes.length, message, options);
}

function writeMessage(to: Writer, message: Described, json: unknown, options: JsonOptions): void {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new JsonMismatch(`expected an object, not ${shown(json)}`);
  }
  const {byName} = message.shape();
  for (const [name, value] of Object.entries(json) as [string, unknown][]) {
    const field = byName.get(name);
    if (field !== undefined) {
      // Null is as good as nothing.
      if (value !== null) writeField(to, field, value, options);
    } else if (options.ignoresUnknown !== true) {
      throw new JsonMismatch(`unknown field ${JSON.stringify(name)}`);
    }
  }
}

function writeField(to: Writer, field: NamedShape, value: unknown, options: JsonOptions): void {
  const {isRepeated = false, tag} = field;
  if (isRepeated && !Array.isArray(value)) throw invalid(field, value);
  for (const item of isRepeated ? (value as unknown[]) : [value]) {
    if (options.ignoresUnknown === true && isUnknownName(field, item)) continue;
    to.number(tag);
    writeValue(to, field, item, options);
  }
}

function writeValue(to: Writer, field: NamedShape, value: unknown, options: JsonOptions): void {
  const {kind} = field;
  switch (kind.type) {
    case 'message': {
      const start = to.begin();
      writeMessage(to, kind.of, value, options);
      to.end(start);
      return;
    }
    case 'enum': {
      const number = typeof value === 'number' ? value : kind.values.indexOf(String(value));
      if (!(Number.isSafeInteger(number) && number >= 0)) throw invalid(field, value);
      to.number(number);
      return;
    }
    case 'bool':
      if (typeof value !== 'boolean') throw invalid(field, value);
      to.number(value ? 1 : 0);
      return;
    case 'text':
      to.bytes(utf8Of(field, value));
      return;
    case 'bytes':
      to.bytes(options.utf8 === true ? utf8Of(field, value) : base64Of(field, value));
      return;
    case 'int64':
    case 'uint64':
    case 'uint32':
      to.hex(BigInt.asUintN(64, integerOf(field, value)).toString(16));
  }
}

function isUnknownName({kind}: NamedShape, value: unknown): boolean {
  return kind.type === 'enum' && typeof value === 'string' && !kind.values.includes(value);
}

function utf8Of(field: NamedShape, value: unknown): Buffer {
  // An unpaired surrogate is no character.
  if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) throw invalid(field, value);
  return Buffer.from(value);
}

function base64Of(field: NamedShape, value: unknown): Buffer {
  if (typeof value !== 'string' || !/^([\w+/-]{4})*([\w+/-]{2}(==)?|[\w+/-]{3}=?)?$/.test(value)) {
    throw invalid(field, value);
  }
  return Buffer.from(value, 'base64');
}

const lowest = {int64: -(2n ** 63n), uint64: 0n, uint32: 0n};
const highest = {int64: 2n ** 63n - 1n, uint64: 2n ** 64n - 1n, uint32: 2n ** 32n - 1n};

function integerOf(field: NamedShape, value: unknown): bigint {
  const {type} = field.kind;
  const isInteger =
    typeof value === 'bigint' ||
    (typeof value === 'string' ? /^-?\d{1,20}$/.test(value) : Number.isSafeInteger(value));
  if (!isInteger || !(type === 'int64' || type === 'uint64' || type === 'uint32'))
    throw invalid(field, value);
  const integer = BigInt(value as string | number | bigint);
  if (integer < lowest[type] || integer > highest[type]) throw invalid(field, value);
  return integer;
}

function invalid({protocolName, kind}: NamedShape, value: unknown): JsonMismatch {
  return new JsonMismatch(`invalid value for ${kind.type} field ${protocolName}: ${shown(value)}`);
}

/** For a message. */
function shown(value: unknown): string {
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}

function readMessage(from: Reader, end: number, message: Described, options: JsonOptions): object {
  const {byTag} = message.shape();
  const result: Record<string, unknown> = {};
  while (from.position < end) {
    const tag = from.number();
    const field = byTag.get(tag);
    if (field === undefined) {
      from.skip(tag & 7);
      continue;
    }
    const {protocolName, isRepeated = false} = field;
    const value = readValue(from, field, options);
    if (isRepeated) {
      const earlier = result[protocolName];
      if (Array.isArray(earlier)) earlier.push(value);
      else result[protocolName] = [value];
    } else if (!isNothing(field, value)) result[protocolName] = value;
  }
  return result;
}

/** Whether a field is as good as absent. */
function isNothing({kind}: Shape, value: unknown): boolean {
  if (kind.type === 'enum') return value === kind.values[0];
  return value === '' || value === '0' || value === 0 || value === false;
}

function readValue(from: Reader, field: NamedShape, options: JsonOptions): unknown {
  const {kind} = field;
  switch (kind.type) {
    case 'message':
      return readMessage(from, from.end(), kind.of, options);
    case 'enum': {
      const number = from.number();
      return kind.values[number] ?? number;
    }
    case 'bool':
      return from.number() !== 0;
    case 'uint32':
      return from.number();
    case 'uint64':
      return BigInt(`0x${from.hex()}`).toString();
    case 'int64':
      return BigInt.asIntN(64, BigInt(`0x${from.hex()}`)).toString();
    case 'text':
      return from.bytes().toString();
    case 'bytes':
      return showBytes(from.bytes(), field, options);
  }
}

function showBytes(bytes: Buffer, {protocolName}: NamedShape, {utf8 = false}: JsonOptions): string {
  if (!utf8) return bytes.toString('base64');
  if (!isUtf8(bytes)) throw new JsonMismatch(`${protocolName} is not UTF-8; leave out utf8=true`);
  return bytes.toString();
}
