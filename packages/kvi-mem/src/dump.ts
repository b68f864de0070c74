import {isUtf8} from 'node:buffer';
import {noLease} from 'kvi-core/driver';
import {type ByteString, toBytes, toByteString} from './byte-string.ts';
import type {Lessor} from './lessor.ts';
import type {Version} from './mvcc/version.ts';
import type {StoreState} from './store-state.ts';

/** Options of {@link MemStore.dump}. */
export interface DumpOptions {
  /** Only keys with this prefix. Default: all. */
  prefix?: string | undefined;
  /** Include the lease and the revisions of each key. Default: false. */
  details?: boolean | undefined;
}

/** A key, as a dump with `details` shows it. */
export interface DumpedKey {
  value: string;
  createRevision: number;
  modRevision: number;
  version: number;
  /** `<lease N>`, for the Nth lease that was granted. Absent if the key has no lease. */
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
  // Not by assignment, which treats the key "__proto__" specially.
  return Object.fromEntries(entries);
}

function toDumped(version: Version, value: string, lessor: Lessor): DumpedKey {
  const {createRevision, modRevision, lease} = version;
  const dumped = {value, createRevision, modRevision, version: version.version};
  return lease === noLease ? dumped : {...dumped, lease: leaseName(lease, lessor)};
}

/** A lock's key ends with the id of its lease, which is random: the key would differ in each run. */
function nameOf({key, lease}: Version, lessor: Lessor): string {
  const suffix = `/${lease}`;
  return lease !== noLease && key.endsWith(suffix)
    ? `${toReadable(key.slice(0, -suffix.length))}/${leaseName(lease, lessor)}`
    : toReadable(key);
}

function leaseName(lease: string, lessor: Lessor): string {
  return `<lease ${String(lessor.numberOf(lease))}>`;
}

/** A control character other than tab and line breaks, or text that looks like an escaped byte. */
const hard = /[^\P{Cc}\t\n\r]|\\x[0-9a-f]{2}/u;

/**
 * Readable text is shown as it is. Anything else is escaped byte by byte: `\xNN`, except printable ASCII, with
 * backslashes doubled. No two byte strings are shown alike.
 */
function toReadable(byteString: ByteString): string {
  const bytes = toBytes(byteString);
  const text = isUtf8(bytes) ? bytes.toString() : undefined;
  if (text !== undefined && !hard.test(text)) return text;
  return byteString.replace(/[^\x20-\x7e]|\\/g, (byte) =>
    byte === '\\' ? '\\\\' : `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
