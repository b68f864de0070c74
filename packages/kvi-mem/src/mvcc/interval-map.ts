import type {ByteString} from '../byte-string.ts';
import {includes, type Interval} from './interval.ts';

interface Group<V> {
  readonly interval: Interval;
  readonly values: Set<V>;
}

/** A group in a sorted array, which is read as a balanced tree: the middle of each part is its root. */
interface Node<V> {
  readonly group: Group<V>;
  /** The largest end in the part that this node is the root of. Empty: one has no end. */
  maxEnd: ByteString;
}

/**
 * Values by interval, of which those whose interval includes a key are found without looking at the others. Equal intervals
 * are one.
 *
 * What is added goes into a tree of its own, together with every tree that is no larger, so that there are few, and each
 * group is rarely moved. When most groups are empty, everything is put together anew.
 *
 * @see https://en.wikipedia.org/wiki/Interval_tree#Augmented_tree
 */
export class IntervalMap<V> {
  readonly #groups = new Map<string, Group<V>>();
  /** The largest first. */
  #trees: (readonly Node<V>[])[] = [];
  /** The groups that are in no tree yet. */
  #added: Group<V>[] = [];
  /** How many groups were emptied since everything was put together. */
  #emptied = 0;

  add(interval: Interval, value: V): void {
    const id = idOf(interval);
    const group = this.#groups.get(id) ?? {interval, values: new Set()};
    if (group.values.size === 0) {
      this.#groups.set(id, group);
      this.#added.push(group);
    }
    group.values.add(value);
  }

  delete(interval: Interval, value: V): void {
    const id = idOf(interval);
    const group = this.#groups.get(id);
    if (group?.values.delete(value) !== true || group.values.size > 0) return;
    this.#groups.delete(id);
    this.#emptied += 1;
    if (this.#emptied <= this.#groups.size) return;
    this.#trees = [];
    this.#added = [...this.#groups.values()];
    this.#emptied = 0;
  }

  /** Visits the values whose interval includes the key. */
  at(key: ByteString, visit: (value: V) => void): void {
    if (this.#added.length > 0) this.#addTree();
    for (const tree of this.#trees) search(tree, 0, tree.length, key, visit);
  }

  #addTree(): void {
    const groups = this.#added;
    this.#added = [];
    for (let last = this.#trees.at(-1); last && last.length <= groups.length; last = this.#trees.at(-1)) {
      for (const {group} of last) groups.push(group);
      this.#trees.pop();
    }
    this.#trees.push(treeOf(groups));
  }
}

function search<V>(
  tree: readonly Node<V>[],
  from: number,
  to: number,
  key: ByteString,
  visit: (value: V) => void,
): void {
  const middle = (from + to) >> 1;
  const node = tree[middle];
  if (from >= to || node === undefined) return;
  if (node.maxEnd !== '' && node.maxEnd <= key) return;
  search(tree, from, middle, key, visit);
  const {interval, values} = node.group;
  if (key < interval.start) return;
  if (includes(interval, key)) values.forEach(visit);
  search(tree, middle + 1, to, key, visit);
}

function treeOf<V>(groups: Group<V>[]): readonly Node<V>[] {
  const tree = groups
    .sort((a, b) => (a.interval.start < b.interval.start ? -1 : 1))
    .map((group) => ({group, maxEnd: endOf(group.interval)}));
  noteMaxEnds(tree, 0, tree.length);
  return tree;
}

/** @returns the largest end in this part; undefined if it is empty */
function noteMaxEnds(tree: readonly Node<unknown>[], from: number, to: number): ByteString | undefined {
  const middle = (from + to) >> 1;
  const node = tree[middle];
  if (from >= to || node === undefined) return undefined;
  for (const end of [noteMaxEnds(tree, from, middle), noteMaxEnds(tree, middle + 1, to)]) {
    if (end !== undefined) node.maxEnd = later(node.maxEnd, end);
  }
  return node.maxEnd;
}

function idOf({start, end}: Interval): string {
  return `${String(start.length)} ${start}${endOf({start, end})}`;
}

/** Intervals here are ranges, not single keys. */
function endOf({end = ''}: Interval): ByteString {
  return end;
}

function later(a: ByteString, b: ByteString): ByteString {
  if (a === '' || b === '') return '';
  return a > b ? a : b;
}
