/** Consecutive entries: `values[n]` belongs to `keys[n]`. */
interface Leaf<K, V> {
  readonly keys: K[];
  readonly values: V[];
  readonly children?: undefined;
  /** Identifies the map that may change it. */
  readonly owner: object;
}

/** Consecutive nodes: `children[n]` has the keys from `keys[n]` on, which it once had itself, to `keys[n + 1]`. */
interface Branch<K, V> {
  readonly keys: K[];
  readonly children: Node<K, V>[];
  /** The number of entries below. */
  size: number;
  readonly owner: object;
}

type Node<K, V> = Leaf<K, V> | Branch<K, V>;

/**
 * A map sorted by key, as a B+ tree whose branches know how many entries they have. No node but the root is empty.
 *
 *              [a k]
 *     [a f h]         [k q]
 *     [a b c d] [f g] [h j]   [k m n p] [q r s]
 *
 * To find, add, delete or count, it follows a path from the root. Iterating over a range iterates over arrays. (Sparse
 * nodes are not merged: they take some memory, but lengthen no path.)
 *
 * A clone shares everything with its origin, whatever the size. From then on each of them copies a node before changing
 * it for the first time.
 */
export class SortedMap<K, V> {
  readonly #compare: (a: K, b: K) => number;
  readonly #nodeSize: number;
  #owner = {};
  #root: Node<K, V> = {keys: [], values: [], owner: this.#owner};

  /**
   * @param compare negative if `a` comes before `b`, 0 if they are the same key
   * @param nodeSize a node with more entries, or children, is split; an even number
   */
  constructor(compare: (a: K, b: K) => number, nodeSize = 128) {
    this.#compare = compare;
    this.#nodeSize = nodeSize;
  }

