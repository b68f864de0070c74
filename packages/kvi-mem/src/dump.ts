import {isUtf8} from 'node:buffer';
import {noLease} from 'kvi-core/driver';
import {type ByteString, toBytes, toByteString} from './byte-string.ts';
import type {Lessor} from './lessor.ts';
import type {Version} from './mvcc/version.ts';
import type {StoreState} from './store-state.ts';

/** What {@link MemStore.dump} shows. */
export interface DumpOptions {
  /** Only keys that begin with this. Default: all. */
  prefix?: string | undefined;
  /** Show of each key, beside its value, its lease and its revisions. Default: false. */
  details?: boolean | undefined;
}

/** A key, as a dump with `details` shows it. */
export interface DumpedKey {
  value: string;
  createRevision: number;
  modRevision: number;
  version: number;
  /** Only where the key has one: `<lease N>` for the Nth lease that was granted. */
  lease?: string;
}

/** The existing keys, in byte order. */
export function dump({kv, lessor}: StoreState, {prefix = '', details = false}: DumpOptions) {
  const start = toByteString(Buffer.from(prefix));
  const entries: [string, string | DumpedKey][] = [];
  for (const version of kv.find({start, end: ''})) {
    if (!version.key.startsWith(start)) break;
    const value = toReadable(version.value);
    entries.push([nameOf(version, lessor), details ? toDumped(version, value, lessor) : value]);
  }
  // Not by assignment, to which the key "__proto__" is special.
  return Object.fromEntries(entries);
}

function toDumped(version: Version, value: string, lessor: Lessor): DumpedKey {
  const {createRevision, modRevision, lease} = version;
  const dumped = {value, createRevision, modRevision, version: version.version};
  return lease === noLease ? dumped : {...dumped, lease: leaseName(lease, lessor)};
}

/** A lock's key ends with its lease's id, which is random, so as it is the key would differ in each run. */
function nameOf({key, lease}: Version, lessor: Lessor): string {
  const suffix = `/${lease}`;
  return lease !== noLease && key.endsWith(suffix)
    ? `${toReadable(key.slice(0, -suffix.length))}/${leaseName(lease, lessor)}`
    : toReadable(key);
}

function leaseName(lease: string, lessor: Lessor): string {
  return `<lease ${String(lessor.numberOf(lease))}>`;
}

/** A control character other than tab and line breaks, or what could be taken for an escaped byte. */
const hard = /[^\P{Cc}\t\n\r]|\\x[0-9a-f]{2}/u;

/**
 * Text as it is. What is not text that can be read is written byte by byte: `\xNN`, printable ASCII as itself, and a
 * backslash doubled. No two byte strings are shown alike.
 */
function toReadable(byteString: ByteString): string {
  const bytes = toBytes(byteString);
  const text = isUtf8(bytes) ? bytes.toString() : undefined;
  if (text !== undefined && !hard.test(text)) return text;
  return byteString.replace(/[^\x20-\x7e]|\\/g, (byte) =>
    byte === '\\' ? '\\\\' : `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
