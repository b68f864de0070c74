import {countUntil, isTombstone, type Version} from './version.ts';

/** Arrays with fewer elements are copied at their exact size: `push` would reserve room for 16 more. */
const exactLength = 4;

/** For all keys that have changed once, as most have. */
const none: Version[] = [];

/** The versions of one key, of which there is always one. */
export class KeyVersions {
  newest: Version;
  /** Oldest first. */
  #older: Version[];

  /** @param older must not be changed by anybody else, unless it is empty */
  constructor(newest: Version, older: Version[] = none) {
    this.newest = newest;
    this.#older = older;
  }

  get count(): number {
    return this.#older.length + 1;
  }

  /** Neither sees later changes of the other. */
  clone(): KeyVersions {
    return new KeyVersions(this.newest, this.#older.slice());
  }

  /** The key as it was at `revision`; undefined if it did not exist. */
  at(revision: number): Version | undefined {
    // Most queries are about the present.
    const isPresent = this.newest.modRevision <= revision;
    const version = isPresent ? this.newest : this.#older[countUntil(this.#older, revision) - 1];
    return version && !isTombstone(version) ? version : undefined;
  }

  /** The versions from a revision on. */
  since(revision: number): Version[] {
    if (this.newest.modRevision < revision) return [];
    return [...this.#older.slice(countUntil(this.#older, revision - 1)), this.newest];
  }

  append(version: Version): void {
    if (this.#older.length < exactLength) this.#older = this.#older.concat(this.newest);
    else this.#older.push(this.newest);
    // Stryker disable next-line all: this only saves memory
    this.newest.inBytes = null;
    this.newest = version;
  }

  /** Undoes the last {@link append}. @returns whether there is a version left */
  removeNewest(): boolean {
    const last = this.#older.pop();
    if (last) this.newest = last;
    return last !== undefined;
  }

  /** How many versions cannot be seen at `revision` or later. If that is all of them, the key is gone. */
  countUnseen(revision: number): number {
    const isPast = this.newest.modRevision <= revision;
    const count = isPast ? this.count : countUntil(this.#older, revision);
    const last = isPast ? this.newest : this.#older[count - 1];
    return last && isTombstone(last) ? count : Math.max(0, count - 1);
  }

  /** Discards that many of the oldest versions, but not the newest. */
  forget(count: number): void {
    const rest = this.#older.length - count;
    // Stryker disable next-line all: a copy would do; this only saves memory
    if (rest === 0) this.#older = none;
    else if (rest < exactLength) this.#older = this.#older.slice(count);
    else this.#older.splice(0, count);
  }
}
