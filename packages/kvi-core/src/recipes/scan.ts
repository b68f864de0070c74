import type {CallOptions} from '../api/call-options.ts';
import type {Keys} from '../api/keys.ts';
import type {Kvi} from '../api/kvi.ts';
import {type Bytes, encode, type Input} from '../etcd/bytes.ts';
import {prefixEnd, prefixRange} from '../etcd/key-range.ts';
import type {KeyRange, KeyValue} from '../etcd/messages.ts';
import {checkRange} from '../etcd/validate.ts';
import {decodeKeyValue, type Decoder, encodeKeys} from '../kvi/codec.ts';
import {insideOf} from '../kvi/inside.ts';
import {optionNames} from '../kvi/option-names.ts';
import {type KeyReader, keyReader} from './key-reader.ts';

/** Options of {@link scan} and {@link scanLevel}. */
export interface ScanOptions extends CallOptions {
  /** Milliseconds until each of its reads gives up. Default: the handle's. */
  timeoutMs?: number | undefined;
  /** Read the store as it was at this revision. Default: as it is at the first read. */
  revision?: number | undefined;
  /** Leave out the values, which are empty then. Default false. */
  keysOnly?: boolean | undefined;
}

/** What {@link scanLevel} finds: a key, or all keys with a common part up to a `/`. */
export type LevelEntry<T extends Input = string> = {found: KeyValue<T>} | {folder: T};

/**
 * Goes through a range of any size, in ascending order and as of one revision. It reads as its consumer takes the keys, and
 * holds at most 512 at a time, fewer if their values are large; {@link Kvi.getRange} holds them all.
 *
 * ```ts
 * for await (const {key, value} of scan(kv, {prefix: 'app/'})) console.log(key, value);
 * ```
 *
 * @param keys - a key, `{prefix}` or `{start, end}`; `{prefix: ''}` for all
 * @returns the key-values. It ends with `KVI_COMPACTED` if the revision is compacted meanwhile: begin again; and as
 *   {@link Kvi.range}.
 * @throws `KVI_INVALID_ARGUMENT`, `KVI_ABORTED`, `KVI_CLOSED`, at once
 */
export function scan<T extends Input>(
  kv: Kvi<T>,
  keys: Keys,
  options?: ScanOptions,
): AsyncGenerator<KeyValue<T>, undefined> {
  const {reader, decoder} = begin(kv, () => encodeKeys(keys), options);
  return (async function* () {
    for await (const found of reader.until()) yield decodeKeyValue(found, decoder);
    return undefined;
  })();
}

/**
 * Goes through one level of the keys with a prefix, as of one revision: those that have a `/` behind the prefix are one folder. A
 * folder costs a few reads, however many keys it has.
 *
 * ```ts
 * for await (const entry of scanLevel(kv, 'app/')) console.log('folder' in entry ? entry.folder : entry.found.key);
 * ```
 *
 * @param prefix - an empty one for all keys
 * @returns keys and folders, in ascending order; ends as {@link scan} does
 * @throws `KVI_INVALID_ARGUMENT`, `KVI_ABORTED`, `KVI_CLOSED`, at once
 */
export function scanLevel<T extends Input>(
  kv: Kvi<T>,
  prefix: Input,
  options?: ScanOptions,
): AsyncGenerator<LevelEntry<T>, undefined> {
  let start = 0;
  const rangeOf = () => {
    const encoded = encode(prefix, 'prefix');
    start = encoded.length;
    return prefixRange(encoded);
  };
  const {reader, decoder} = begin(kv, rangeOf, options);
  return (async function* () {
    for await (const found of reader.until()) {
      const slash = found.key.indexOf(0x2f, start);
      if (slash === -1) {
        yield {found: decodeKeyValue(found, decoder)};
        continue;
      }
      const folder = found.key.subarray(0, slash + 1);
      reader.skipTo(prefixEnd(folder));
      yield {folder: decoder.key(folder)};
    }
    return undefined;
  })();
}

/** @throws `KVI_INVALID_ARGUMENT` */
function begin<T extends Input>(
  kv: Kvi<T>,
  rangeOf: () => KeyRange<Bytes>,
  options: ScanOptions | undefined,
): {reader: KeyReader; decoder: Decoder<T>} {
  const {handle, decoder} = insideOf(kv);
  const reader = handle.begin(options, scanOptionNames, (own = {}) => {
    const range = rangeOf();
    checkRange({...range, revision: own.revision, keysOnly: own.keysOnly}, handle.options);
    return keyReader(kv.bytes, range, {...own, pinned: true});
  });
  return {reader, decoder};
}

const scanOptionNames = [...optionNames.call, 'revision', 'keysOnly'];
