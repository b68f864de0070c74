/**
 * The lines of an export, each a JSON object:
 *
 * ```
 * {"type":"kvi-export","version":1,"revision":42,"keys":{"prefix":"app/"}}
 * {"key":"app/a","value":"text"}
 * {"keyBase64":"YXBwL/8=","valueBase64":"/w==","lease":"694d7a6f0b2c1e05"}
 * {"type":"end","keys":2,"skipped":0}
 * ```
 *
 * Keys and values are text where they are well-formed UTF-8, and base64 otherwise.
 */
import {checkNames, showValue} from '../etcd/bad-input.ts';
import {type Bytes, decodeUtf8, encode} from '../etcd/bytes.ts';
import {invalidArgument} from '../etcd/errors.ts';
import {type LeaseId, noLease} from '../etcd/lease-id.ts';
import {checkLease} from '../etcd/validate.ts';

/** What was exported: one key, all keys with a prefix, or those of a range. */
export type ExportedKeys = {prefix: Bytes} | {start: Bytes; end?: Bytes | undefined};

/** A key-value. */
export interface ExportedEntry {
  type: 'entry';
  key: Bytes;
  value: Bytes;
  /** The lease that the key was under. */
  lease?: LeaseId | undefined;
}

/** A line of an export. */
export type ExportedLine =
  /** The first line. */
  | {type: 'kvi-export'; revision: number; keys: ExportedKeys}
  | ExportedEntry
  /** What came before is void: the export begins again, at another revision. */
  | {type: 'restart'; revision: number}
  /** The last line: how many keys came before, since the restart if there was one, and how many were left out. */
  | {type: 'end'; keys: number; skipped: number};

const version = 1;

/** A line, without its end. */
export function formatLine(line: ExportedLine): string {
  // Both are white space in JSON's texts, but readline takes each for the end of a line.
  return JSON.stringify(fieldsOf(line)).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

function fieldsOf(line: ExportedLine): object {
  switch (line.type) {
    case 'kvi-export':
      return {type: line.type, version, revision: line.revision, keys: formatKeys(line.keys)};
    case 'entry':
      return {...format('key', line.key), ...format('value', line.value), lease: line.lease};
    default:
      return line;
  }
}

function formatKeys(keys: ExportedKeys): object {
  if ('prefix' in keys) return format('prefix', keys.prefix);
  return {...format('start', keys.start), ...(keys.end && format('end', keys.end))};
}

function format(name: string, bytes: Bytes): Record<string, string> {
  const text = decodeUtf8(bytes);
  return text === undefined ? {[`${name}Base64`]: Buffer.from(bytes).toString('base64')} : {[name]: text};
}

/** What a line may have, of any type. */
interface Fields extends Record<string, unknown> {
  type?: unknown;
  version?: unknown;
  keys?: unknown;
  lease?: unknown;
}

/** @throws `KVI_INVALID_ARGUMENT` */
export function parseLine(text: string): ExportedLine {
  const fields = parseObject(text);
  const {type} = fields;
  switch (type) {
    case undefined:
      checkNames('field', fields, ['key', 'keyBase64', 'value', 'valueBase64', 'lease']);
      return {
        type: 'entry',
        key: required(fields, 'key'),
        value: required(fields, 'value'),
        lease: parseLease(fields.lease),
      };
    case 'kvi-export':
      if (fields.version !== version) {
        throw invalidArgument(
          `the format has version ${showValue(fields.version)}, and this kvi reads version ${version}`,
        );
      }
      checkNames('field', fields, ['type', 'version', 'revision', 'keys']);
      return {type, revision: wholeNumber(fields, 'revision'), keys: parseKeys(fields.keys)};
    case 'restart':
      checkNames('field', fields, ['type', 'revision']);
      return {type, revision: wholeNumber(fields, 'revision')};
    case 'end':
      checkNames('field', fields, ['type', 'keys', 'skipped']);
      return {type, keys: wholeNumber(fields, 'keys'), skipped: wholeNumber(fields, 'skipped')};
    default:
      throw invalidArgument(`unknown type ${showValue(type)}; expected kvi-export, restart or end`);
  }
}

function parseObject(text: string): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw invalidArgument(`not JSON: ${showValue(text)}`);
  }
  if (!isObject(parsed)) throw invalidArgument(`not a JSON object: ${showValue(text)}`);
  return parsed;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseKeys(keys: unknown): ExportedKeys {
  if (!isObject(keys)) throw invalidArgument(`keys must be an object, not ${showValue(keys)}`);
  checkNames('field of keys', keys, ['prefix', 'prefixBase64', 'start', 'startBase64', 'end', 'endBase64']);
  const [prefix, start, end] = [optional(keys, 'prefix'), optional(keys, 'start'), optional(keys, 'end')];
  if (prefix !== undefined && start === undefined && end === undefined) return {prefix};
  if (prefix === undefined && start !== undefined) return {start, end};
  throw invalidArgument('keys must have a prefix, or a start and perhaps an end');
}

function parseLease(lease: unknown): LeaseId | undefined {
  if (lease === undefined) return undefined;
  if (typeof lease !== 'string') throw invalidArgument(`lease must be a string, not ${showValue(lease)}`);
  checkLease(lease);
  return lease === noLease ? undefined : lease;
}

function wholeNumber(fields: Fields, name: string): number {
  const value = fields[name];
  // Stryker disable next-line ConditionalExpression: only the types need to know that it is a number
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalidArgument(`${name} must be a whole number, 0 or more, not ${showValue(value)}`);
}

function required(fields: Fields, name: string): Bytes {
  const bytes = optional(fields, name);
  if (bytes === undefined) throw invalidArgument(`${name} or ${name}Base64 is missing`);
  return bytes;
}

function optional(fields: Fields, name: string): Bytes | undefined {
  const [text, base64] = [fields[name], fields[`${name}Base64`]];
  if (text !== undefined && base64 !== undefined)
    throw invalidArgument(`pass ${name} or ${name}Base64, not both`);
  if (text !== undefined) return encode(checkString(name, text), name);
  return base64 === undefined ? undefined : decodeBase64(`${name}Base64`, base64);
}

function decodeBase64(name: string, value: unknown): Bytes {
  const text = checkString(name, value);
  const bytes = Buffer.from(text, 'base64');
  // Node passes over what is no base64.
  if (bytes.toString('base64') !== text) throw invalidArgument(`${name} is not base64: ${showValue(text)}`);
  return bytes;
}

function checkString(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalidArgument(`${name} must be a string, not ${showValue(value)}`);
}
