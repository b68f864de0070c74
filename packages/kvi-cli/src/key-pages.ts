import {type Bytes, compareBytes, type Input, type KeyValue, type Kvi, nextKey, prefixEnd} from 'kvi';

/** What to read of the keys with a prefix. */
export interface KeyPagesOptions {
  /** Empty: all keys. */
  prefix: Bytes;
  /** Whether to read the values too. */
  withValues: boolean;
  signal: AbortSignal;
}

/** A key, or all keys with a common part up to a `/`. */
export type LevelEntry = {folder: Bytes} | {found: KeyValue<Bytes>};

/** How many keys are read at once. Values may have 1.5 MiB each. */
const pageSizes = {keys: 512, values: 32};

/** Goes through the keys with a prefix as of one revision, in their order, a page at a time. */
export function allKeys(kv: Kvi<Bytes>, options: KeyPagesOptions): AsyncGenerator<KeyValue<Bytes>, void> {
  return readFrom(kv, options, () => undefined);
}

/**
 * Goes through one level of the keys with a prefix: what has a `/` after the prefix is a folder. A folder costs one read, however
 * many keys are in it.
 */
export async function* levelOf(kv: Kvi<Bytes>, options: KeyPagesOptions): AsyncGenerator<LevelEntry, void> {
  const {length} = options.prefix;
  let folder: Bytes | undefined;
  const skip = ({key}: KeyValue<Bytes>): Bytes | undefined => {
    const slash = key.indexOf(0x2f, length);
    folder = slash === -1 ? undefined : key.subarray(0, slash + 1);
    return folder && prefixEnd(folder);
  };
  for await (const found of readFrom(kv, options, skip)) {
    yield folder === undefined ? {found} : {folder};
  }
}

/**
 * @param skip - told each key before it is yielded; returns the key to go on from, if not the next one. `"\0"` ends it
 */
async function* readFrom(
  kv: Kvi<Bytes>,
  {prefix, withValues, signal}: KeyPagesOptions,
  skip: (found: KeyValue<Bytes>) => Bytes | undefined,
): AsyncGenerator<KeyValue<Bytes>, void> {
  const end = prefixEnd(prefix);
  const limit = withValues ? pageSizes.values : pageSizes.keys;
  let start: Input = prefix.length === 0 ? '\0' : prefix;
  let revision: number | undefined;
  for (;;) {
    const page: {kvs: KeyValue<Bytes>[]; more: boolean; revision: number} = await kv.range(
      {start, end},
      {limit, revision, keysOnly: !withValues, signal},
    );
    revision ??= page.revision;
    let from: Bytes | undefined;
    for (const found of page.kvs) {
      if (from !== undefined && compareBytes(found.key, from) < 0) continue;
      from = skip(found);
      yield found;
      if (from !== undefined && isEndOfKeys(from)) return;
    }
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return;
    start = from ?? nextKey(last.key);
  }
}

function isEndOfKeys(key: Bytes): boolean {
  return key.length === 1 && key[0] === 0;
}
