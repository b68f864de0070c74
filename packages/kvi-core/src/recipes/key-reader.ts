import type {CallOptions} from '../api/call-options.ts';
import type {Kvi} from '../api/kvi.ts';
import {type Bytes, compareBytes} from '../etcd/bytes.ts';
import {nextKey} from '../etcd/key-range.ts';
import type {KeyRange, KeyValue} from '../etcd/messages.ts';
import {nextLimit} from '../policy/pages.ts';

/** Few, as nothing is known of how large the values are. */
const firstPageKeys = 32;
/** All that a page may have, so that large values that come after many small ones are no more at a time. */
const maxPageKeys = 512;

/** Reads a range once, from its first key to its last, a page at a time. */
export interface KeyReader {
  /** The key-values before `key`, or all that are left. */
  until(key?: Bytes): AsyncGenerator<KeyValue<Bytes>, undefined>;
  /** What a key holds. It passes over those before it without reading them all. */
  at(key: Bytes): Promise<KeyValue<Bytes> | undefined>;
}

/**
 * @param options - with a `revision`, all pages are read at this one; otherwise each is the present state when it is read
 */
export function keyReader(
  kv: Kvi<Bytes>,
  {key: start, rangeEnd: end}: KeyRange<Bytes>,
  options: CallOptions & {revision?: number | undefined},
): KeyReader {
  let page: readonly KeyValue<Bytes>[] = [];
  let taken = 0;
  let next = start;
  let more = true;
  let limit = firstPageKeys;

  /** The next key-value, which stays the next one. */
  async function peek(): Promise<KeyValue<Bytes> | undefined> {
    if (taken === page.length && more) {
      ({kvs: page, more} = await kv.range({start: next, end}, {...options, limit}));
      taken = 0;
      limit = Math.min(maxPageKeys, nextLimit(page, limit));
      next = nextKey(page.at(-1)?.key ?? next);
    }
    return page[taken];
  }

  async function* until(key?: Bytes): AsyncGenerator<KeyValue<Bytes>, undefined> {
    for (;;) {
      const found = await peek();
      if (found === undefined || (key !== undefined && compareBytes(found.key, key) >= 0)) return undefined;
      taken += 1;
      yield found;
    }
  }

  async function at(key: Bytes): Promise<KeyValue<Bytes> | undefined> {
    while (isBefore(page[taken], key)) taken += 1;
    // Stryker disable next-line EqualityOperator: if the two are equal, they are the same key
    if (compareBytes(next, key) < 0) next = key;
    const found = await peek();
    if (found === undefined || compareBytes(found.key, key) !== 0) return undefined;
    taken += 1;
    return found;
  }

  return {until, at};
}

function isBefore(found: KeyValue<Bytes> | undefined, key: Bytes): boolean {
  return found !== undefined && compareBytes(found.key, key) < 0;
}
