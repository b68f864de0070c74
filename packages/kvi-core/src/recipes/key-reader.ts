import type {CallOptions} from '../api/call-options.ts';
import type {Kvi} from '../api/kvi.ts';
import {type Bytes, compareBytes} from '../etcd/bytes.ts';
import {isEndless, nextKey, prefixEnd} from '../etcd/key-range.ts';
import type {KeyRange, KeyValue} from '../etcd/messages.ts';
import {nextLimit} from '../policy/pages.ts';

/** Few, as nothing is known of how large the values are. */
const firstPageKeys = 32;
/** All that a page may have, so that large values that come after many small ones are no more at a time. */
const maxPageKeys = 512;

/** A part with more keys than these is read in smaller ones. */
const manyKeys = 4_096;
/** Behind a part with fewer keys than these comes a larger one. */
const fewKeys = 128;

/** How the keys are read. */
export interface KeyReaderOptions extends CallOptions {
  /** Leave out the values. */
  keysOnly?: boolean | undefined;
  /** Read the store as it was at this revision. */
  revision?: number | undefined;
  /** Read all pages at the revision of the first. Otherwise each is the present state when it is read. */
  pinned?: boolean | undefined;
}

/** Reads a range once, from its first key to its last, a page at a time. */
export interface KeyReader {
  /** The key-values before `key`, or all that are left. */
  until(key?: Bytes): AsyncGenerator<KeyValue<Bytes>, undefined>;
  /** What a key holds. It passes over those before it without reading them all. */
  at(key: Bytes): Promise<KeyValue<Bytes> | undefined>;
  /** Passes over the keys before this one, without reading them all. */
  skipTo(key: Bytes): void;
}

/** The keys of a range that begin with the same bytes. */
interface Part {
  prefix: Bytes;
  /** Roughly how many keys it has, as far as is known. */
  keys: number;
  /** By how many bytes the prefix of a smaller part may be longer. */
  step: number;
  /** Whether it is larger than the one before, which had few keys. */
  isWider: boolean;
}

/**
 * etcd goes through the whole rest of a range for each page of it, which for a million keys takes longer than all else. So a
 * long range is read in parts, the keys that begin with the same bytes: `m/` with too many is read as `m/0`, `m/1` and so on,
 * and one of those with too many as `m/10`, `m/11`... Each answer of etcd says how many keys its part has: behind one with too
 * few, the next is shorter by a byte again, which is also how the bytes that no key has are passed over.
 */
export function keyReader(
  kv: Kvi<Bytes>,
  {key: start, rangeEnd}: KeyRange<Bytes>,
  {pinned = false, ...options}: KeyReaderOptions,
): KeyReader {
  const lastEnd = rangeEnd ?? nextKey(start);
  let page: readonly KeyValue<Bytes>[] = [];
  let taken = 0;
  let next = start;
  let more = true;
  let limit = options.keysOnly === true ? maxPageKeys : firstPageKeys;
  let {revision} = options;
  /** Undefined: all that is left. */
  let part: Part | undefined;

  /** Where the part ends, if that is before the range does. */
  function partEnd(): Bytes | undefined {
    const end = part && prefixEnd(part.prefix);
    return end === undefined || isEndless(end) || !isBefore(end, lastEnd) ? undefined : end;
  }

  async function readPage(): Promise<void> {
    const end = partEnd();
    const found = await kv.range({start: next, end: end ?? rangeEnd}, {...options, revision, limit});
    if (pinned) revision ||= found.revision;
    page = found.kvs;
    taken = 0;
    limit = Math.min(maxPageKeys, nextLimit(page, limit));
    if (part !== undefined) part.keys = Math.max(part.keys, found.count);
    const last = page.at(-1);
    // Stryker disable next-line ConditionalExpression: a page with more after it is not empty
    if (found.more && last !== undefined) {
      next = nextKey(last.key);
      // Stryker disable next-line EqualityOperator: one key makes no difference
      if (found.count - page.length > manyKeys) part = smallerPart(last.key);
      // Stryker disable next-line ConditionalExpression: what ends before the range does is a part
    } else if (part === undefined || end === undefined) {
      more = false;
    } else {
      next = end;
      part = partBehind(part, end);
    }
  }

  /**
   * What is read after a page, if what it was read with has too many keys: the prefix grows by a byte, or faster and faster
   * where all keys of the page have more in common.
   */
  function smallerPart(last: Bytes): Part {
    const {step = 1} = part ?? {};
    const length = part?.prefix.length ?? commonLength(start, last);
    // Stryker disable next-line OptionalChaining: a page with a last key has a first one
    const common = commonLength(page[0]?.key ?? last, last);
    const prefix = last.subarray(0, Math.max(length + 1, Math.min(length + step, common)));
    return {prefix, keys: page.length, step: 2 * step, isWider: false};
  }

  /**
   * The next one of the same length, or a wider one. Not two wider ones in a row: what is behind bytes that no key has is most
   * likely as large as what was before them.
   */
  function partBehind({keys, isWider: wasWider}: Part, end: Bytes): Part {
    // Stryker disable next-line EqualityOperator: one key makes no difference
    const isWider = keys < fewKeys && !wasWider;
    return {prefix: isWider ? end.subarray(0, -1) : end, keys: 0, step: 1, isWider};
  }

  /** The next key-value, which stays the next one. */
  async function peek(): Promise<KeyValue<Bytes> | undefined> {
    while (taken === page.length && more) await readPage();
    return page[taken];
  }

  async function* until(key?: Bytes): AsyncGenerator<KeyValue<Bytes>, undefined> {
    for (;;) {
      const found = await peek();
      if (found === undefined || (key !== undefined && !isBefore(found.key, key))) return undefined;
      taken += 1;
      yield found;
    }
  }

  function skipTo(key: Bytes): void {
    while (isBefore(page[taken]?.key, key)) taken += 1;
    if (!isBefore(next, key)) return;
    next = key;
    more &&= isBefore(key, lastEnd);
    const end = partEnd();
    // Stryker disable next-line ConditionalExpression: what ends before the range does is a part
    if (part !== undefined && end !== undefined && !isBefore(key, end)) {
      part = {prefix: key.subarray(0, part.prefix.length), keys: 0, step: 1, isWider: false};
    }
  }

  async function at(key: Bytes): Promise<KeyValue<Bytes> | undefined> {
    skipTo(key);
    const found = await peek();
    if (found === undefined || compareBytes(found.key, key) !== 0) return undefined;
    taken += 1;
    return found;
  }

  return {until, at, skipTo};
}

/** `"\0"` as an end is behind all keys. */
function isBefore(key: Bytes | undefined, other: Bytes): boolean {
  return key !== undefined && (isEndless(other) || compareBytes(key, other) < 0);
}

function commonLength(one: Bytes, other: Bytes): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}
