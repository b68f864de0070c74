import {type ByteString, compareByteStrings} from '../byte-string.ts';
import {SortedMap} from '../sorted-map.ts';
import type {Interval} from './interval.ts';
import {countUntil, isTombstone, type Version} from './version.ts';

/** Which of the keys in an interval to find. */
export interface Selection {
  /** As they were at this revision; default: now. */
  revision?: number | undefined;
  /** At most this many; default: all. */
  limit?: number | undefined;
  /** From the last key to the first; default: from the first to the last. */
  isDescending?: boolean | undefined;
  /** Only those that this accepts, which alone count towards the limit. */
  accepts?: ((version: Version) => boolean) | undefined;
}

/**
 * Each key's versions, oldest first, with the keys in byte order.
 *
 * For example, `put a` at revision 2, `put a` at 3, `delete a` at 4, `put a` at 6 and `put b` at 7 give
 *
 *     a: [2, 3, 4 (tombstone), 6]
 *     b: [7]
 *
 * A key at a revision is its last version that is not newer: `a` at 3 is version 3, at 5 it is the tombstone, so absent,
 * and at 1 there is none, so absent too.
 *
 * Compacting at a revision discards what no read at that revision or later can see: the versions superseded by then, and
 * a tombstone that was the last version by then.
 *
 *     compact(3):  a: [3, 4 (tombstone), 6]   b: [7]
 *     compact(5):  a: [6]                     b: [7]
 *     compact(7):  a: [6]                     b: [7]
 *
 * A key without versions has no entry. (etcd's key_index.go keeps revisions only, and splits them into generations at
 * the tombstones to find the create revision and the version number, which a {@link Version} has.)
 *
 * An index that starts from another shares all of it, whatever its size. From then on neither changes the shared arrays:
 * the first write of a key copies its versions. An array whose last version is newer than the last sharing is not shared.
 */
export class KeyIndex {
  readonly #keys: SortedMap<ByteString, Version[]>;
  /** The keys whose last version is a tombstone. */
  readonly #deleted: SortedMap<ByteString, undefined>;
  /** A cache of the keys that were looked up or written: a hash lookup is faster than a search. */
  readonly #known = new Map<ByteString, Version[]>();
  /** Whether every key is known, because the index began empty. */
  readonly #knowsAll: boolean;
  #newestRevision = 0;
  /** The newest revision when it was last shared. */
  #sharedUntil = 0;

  /** @param origin - the index to start from; default: none. Neither sees later changes of the other. */
  constructor(origin?: KeyIndex) {
    this.#keys = origin ? origin.#keys.clone() : new SortedMap(compareByteStrings);
    this.#knowsAll = !origin;
    this.#deleted = origin ? origin.#deleted.clone() : new SortedMap(compareByteStrings);
    if (!origin) return;
    this.#newestRevision = origin.#newestRevision;
    this.#sharedUntil = origin.#newestRevision;
    origin.#sharedUntil = origin.#newestRevision;
  }

  /** The key as it was at `revision`; undefined if it did not exist. */
  get(key: ByteString, revision: number): Version | undefined {
    const versions = this.#find(key);
    return versions && existingAt(versions, revision);
  }

  /** The key-values that existed, in key order. */
  find(
    interval: Interval,
    {revision = Infinity, limit = Infinity, isDescending, accepts}: Selection = {},
  ): Version[] {
    const found: Version[] = [];
    const collect = (versions: readonly Version[]) => {
      const version = existingAt(versions, revision);
      if (version && accepts?.(version) !== false) found.push(version);
      return found.length < limit;
    };
    if (limit > 0) this.#walk(interval, isDescending === true, collect);
    return found;
  }

  /** How many keys existed at `revision`. For the present, this does not visit each key. */
  count(interval: Interval, revision: number): number {
    const isPresent = revision >= this.#newestRevision;
    const {start, end} = interval;
    if (end === undefined || !isPresent) return this.find(interval, {revision}).length;
    return this.#keys.count(start, endOf(end)) - this.#deleted.count(start, endOf(end));
  }

  /** Adds the newest version of its key. */
  append(version: Version): void {
    this.#newestRevision = version.modRevision;
    const versions = this.#find(version.key);
    if (!versions) {
      this.#set(version.key, [version]);
      return;
    }
    // Only a creation or a deletion changes whether the key exists.
    if (version.version <= 1) this.#noteLast(version);
    if (this.#owns(versions)) versions.push(version);
    else this.#set(version.key, versions.concat(version));
  }

  /** Undoes the last {@link append} for this key, made since the index was last shared. */
  removeNewest(key: ByteString): void {
    const versions = this.#find(key);
    versions?.pop();
    const last = versions?.at(-1);
    if (last) this.#noteLast(last);
    else this.#delete(key);
  }

  /** Discards the versions of this key that cannot be seen at `revision` or later. */
  compact(key: ByteString, revision: number): void {
    const versions = this.#find(key);
    if (!versions) return;
    const count = countUntil(versions, revision);
    const last = versions[count - 1];
    if (!last) return;
    const forgotten = isTombstone(last) ? count : count - 1;
    if (forgotten === 0) return;
    if (forgotten === versions.length) this.#delete(key);
    else if (this.#owns(versions)) versions.splice(0, forgotten);
    else this.#set(key, versions.slice(forgotten));
  }

  /** Visits each key's versions until `visit` returns false. */
  #walk(interval: Interval, isDescending: boolean, visit: (versions: readonly Version[]) => boolean): void {
    const {start, end} = interval;
    if (end === undefined) {
      const versions = this.#find(start);
      if (versions) visit(versions);
    } else if (isDescending) this.#keys.descend(start, endOf(end), visit);
    else this.#keys.ascend(start, endOf(end), visit);
  }

  #find(key: ByteString): Version[] | undefined {
    const known = this.#known.get(key);
    if (known || this.#knowsAll) return known;
    const versions = this.#keys.get(key);
    if (versions) this.#known.set(key, versions);
    return versions;
  }

  #set(key: ByteString, versions: Version[]): void {
    this.#keys.set(key, versions);
    this.#known.set(key, versions);
  }

  #noteLast(version: Version): void {
    if (isTombstone(version)) this.#deleted.set(version.key, undefined);
    else this.#deleted.delete(version.key);
  }

  #delete(key: ByteString): void {
    this.#keys.delete(key);
    this.#deleted.delete(key);
    this.#known.delete(key);
  }

  #owns(versions: readonly Version[]): boolean {
    const last = versions[versions.length - 1];
    // Stryker disable next-line ConditionalExpression: every key in the index has a version
    return last !== undefined && last.modRevision > this.#sharedUntil;
  }
}

/** The end of an {@link Interval}, for a {@link SortedMap}. */
function endOf(end: ByteString): ByteString | undefined {
  return end === '' ? undefined : end;
}

function existingAt(versions: readonly Version[], revision: number): Version | undefined {
  const last = versions[versions.length - 1];
  // Most queries are about the present.
  const version = last && last.modRevision <= revision ? last : versions[countUntil(versions, revision) - 1];
  return version && !isTombstone(version) ? version : undefined;
}
