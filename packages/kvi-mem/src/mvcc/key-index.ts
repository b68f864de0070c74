import {type ByteString, compareByteStrings} from '../byte-string.ts';
import {SortedMap} from '../sorted-map.ts';
import type {Interval} from './interval.ts';
import {KeyVersions} from './key-versions.ts';
import {isTombstone, type Version} from './version.ts';

type Keys = SortedMap<ByteString, KeyVersions>;

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
 * An index that starts from another shares all of it, whatever its size. From then on neither changes the shared versions:
 * the first write of a key copies them. Versions of which the newest is newer than the last sharing are not shared.
 */
export class KeyIndex {
  /** The keys that exist now, apart from the others: a read of the present does not come across what was deleted. */
  readonly #existing: Keys;
  /** The keys whose last version is a tombstone. */
  readonly #deleted: Keys;
  /** A cache of the keys that were looked up or written: a hash lookup is faster than a search. */
  readonly #known = new Map<ByteString, KeyVersions>();
  /** Whether every key is known, because the index began empty. */
  readonly #knowsAll: boolean;
  #newestRevision = 0;
  /** The newest revision when it was last shared. */
  #sharedUntil = 0;

  /** @param origin - the index to start from; default: none. Neither sees later changes of the other. */
  constructor(origin?: KeyIndex) {
    this.#existing = origin ? origin.#existing.clone() : new SortedMap(compareByteStrings);
    this.#knowsAll = !origin;
    this.#deleted = origin ? origin.#deleted.clone() : new SortedMap(compareByteStrings);
    if (!origin) return;
    this.#newestRevision = origin.#newestRevision;
    this.#sharedUntil = origin.#newestRevision;
    origin.#sharedUntil = origin.#newestRevision;
  }

  /** The key as it was at `revision`; undefined if it did not exist. */
  get(key: ByteString, revision: number): Version | undefined {
    return this.#find(key)?.at(revision);
  }

  /** The key-values that existed, in key order. */
  find(
    interval: Interval,
    {revision = Infinity, limit = Infinity, isDescending = false, accepts}: Selection = {},
  ): Version[] {
    if (interval.end === undefined) {
      const version = this.get(interval.start, revision);
      return version && limit > 0 && accepts?.(version) !== false ? [version] : [];
    }
    const findAmong = (keys: Keys) => {
      const found: Version[] = [];
      const collect = (versions: KeyVersions) => {
        const version = versions.at(revision);
        if (version && accepts?.(version) !== false) found.push(version);
        return found.length < limit;
      };
      if (limit > 0) walk(keys, interval, isDescending, collect);
      return found;
    };
    const existing = findAmong(this.#existing);
    if (revision >= this.#newestRevision) return existing;
    const deleted = findAmong(this.#deleted);
    if (deleted.length === 0) return existing;
    const sign = isDescending ? -1 : 1;
    return existing
      .concat(deleted)
      .sort((a, b) => sign * compareByteStrings(a.key, b.key))
      .slice(0, limit);
  }

  /** How many keys exist now. */
  count(interval: Interval): number {
    return count(this.#existing, interval);
  }

  /** How many keys exist now, or have a version. */
  countAll(interval: Interval): number {
    return count(this.#existing, interval) + count(this.#deleted, interval);
  }

  /** The revisions, from one on, that changed a key in the interval, in order. */
  revisions(interval: Interval, from: number): number[] {
    const revisions = new Set<number>();
    const collect = (versions: KeyVersions) => {
      for (const {modRevision} of versions.since(from)) revisions.add(modRevision);
      return true;
    };
    for (const keys of [this.#existing, this.#deleted]) walk(keys, interval, false, collect);
    return [...revisions].sort((a, b) => a - b);
  }

  /** Adds the newest version of its key. */
  append(version: Version): void {
    this.#newestRevision = version.modRevision;
    const versions = this.#own(version.key);
    if (!versions) {
      this.#put(version.key, new KeyVersions(version));
      return;
    }
    versions.append(version);
    // Only a creation or a deletion changes whether the key exists.
    if (version.version <= 1) this.#put(version.key, versions);
  }

  /** Undoes the last {@link append} for this key, made since the index was last shared. */
  removeNewest(key: ByteString): void {
    const versions = this.#find(key);
    if (versions?.removeNewest() === true) this.#put(key, versions);
    else this.#delete(key);
  }

  /** Discards the versions of this key that cannot be seen at `revision` or later. */
  compact(key: ByteString, revision: number): void {
    const versions = this.#find(key);
    const count = versions?.countUnseen(revision) ?? 0;
    if (!versions || count === 0) return;
    if (count === versions.count) this.#delete(key);
    else this.#own(key)?.forget(count);
  }

  #find(key: ByteString): KeyVersions | undefined {
    const known = this.#known.get(key);
    if (known || this.#knowsAll) return known;
    const versions = this.#existing.get(key) ?? this.#deleted.get(key);
    if (versions) this.#known.set(key, versions);
    return versions;
  }

  /** The versions of this key, or a copy that replaces them, to be changed. */
  #own(key: ByteString): KeyVersions | undefined {
    const versions = this.#find(key);
    if (!versions || versions.newest.modRevision > this.#sharedUntil) return versions;
    const copy = versions.clone();
    this.#put(key, copy);
    return copy;
  }

  #put(key: ByteString, versions: KeyVersions): void {
    const isDeleted = isTombstone(versions.newest);
    (isDeleted ? this.#deleted : this.#existing).set(key, versions);
    (isDeleted ? this.#existing : this.#deleted).delete(key);
    this.#known.set(key, versions);
  }

  #delete(key: ByteString): void {
    this.#existing.delete(key);
    this.#deleted.delete(key);
    this.#known.delete(key);
  }
}

/** Visits the versions of each key in the interval until `visit` returns false. */
function walk(
  keys: Keys,
  {start, end}: Interval,
  isDescending: boolean,
  visit: (versions: KeyVersions) => boolean,
): void {
  if (end === undefined) {
    const versions = keys.get(start);
    if (versions) visit(versions);
  } else if (isDescending) keys.descend(start, endOf(end), visit);
  else keys.ascend(start, endOf(end), visit);
}

function count(keys: Keys, {start, end}: Interval): number {
  return end === undefined ? Number(keys.has(start)) : keys.count(start, endOf(end));
}

/** The end of an {@link Interval}, for a {@link SortedMap}. */
function endOf(end: ByteString): ByteString | undefined {
  return end === '' ? undefined : end;
}
