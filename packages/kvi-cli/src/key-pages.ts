import {type Bytes, compareBytes, type KeyRange, type KeyValue, type Kvi, nextKey, prefixEnd} from 'kvi';

/** How keys are read. */
export interface KeyPagesOptions {
  /** Whether to read the values too. */
  withValues: boolean;
  /** Read the store as it was at this revision. Default: now, one revision for all pages. */
  revision?: number | undefined;
  signal: AbortSignal;
}

/** A key, or all keys with a common part up to a `/`. */
export type LevelEntry = {folder: Bytes} | {found: KeyValue<Bytes>};

/** Goes through a range of keys as of one revision, in their order, a page at a time. */
export function allKeys(
  kv: Kvi<Bytes>,
  keys: KeyRange<Bytes>,
  options: KeyPagesOptions,
): AsyncGenerator<KeyValue<Bytes>, undefined> {
  return readFrom(kv, keys, options, () => undefined);
}

/**
 * Goes through one level of the keys with a prefix: what has a `/` after the prefix is a folder. A folder costs one read, however
 * many keys are in it.
 */
export async function* levelOf(
  kv: Kvi<Bytes>,
  prefix: Bytes,
  options: KeyPagesOptions,
): AsyncGenerator<LevelEntry, void> {
  let folder: Bytes | undefined;
  const skip = ({key}: KeyValue<Bytes>): Bytes | undefined => {
    const slash = key.indexOf(0x2f, prefix.length);
    folder = slash === -1 ? undefined : key.subarray(0, slash + 1);
    return folder && prefixEnd(folder);
  };
  for await (const found of readFrom(kv, prefixRange(prefix), options, skip)) {
    yield folder === undefined ? {found} : {folder};
  }
}

/** The keys with a prefix; an empty one: all keys. */
export function prefixRange(prefix: Bytes): {key: Bytes; rangeEnd: Bytes} {
  return {key: prefix.length === 0 ? Buffer.of(0) : prefix, rangeEnd: prefixEnd(prefix)};
}

/** How many keys are read at once. The first page with values is small, since their size is unknown. */
const pageSize = {first: 32, largest: 512};

/** Roughly how many bytes of values are read at once. */
const pageBytes = 1 << 20;

/**
 * @param skip - told each key before it is yielded; returns the key to go on from, if not the next one. `"\0"` ends it
 */
async function* readFrom(
  kv: Kvi<Bytes>,
  {key, rangeEnd}: KeyRange<Bytes>,
  {withValues, revision: asked, signal}: KeyPagesOptions,
  skip: (found: KeyValue<Bytes>) => Bytes | undefined,
): AsyncGenerator<KeyValue<Bytes>, undefined> {
  let limit = withValues ? pageSize.first : pageSize.largest;
  let revision = asked;
  let start = key;
  for (;;) {
    const page: {kvs: KeyValue<Bytes>[]; more: boolean; revision: number} = await kv.range(
      {start, end: rangeEnd},
      {limit, revision, keysOnly: !withValues, signal},
    );
    revision ??= page.revision;
    let from: Bytes | undefined;
    for (const found of page.kvs) {
      if (from !== undefined && compareBytes(found.key, from) < 0) continue;
      from = skip(found);
      yield found;
      if (from !== undefined && isEndOfKeys(from)) return undefined;
    }
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return undefined;
    start = from ?? nextKey(last.key);
    const bytes = page.kvs.reduce((sum, {value}) => sum + value.length, 0);
    limit = Math.max(
      1,
      Math.min(pageSize.largest, 2 * limit, Math.floor((limit * pageBytes) / (bytes || 1))),
    );
  }
}

function isEndOfKeys(key: Bytes): boolean {
  return key.length === 1 && key[0] === 0;
}
