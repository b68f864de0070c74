import sortedBTree from 'sorted-btree';

// The package is CommonJS: what Node imports as its default is the module, and the class is that module's `default`. Where
// jest has this module compiled to CommonJS as well, the import is the class itself.
const BTree = sortedBTree.default ?? (sortedBTree as unknown as typeof sortedBTree.default);

/** A map whose entries are in the order of their keys. */
export type SortedMap<K, V> = sortedBTree.default<K, V>;

/** @param compare negative when `a` comes before `b`, 0 when they are the same key */
export function sortedMap<K, V>(compare: (a: K, b: K) => number): SortedMap<K, V> {
  return new BTree<K, V>(undefined, compare);
}
