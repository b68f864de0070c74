import {
  type Bytes,
  type Driver,
  type DriverCallOptions,
  everyKey,
  type KeyValue,
  nextKey,
} from 'kvi-core/driver';
import {crc32} from 'node:zlib';

/** What {@link hashKeys} found. */
interface Hashed {
  hash: number;
  /** The revision whose keys were hashed. */
  revision: number;
  /** The revision of the store. */
  present: number;
}

const pageKeys = 1_000;

/**
 * Hashes the keys and values at a revision. It is not etcd's hash, which is over what its database has: compare it with that of
 * another server of kvi.
 *
 * @param revision - 0: now
 * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION`
 */
export async function hashKeys(driver: Driver, revision: number, limits: DriverCallOptions): Promise<Hashed> {
  // Clients take 0 for none.
  let hash = crc32('key');
  const seen = await eachKey(driver, Math.max(0, revision), limits, (kv) => {
    const {createRevision, modRevision, version, lease} = kv;
    const numbers = `${createRevision} ${modRevision} ${version} ${lease} ${kv.key.length} ${kv.value.length} `;
    hash = crc32(kv.value, crc32(kv.key, crc32(numbers, hash)));
  });
  return {hash, ...seen};
}

/** The bytes of all keys and values. */
export async function liveBytes(driver: Driver, limits: DriverCallOptions): Promise<number> {
  let bytes = 0;
  await eachKey(driver, 0, limits, ({key, value}) => {
    bytes += key.length + value.length;
  });
  return bytes;
}

/** Reads all keys at one revision, in pages. */
async function eachKey(
  driver: Driver,
  at: number,
  limits: DriverCallOptions,
  use: (kv: KeyValue<Bytes>) => void,
): Promise<{revision: number; present: number}> {
  let revision = at;
  let key = everyKey.key;
  for (;;) {
    const page = await driver.range({...everyKey, key, revision, limit: pageKeys}, limits);
    if (revision === 0) revision = page.revision;
    for (const kv of page.kvs) use(kv);
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return {revision, present: page.revision};
    key = nextKey(last.key);
  }
}
