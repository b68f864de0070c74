import type {WriteOptions} from '../api/call-options.ts';
import type {Kvi} from '../api/kvi.ts';
import {type CallTime, callTime} from '../async/call-time.ts';
import {checkBoolean, checkFunction, showValue} from '../etcd/bad-input.ts';
import {type Bytes, encode, type Input} from '../etcd/bytes.ts';
import {invalidArgument, isKviError, KviError} from '../etcd/errors.ts';
import {joinKey} from '../etcd/key-range.ts';
import type {KeyValue} from '../etcd/messages.ts';
import {encodeKeys} from '../kvi/codec.ts';
import {insideOf} from '../kvi/inside.ts';
import {optionNames} from '../kvi/option-names.ts';
import type {ExportedKeys} from './exported-line.ts';
import {type ExportReader, type Lines, naming, openExport} from './export-reader.ts';
import {type ImportCounts, type ImportedChange, type ImportWrites, importWrites} from './import-writes.ts';
import {type KeyReader, keyReader} from './key-reader.ts';

/** Options of {@link importKeys}. */
export interface ImportKeysOptions<T extends Input = string> extends WriteOptions {
  /** Milliseconds until each of its requests gives up. Default: the handle's. */
  timeoutMs?: number | undefined;
  /** Replaces the prefix that was exported. Default: the keys stay as they are. */
  prefix?: Input | undefined;
  /** Write nothing, and return what would be written. Default false. */
  dryRun?: boolean | undefined;
  /**
   * Delete the keys of the range, or below the prefix, that the export does not have. It does so when it has read the whole
   * export: one that was cut off deletes nothing. Default false.
   */
  deleteMissing?: boolean | undefined;
  /** Import keys that were exported under a lease, without a lease. Default false: they are skipped. */
  leased?: boolean | undefined;
  /** Overwrite and delete keys of the store that are under a lease, a lock's for example. Default false: they are skipped. */
  overwriteLeased?: boolean | undefined;
  /**
   * Called for each key that was created, changed, deleted or skipped, or would be with `dryRun`; the import waits for what it
   * returns. What it throws ends the import.
   */
  onChange?: ((change: ImportedChange<T>) => unknown) | undefined;
}

/** What {@link importKeys} did, or would do. */
export interface ImportResult extends ImportCounts {
  /** The revision that was exported, of the store that it was exported from. */
  revision: number;
}

// Stryker disable BooleanLiteral: only the names count
const importOptionNames = [
  ...optionNames.write,
  ...Object.keys({
    prefix: true,
    dryRun: true,
    deleteMissing: true,
    leased: true,
    overwriteLeased: true,
    onChange: true,
  } satisfies Record<Exclude<keyof ImportKeysOptions, keyof WriteOptions>, true>),
];
// Stryker restore BooleanLiteral

/**
 * Makes the keys of a store what an export says. It reads the lines and the store side by side and writes only what differs, so
 * an import that was interrupted is resumed by running it again, and a second run writes nothing. It is no transaction: others
 * see it half done, and what they write meanwhile to a key that it has passed stays.
 *
 * Keys are written in transactions as large as etcd takes, each on the condition that its keys are as they were read; otherwise
 * it reads them again. The memory that it needs does not grow with the export; with `deleteMissing` it does with the keys that
 * are to be deleted.
 *
 * ```ts
 * await importKeys(kv, createInterface({input: createReadStream('app.ndjson')}), {prefix: 'copy/'});
 * ```
 *
 * @param lines - what {@link exportKeys} returned, or the lines of a file: Node's `readline` reads them
 * @throws `KVI_INVALID_ARGUMENT` for a line that is malformed, too large, out of order, or missing: nothing is written after
 *   it, and the message names the line. `KVI_CONFLICT` if others kept changing keys that it was to write;
 *   `KVI_UNKNOWN_OUTCOME` if a transaction got no answer; what `lines` or `onChange` throws; and as {@link Kvi.txn}. What was
 *   written before stays, and the message says how many keys that were: run it again.
 */
