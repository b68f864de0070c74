/** Waits for the end of keys that say who has something. */
import {retryUntil} from '../async/retry-until.ts';
import type {DriverWatch} from '../driver/driver.ts';
import {isKviError} from '../etcd/errors.ts';
import {keyId} from '../etcd/key-range.ts';
import type {PolicyDriver} from '../policy/policy-driver.ts';

/** A key that was seen in the store. */
export interface Sighting {
  key: string;
  createRevision: number;
  /** The last revision at which it was known to exist. */
  revision: number;
}

/** Resolves when a key is gone, or was created anew. Whatever becomes of a watch, the key is looked at. */
export async function untilGone(
  driver: PolicyDriver,
  {key, createRevision, revision: lastSeen}: Sighting,
  signal: AbortSignal,
): Promise<void> {
  const keyBytes = Buffer.from(key);
  let seen: number | undefined = lastSeen;

  /** @returns the revision of the look, or undefined if it is gone */
  async function look(): Promise<number | undefined> {
    const {kvs, revision} = await driver.range({key: keyBytes, keysOnly: true}, {signal});
    return kvs[0]?.createRevision === createRevision ? revision : undefined;
  }

  await retryUntil(driver.clock, signal, async () => {
    for (;;) {
      seen ??= await look();
      if (seen === undefined) return;
      const startRevision = seen + 1;
      seen = undefined;
      await untilDeleted(driver.watch({key: keyBytes, startRevision, filters: ['noput']}, {signal}));
    }
  });
}

/** Resolves when a watch tells a deletion, or has to be begun anew. @param keys - the ids of those that count. Absent: all. */
export async function untilDeleted(deletions: DriverWatch, keys?: ReadonlySet<string>): Promise<void> {
  try {
    for await (const {events} of deletions) {
      if (events.some(({kv}) => keys === undefined || keys.has(keyId(kv.key)))) return;
    }
  } catch (error) {
    // The deletion may be among what was compacted: the caller looks again.
    if (!isKviError(error, 'KVI_COMPACTED')) throw error;
  }
}