  /** A map with the same entries. Neither sees later changes of the other. */
  clone(): SortedMap<K, V> {
    const clone = new SortedMap<K, V>(this.#compare, this.#nodeSize);
    clone.#root = this.#root;
    this.#owner = {};
    return clone;
  }

  get(key: K): V | undefined {
    const leaf = this.#leafOf(key);
    const n = this.#countBefore(leaf.keys, key);
    return this.#hasAt(leaf.keys, n, key) ? leaf.values[n] : undefined;
  }

  has(key: K): boolean {
    const {keys} = this.#leafOf(key);
    return this.#hasAt(keys, this.#countBefore(keys, key), key);
  }

  set(key: K, value: V): void {
    const root = this.#own(this.#root);
    const sibling = this.#insert(root, key, value);
    this.#root = sibling ? this.#branch([root, sibling]) : root;
  }

  delete(key: K): void {
    if (!this.has(key)) return;
    const root = this.#own(this.#root);
    this.#remove(root, key);
    this.#become(root);
  }

  /** Deletes the entries before `key`. */
  deleteBefore(key: K): void {
    const root = this.#own(this.#root);
    this.#removeBefore(root, key);
    this.#become(root);
  }

  clear(): void {
    this.#root = {keys: [], values: [], owner: this.#owner};
  }

  minKey(): K | undefined {
    let node = this.#root;
    while (node.children) node = at(node.children, 0);
    return node.keys[0];
  }

  keys(): K[] {
    return leavesOf(this.#root).flatMap(({keys}) => keys);
  }

  values(): V[] {
    return leavesOf(this.#root).flatMap(({values}) => values);
  }

  /** The number of keys from `start`, included, to `end`, excluded; without an end, to the last. */
  count(start: K, end: K | undefined): number {
    const before = end === undefined ? sizeOf(this.#root) : this.#rank(end);
    return Math.max(0, before - this.#rank(start));
  }

  /** Visits the values of these keys in order, until `visit` returns false. */
  ascend(start: K, end: K | undefined, visit: (value: V) => boolean): void {
    this.#walk(this.#root, {start, end, step: 1}, visit);
  }

  /** Visits the same values in reverse order. */
  descend(start: K, end: K | undefined, visit: (value: V) => boolean): void {
    this.#walk(this.#root, {start, end, step: -1}, visit);
  }

  /** @returns whether to go on */
  #walk(node: Node<K, V>, {start, end, step}: Course<K>, visit: (value: V) => boolean): boolean {
    const {keys, children} = node;
    if (!children) {
      const first = start === undefined ? 0 : this.#countBefore(keys, start);
      const last = (end === undefined ? keys.length : this.#countBefore(keys, end)) - 1;
      for (let n = step > 0 ? first : last; n >= first && n <= last; n += step) {
        if (!visit(at(node.values, n))) return false;
      }
      return true;
    }
    const first = start === undefined ? 0 : this.#childOf(node, start);
    const last = end === undefined ? children.length - 1 : this.#childOf(node, end);
    for (let n = step > 0 ? first : last; n >= first && n <= last; n += step) {
      // Only the children at the ends may have keys beyond them.
      // Stryker disable next-line all: this only saves time
      const part = {start: n === first ? start : undefined, end: n === last ? end : undefined, step};
      if (!this.#walk(at(node.children, n), part, visit)) return false;
    }
    return true;
  }

  /** The number of keys before this one. */
  #rank(key: K): number {
    let rank = 0;
    let node = this.#root;
    while (node.children) {
      const child = this.#childOf(node, key);
      for (let n = 0; n < child; n++) rank += sizeOf(at(node.children, n));
      node = at(node.children, child);
    }
    return rank + this.#countBefore(node.keys, key);
  }

  /** The leaf that has the key, or would get it. */
  #leafOf(key: K): Leaf<K, V> {
    let node = this.#root;
    while (node.children) node = at(node.children, this.#childOf(node, key));
    return node;
  }

  /** The index of the child that has the key, or would get it. */
  #childOf({keys}: Branch<K, V>, key: K): number {
    const n = this.#countBefore(keys, key);
    return this.#hasAt(keys, n, key) ? n : Math.max(0, n - 1);
  }

  /** How many of these keys come before this one. */
  #countBefore(keys: readonly K[], key: K): number {
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(at(keys, middle), key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #hasAt(keys: readonly K[], n: number, key: K): boolean {
    return n < keys.length && this.#compare(at(keys, n), key) === 0;
  }

  /** @returns the node that was split off, to be put after this one */
  #insert(node: Node<K, V>, key: K, value: V): Node<K, V> | undefined {
    const {keys, children} = node;
    if (!children) {
      const n = this.#countBefore(keys, key);
      const replaced = this.#hasAt(keys, n, key) ? 1 : 0;
      keys.splice(n, replaced, key);
      node.values.splice(n, replaced, value);
      return this.#split(node, n);
    }
    const n = this.#childOf(node, key);
    const child = this.#ownChild(node, n);
    const before = sizeOf(child);
    const sibling = this.#insert(child, key, value);
    node.size += sizeOf(child) - before;
    // It may come before all others.
    keys[n] = at(child.keys, 0);
    if (!sibling) return undefined;
    node.size += sizeOf(sibling);
    keys.splice(n + 1, 0, at(sibling.keys, 0));
    children.splice(n + 1, 0, sibling);
    return this.#split(node, n + 1);
  }

  /**
   * Splits a node that has become too large.
   *
   * @param added where it has grown
   */
  #split(node: Node<K, V>, added: number): Node<K, V> | undefined {
    const {keys, children} = node;
    const size = this.#nodeSize;
    if (keys.length <= size) return undefined;
    // Keys that are added in order fill their nodes.
    // Stryker disable next-line all: this only saves memory
    const half = added === size ? size : size / 2;
    if (!children) return {keys: keys.splice(half), values: node.values.splice(half), owner: this.#owner};
    const sibling = this.#branch(children.splice(half), keys.splice(half));
    node.size -= sibling.size;
    return sibling;
  }

  #remove(node: Node<K, V>, key: K): void {
    const {keys, children} = node;
    if (!children) {
      const n = this.#countBefore(keys, key);
      keys.splice(n, 1);
      node.values.splice(n, 1);
      return;
    }
    const n = this.#childOf(node, key);
    const child = this.#ownChild(node, n);
    this.#remove(child, key);
    node.size -= 1;
    if (child.keys.length > 0) return;
    keys.splice(n, 1);
    children.splice(n, 1);
  }

  #removeBefore(node: Node<K, V>, key: K): void {
    const {keys, children} = node;
    if (!children) {
      const n = this.#countBefore(keys, key);
      keys.splice(0, n);
      node.values.splice(0, n);
      return;
    }
    const n = this.#childOf(node, key);
    keys.splice(0, n);
    children.splice(0, n);
    const child = this.#ownChild(node, 0);
    this.#removeBefore(child, key);
    if (child.keys.length === 0) {
      keys.splice(0, 1);
      children.splice(0, 1);
    }
    node.size = sizeOfAll(children);
  }

  /** Makes this node the root, or what is left of it. */
  #become(root: Node<K, V>): void {
    // Stryker disable next-line all: this only saves time
    while (root.children && root.keys.length === 1) root = at(root.children, 0);
    this.#root = root.keys.length === 0 ? {keys: [], values: [], owner: this.#owner} : root;
  }

  #branch(children: Node<K, V>[], keys = children.map((child) => at(child.keys, 0))): Branch<K, V> {
    return {keys, children, size: sizeOfAll(children), owner: this.#owner};
  }

  #ownChild({children}: Branch<K, V>, n: number): Node<K, V> {
    return (children[n] = this.#own(at(children, n)));
  }

  /** The node, or a copy to be changed instead. */
  #own(node: Node<K, V>): Node<K, V> {
    if (node.owner === this.#owner) return node;
    const owned = {keys: node.keys.slice(), owner: this.#owner};
    return node.children
      ? {...owned, children: node.children.slice(), size: node.size}
      : {...owned, values: node.values.slice()};
  }
}

/** Where to walk: from `start`, included, to `end`, excluded; absent, as far as there are keys. */
interface Course<K> {
  start: K | undefined;
  end: K | undefined;
  /** Ascending is 1, descending -1. */
  step: 1 | -1;
}

/** For an index that the array has. */
function at<T>(array: readonly T[], n: number): T {
  return array[n] as T;
}

function sizeOf(node: Node<unknown, unknown>): number {
  return node.children ? node.size : node.keys.length;
}

function sizeOfAll(nodes: readonly Node<unknown, unknown>[]): number {
  return nodes.reduce((sum, node) => sum + sizeOf(node), 0);
}

function leavesOf<K, V>(node: Node<K, V>): Leaf<K, V>[] {
  return node.children ? node.children.flatMap((child) => leavesOf(child)) : [node];
}
