/** A leaf with more entries than this is split. */
const leafSize = 128;

/** Consecutive entries: `values[n]` belongs to `keys[n]`. */
interface Leaf<K, V> {
  readonly keys: K[];
  readonly values: V[];
  /** Identifies the map that may change it. */
  readonly owner: object;
}

/**
 * A map sorted by key, kept in leaves that are never empty:
 *
 *     [a b c d] [f g h] [k m n p]
 *
 * A key is found by a binary search among the leaves, and another in its leaf. Iterating over a range iterates over
 * arrays. (Sparse leaves are not merged: they take some memory, but do not slow down searches.)
 *
 * A clone shares everything with its origin, whatever the size. From then on each of them copies the list of leaves, and
 * each leaf, before changing it for the first time.
 */
export class SortedMap<K, V> {
  readonly #compare: (a: K, b: K) => number;
  #leaves: Leaf<K, V>[] = [];
  #ownsList = true;
  #owner = {};

  /** @param compare negative if `a` comes before `b`, 0 if they are the same key */
  constructor(compare: (a: K, b: K) => number) {
    this.#compare = compare;
  }

  /** A map with the same entries. Neither sees later changes of the other. */
  clone(): SortedMap<K, V> {
    const clone = new SortedMap<K, V>(this.#compare);
    clone.#leaves = this.#leaves;
    clone.#ownsList = false;
    this.#ownsList = false;
    this.#owner = {};
    return clone;
  }

  get(key: K): V | undefined {
    const leaf = this.#leaves[this.#leafOf(key)];
    if (!leaf) return undefined;
    const n = this.#search(leaf, key);
    return this.#hasAt(leaf, n, key) ? leaf.values[n] : undefined;
  }

  has(key: K): boolean {
    const leaf = this.#leaves[this.#leafOf(key)];
    return leaf !== undefined && this.#hasAt(leaf, this.#search(leaf, key), key);
  }

  set(key: K, value: V): void {
    const at = this.#leafOf(key);
    const leaf = this.#own(at);
    if (!leaf) {
      this.#replace(0, 0, this.#leaf([key], [value]));
      return;
    }
    const n = this.#search(leaf, key);
    const replaced = this.#hasAt(leaf, n, key) ? 1 : 0;
    leaf.keys.splice(n, replaced, key);
    leaf.values.splice(n, replaced, value);
    if (leaf.keys.length <= leafSize) return;
    // Keys that are added in order fill their leaves.
    const half = n === leafSize ? leafSize : leafSize / 2;
    this.#replace(at + 1, 0, this.#leaf(leaf.keys.splice(half), leaf.values.splice(half)));
  }

  delete(key: K): void {
    if (!this.has(key)) return;
    const at = this.#leafOf(key);
    const leaf = this.#own(at);
    if (!leaf) return;
    const n = this.#search(leaf, key);
    leaf.keys.splice(n, 1);
    leaf.values.splice(n, 1);
    if (leaf.keys.length === 0) this.#replace(at, 1);
  }

  /** Deletes the entries before `key`. */
  deleteBefore(key: K): void {
    this.#replace(0, this.#leafOf(key));
    const leaf = this.#own(0);
    if (!leaf) return;
    const n = this.#search(leaf, key);
    leaf.keys.splice(0, n);
    leaf.values.splice(0, n);
    if (leaf.keys.length === 0) this.#replace(0, 1);
  }

  clear(): void {
    this.#leaves = [];
    this.#ownsList = true;
  }

  minKey(): K | undefined {
    return this.#leaves[0]?.keys[0];
  }

  keys(): K[] {
    return this.#leaves.flatMap(({keys}) => keys);
  }

  values(): V[] {
    return this.#leaves.flatMap(({values}) => values);
  }

  /** The number of keys from `start`, included, to `end`, excluded; without an end, to the last. */
  count(start: K, end: K | undefined): number {
    let count = 0;
    for (const {from, to} of this.#parts(start, end)) count += Math.max(0, to - from);
    return count;
  }

  /** Visits the values of these keys in order, until `visit` returns false. */
  ascend(start: K, end: K | undefined, visit: (value: V) => boolean): void {
    for (const {values, from, to} of this.#parts(start, end)) {
      for (let n = from; n < to; n++) if (!visit(values[n] as V)) return;
    }
  }

  /** Visits the same values in reverse order. */
  descend(start: K, end: K | undefined, visit: (value: V) => boolean): void {
    for (const {values, from, to} of this.#parts(start, end).reverse()) {
      for (let n = to - 1; n >= from; n--) if (!visit(values[n] as V)) return;
    }
  }

  /** The leaves with keys from `start` to `end`, and the part of each. */
  #parts(start: K, end: K | undefined): {values: readonly V[]; from: number; to: number}[] {
    const last = end === undefined ? this.#leaves.length - 1 : this.#leafOf(end);
    return this.#leaves.slice(this.#leafOf(start), last + 1).map((leaf) => ({
      values: leaf.values,
      from: this.#search(leaf, start),
      to: end === undefined ? leaf.keys.length : this.#search(leaf, end),
    }));
  }

  /** The index of the leaf that has the key, or would get it. */
  #leafOf(key: K): number {
    let low = 0;
    let high = this.#leaves.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      const leaf = this.#leaves[middle];
      if (leaf && this.#compare(leaf.keys[0] as K, key) <= 0) low = middle;
      else high = middle;
    }
    return low;
  }

  /** The number of keys of the leaf before this one. */
  #search({keys}: Leaf<K, V>, key: K): number {
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(keys[middle] as K, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #hasAt({keys}: Leaf<K, V>, n: number, key: K): boolean {
    return n < keys.length && this.#compare(keys[n] as K, key) === 0;
  }

  /** The leaf at this index, or a copy that replaces it, to be changed. */
  #own(at: number): Leaf<K, V> | undefined {
    const leaf = this.#leaves[at];
    if (!leaf || leaf.owner === this.#owner) return leaf;
    const copy = this.#leaf(leaf.keys.slice(), leaf.values.slice());
    this.#replace(at, 1, copy);
    return copy;
  }

  #leaf(keys: K[], values: V[]): Leaf<K, V> {
    return {keys, values, owner: this.#owner};
  }

  #replace(at: number, count: number, ...leaves: Leaf<K, V>[]): void {
    if (!this.#ownsList) this.#leaves = this.#leaves.slice();
    this.#ownsList = true;
    this.#leaves.splice(at, count, ...leaves);
  }
}
