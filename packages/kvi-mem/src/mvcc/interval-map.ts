import type {ByteString} from '../byte-string.ts';
import {includes, type Interval} from './interval.ts';

interface Group<V> {
  readonly interval: Interval;
  readonly values: Set<V>;
}

/** A group in the sorted array, which is read as a balanced tree: the middle of each part is its root. */
interface Node<V> {
  readonly group: Group<V>;
  /** The largest end in the part that this node is the root of. Empty: one has no end. */
  maxEnd: ByteString;
}

/** Groups that were added since the tree was built; more than this, and than a sixteenth of it, and it is built anew. */
const maxNew = 16;

/**
 * Values by interval, of which those whose interval includes a key are found without looking at the others. Equal intervals
 * are one.
 *
 * @see https://en.wikipedia.org/wiki/Interval_tree#Augmented_tree
 */
export class IntervalMap<V> {
  readonly #groups = new Map<string, Group<V>>();
  #tree: Node<V>[] = [];
  #new: Group<V>[] = [];

  add(interval: Interval, value: V): void {
    const id = idOf(interval);
    const group = this.#groups.get(id) ?? {interval, values: new Set()};
    if (group.values.size === 0) {
      this.#groups.set(id, group);
      this.#new.push(group);
    }
    group.values.add(value);
  }

  delete(interval: Interval, value: V): void {
    const id = idOf(interval);
    const group = this.#groups.get(id);
    group?.values.delete(value);
    // The tree, and the list of what is new, are rid of an empty group when the tree is built.
    if (group?.values.size === 0) this.#groups.delete(id);
  }

  /** Visits the values whose interval includes the key. */
  at(key: ByteString, visit: (value: V) => void): void {
    if (this.#new.length > Math.max(maxNew, this.#tree.length / 16)) this.#build();
    for (const {interval, values} of this.#new) if (includes(interval, key)) values.forEach(visit);
    this.#search(0, this.#tree.length, key, visit);
  }

  #search(from: number, to: number, key: ByteString, visit: (value: V) => void): void {
    const middle = (from + to) >> 1;
    const node = this.#tree[middle];
    if (from >= to || node === undefined) return;
    if (node.maxEnd !== '' && node.maxEnd <= key) return;
    this.#search(from, middle, key, visit);
    const {interval, values} = node.group;
    if (key < interval.start) return;
    if (includes(interval, key)) values.forEach(visit);
    this.#search(middle + 1, to, key, visit);
  }

  #build(): void {
    this.#new = [];
    this.#tree = [...this.#groups.values()]
      .sort((a, b) => (a.interval.start < b.interval.start ? -1 : 1))
      .map((group) => ({group, maxEnd: endOf(group.interval)}));
    this.#noteMaxEnds(0, this.#tree.length);
  }

  /** @returns the largest end in this part; undefined if it is empty */
  #noteMaxEnds(from: number, to: number): ByteString | undefined {
    const middle = (from + to) >> 1;
    const node = this.#tree[middle];
    if (from >= to || node === undefined) return undefined;
    for (const end of [this.#noteMaxEnds(from, middle), this.#noteMaxEnds(middle + 1, to)]) {
      if (end !== undefined) node.maxEnd = later(node.maxEnd, end);
    }
    return node.maxEnd;
  }
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