export async function importKeys<T extends Input>(
  kv: Kvi<T>,
  lines: Lines,
  options?: ImportKeysOptions<T>,
): Promise<ImportResult> {
  const {handle, decoder} = insideOf(kv);
  const {prefix, deleteMissing, signal, ...own} = handle.begin(options, importOptionNames, (given = {}) => {
    checkLines(lines);
    const {
      prefix,
      dryRun = false,
      deleteMissing = false,
      leased = false,
      overwriteLeased = false,
      onChange,
      ...others
    } = given;
    const flags = {dryRun, deleteMissing, leased, overwriteLeased};
    for (const [name, value] of Object.entries(flags)) checkBoolean(name, value);
    if (onChange !== undefined) checkFunction('onChange', onChange);
    const encoded = prefix === undefined ? undefined : encode(prefix, 'prefix');
    if (deleteMissing && encoded?.length === 0) {
      throw invalidArgument('an empty prefix with deleteMissing would delete all other keys of the store');
    }
    return {prefix: encoded, signal: others.signal, writeOptions: others, onChange, ...flags};
  });
  const {timeoutMs, retryPolicy} = own.writeOptions;
  const time = callTime(handle.driver.clock, {signal, closing: handle.closing});
  const writes = importWrites({store: kv.bytes, handle, decoder, time, ...own});
  const readTarget = (range: ExportedKeys) =>
    keyReader(kv.bytes, encodeKeys(range), {timeoutMs, retryPolicy, signal});
  try {
    const revision = await apply({lines, time, writes, readTarget, prefix, deleteMissing});
    return {revision, ...writes.counts};
  } catch (error) {
    throw isKviError(error) ? withProgress(error, writes.counts, own.dryRun) : error;
  }
}

/** @throws `KVI_INVALID_ARGUMENT` */
function checkLines(lines: Lines): void {
  const isIterable =
    typeof lines === 'object' &&
    lines !== null &&
    (Symbol.asyncIterator in lines || Symbol.iterator in lines);
  if (!isIterable) {
    throw invalidArgument(`lines must be an iterable of lines, as readline has, not ${showValue(lines)}`);
  }
}

interface Import {
  lines: Lines;
  time: CallTime;
  writes: ImportWrites;
  readTarget: (keys: ExportedKeys) => KeyReader;
  prefix: Bytes | undefined;
  deleteMissing: boolean;
}

/** @returns the revision that was exported */
async function apply(own: Import): Promise<number> {
  const reader = await openExport(own.lines, own.time);
  try {
    return await applyLines(reader, own);
  } finally {
    await reader.close();
  }
}

async function applyLines(
  {header, rest}: ExportReader,
  {writes, readTarget, prefix, deleteMissing}: Import,
): Promise<number> {
  const {keys, rebase} = naming('line 1', () => rebased(header.keys, prefix));
  let {revision} = header;
  let target = readTarget(keys);
  /** Without their values. */
  let missing: KeyValue<Bytes>[] = [];

  async function noteMissing(before?: Bytes): Promise<void> {
    if (!deleteMissing) return;
    for await (const found of target.until(before)) missing.push({...found, value: Buffer.alloc(0)});
  }

  for await (const {line, number} of rest) {
    if (line.type === 'restart') {
      writes.restart();
      ({revision} = line);
      target = readTarget(keys);
      missing = [];
    } else if (line.type === 'entry') {
      const key = rebase(line.key);
      await noteMissing(key);
      const wanted = {value: line.value, isLeased: line.lease !== undefined, line: number};
      await writes.add({key, wanted, present: await target.at(key)});
    }
  }
  await noteMissing();
  // Only now is it known that no line was missing.
  for (const present of missing) await writes.add({key: present.key, wanted: undefined, present});
  await writes.flush();
  return revision;
}

type Rebase = (key: Bytes) => Bytes;

/** Where the keys go. @throws `KVI_INVALID_ARGUMENT` */
function rebased(keys: ExportedKeys, prefix: Bytes | undefined): {keys: ExportedKeys; rebase: Rebase} {
  if (prefix === undefined) return {keys, rebase: (key) => key};
  if (!('prefix' in keys)) {
    throw invalidArgument('prefix replaces the prefix of an export, and this one is not of a prefix');
  }
  const {length} = keys.prefix;
  return {keys: {prefix}, rebase: (key) => joinKey(prefix, key.subarray(length))};
}

function withProgress(error: KviError, {created, changed, deleted}: ImportCounts, dryRun: boolean): KviError {
  const written = dryRun ? 0 : created + changed + deleted;
  return new KviError(error.code, `${error.message} (keys written before: ${written})`, error);
}
