import type {Bytes, RangeRequest, RangeResponse} from 'kvi-core/driver';
import {compareByteStrings, toByteString} from '../byte-string.ts';
import {toInterval} from './interval.ts';
import type {MvccStore} from './store.ts';
import {toKeyOnly, toKeyValue, type Version} from './version.ts';

/**
 * Reads a range as etcd does.
 *
 * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION`
 * @see `Range` in etcd's server/etcdserver/apply.go
 */
export function range(store: MvccStore, request: RangeRequest<Bytes>): RangeResponse<Bytes> {
  // Most reads are of one key as it is now.
  if (isPlain(request)) return readKey(store, request.key);
  const {limit = 0, keysOnly = false, countOnly = false, sortTarget = 'key'} = request;
  const revision = request.revision === 0 ? undefined : request.revision;
  if (revision !== undefined) store.checkRevision(revision);

  const interval = toInterval(request);
  const isSorted = sortTarget === 'key';
  const isDescending = request.sortOrder === 'descend';
  // One more than the limit shows whether there are more.
  const wanted = countOnly ? 0 : limit > 0 && isSorted ? limit + 1 : Infinity;
  const accepts = bounds(request);
  const found = store.find(interval, {
    revision,
    limit: wanted,
    isDescending: isSorted && isDescending,
    accepts,
  });
  const count = !accepts && found.length < wanted ? found.length : store.count(interval, revision);

  const more = limit > 0 && found.length > limit;
  const first = isSorted
    ? found.slice(0, more ? limit : undefined)
    : firstOf(found, more ? limit : found.length, directed(orders[sortTarget], isDescending));
  const kvs = first.map(keysOnly ? toKeyOnly : toKeyValue);
  return {revision: store.revision, kvs, more, count};
}

/** Whether the request names one key and has no other option that affects the response. */
function isPlain(request: RangeRequest<Bytes>): boolean {
  return (
    !request.rangeEnd?.length &&
    !request.revision &&
    !request.keysOnly &&
    !request.countOnly &&
    !request.minModRevision &&
    !request.maxModRevision &&
    !request.minCreateRevision &&
    !request.maxCreateRevision
  );
}

function readKey(store: MvccStore, key: Bytes): RangeResponse<Bytes> {
  const found = store.get(toByteString(key));
  const {revision} = store;
  return found
    ? {revision, kvs: [toKeyValue(found)], more: false, count: 1}
    : {revision, kvs: [], more: false, count: 0};
}

/** Whether a version is within the bounds of the request; undefined if it has none. A bound of 0 counts as none. */
function bounds({
  minModRevision = 0,
  maxModRevision = 0,
  minCreateRevision = 0,
  maxCreateRevision = 0,
}: RangeRequest<Bytes>): ((version: Version) => boolean) | undefined {
  const highest = Math.max(minModRevision, maxModRevision, minCreateRevision, maxCreateRevision);
  if (highest === 0) return undefined;
  return ({modRevision, createRevision}) =>
    isBetween(modRevision, minModRevision, maxModRevision) &&
    isBetween(createRevision, minCreateRevision, maxCreateRevision);
}

function isBetween(revision: number, min: number, max: number): boolean {
  return revision >= min && (max === 0 || revision <= max);
}

type Order = (a: Version, b: Version) => number;

const orders = {
  version: (a: Version, b: Version) => a.version - b.version,
  create: (a: Version, b: Version) => a.createRevision - b.createRevision,
  mod: (a: Version, b: Version) => a.modRevision - b.modRevision,
  value: (a: Version, b: Version) => compareByteStrings(a.value, b.value),
};

/** Versions that compare as equal stay in key order, even in a descending sort. */
function directed(order: Order, isDescending: boolean): Order {
  return isDescending ? (a, b) => order(b, a) : order;
}

/** The first `limit` versions in an order. It sorts at most twice the limit at a time: few of many, as locks ask for, cost little. */
function firstOf(found: readonly Version[], limit: number, order: Order): Version[] {
  let first: Version[] = [];
  let last: Version | undefined;
  for (const version of found) {
    // Stryker disable next-line all: what is sorted in vain is cut; this only saves time
    if (last !== undefined && order(version, last) >= 0) continue;
    first.push(version);
    if (first.length < 2 * limit) continue;
    first = first.sort(order).slice(0, limit);
    last = first.at(-1);
  }
  return first.sort(order).slice(0, limit);
}
