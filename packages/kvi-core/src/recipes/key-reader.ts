import type {CallOptions} from '../api/call-options.ts';
import type {Kvi} from '../api/kvi.ts';
import {type Bytes, compareBytes} from '../etcd/bytes.ts';
import {nextKey} from '../etcd/key-range.ts';
import {insideOf} from '../kvi/inside.ts';
import type {KeyRange, KeyValue} from '../etcd/messages.ts';
import {nextLimit} from '../policy/pages.ts';

/** Few, as nothing is known of how large the values are. */
const firstPageKeys = 32;
/** All that a page may have, so that large values that come after many small ones are no more at a time. */
const maxPageKeys = 512;

/** With more keys than these left, the range is cut into parts first. */
const manyKeys = 4_096;
/** How many keys are listed at once to find the cuts. */
const listedKeys = 16_384;

/** Reads a range once, from its first key to its last, a page at a time. */
export interface KeyReader {
  /** The key-values before `key`, or all that are left. */
  until(key?: Bytes): AsyncGenerator<KeyValue<Bytes>, undefined>;
  /** What a key holds. It passes over those before it without reading them all. */
  at(key: Bytes): Promise<KeyValue<Bytes> | undefined>;
}

/**
 * etcd goes through the whole rest of a range for each page of it, which for a million keys takes longer than all else. So a
 * long rest is cut: its keys are listed, many at once, and the pages are read between every 512th of them.
 *
 * @param options - with a `revision`, all pages are read at this one; otherwise each is the present state when it is read
 */
export function keyReader(
  kv: Kvi<Bytes>,
  {key: start, rangeEnd: end}: KeyRange<Bytes>,
  options: CallOptions & {revision?: number | undefined},
): KeyReader {
  const {driver} = insideOf(kv).handle;
  const {revision, ...callOptions} = options;
  let page: readonly KeyValue<Bytes>[] = [];
  let taken = 0;
  let next = start;
  let more = true;
  let limit = firstPageKeys;

  /** The ends of the parts to read, in order. */
  let cuts: Bytes[] = [];
  /** Roughly how many keys are left. */
  let left = 0;

  async function cut(): Promise<Bytes[]> {
    const request = {key: next, rangeEnd: end, keysOnly: true, limit: listedKeys, revision};
    const {kvs} = await driver.range(request, callOptions);
    return kvs.filter((_, at) => at % maxPageKeys === maxPageKeys - 1).map(({key}) => nextKey(key));
  }

  async function readPage(): Promise<void> {
    // Stryker disable next-line EqualityOperator: one key makes no difference
    if (cuts.length === 0 && left > manyKeys) cuts = await cut();
    const [partEnd] = cuts;
    const found = await kv.range({start: next, end: partEnd ?? end}, {...options, limit});
    page = found.kvs;
    taken = 0;
    limit = Math.min(maxPageKeys, nextLimit(page, limit));
    left = (partEnd === undefined ? found.count : left) - page.length;
    if (partEnd !== undefined && !found.more) {
      next = partEnd;
      cuts.shift();
    } else {
      next = nextKey(page.at(-1)?.key ?? next);
      more = found.more;
    }
  }

  /** The next key-value, which stays the next one. */
  async function peek(): Promise<KeyValue<Bytes> | undefined> {
    while (taken === page.length && more) await readPage();
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
    if (compareBytes(next, key) < 0) {
      next = key;
      // Stryker disable next-line EqualityOperator: a part without keys does no harm
      cuts = cuts.filter((cut) => compareBytes(cut, key) > 0);
    }
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
