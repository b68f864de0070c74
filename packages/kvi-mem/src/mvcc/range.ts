import type {Bytes, RangeRequest, RangeResponse} from 'kvi-core/driver';
import {compareByteStrings} from '../byte-string.ts';
import {toInterval} from './interval.ts';
import type {MvccStore} from './store.ts';
import {toKeyValue, type Version} from './version.ts';

/**
 * Reads, as etcd does.
 *
 * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION`
 * @see `Range` in etcd's server/etcdserver/apply.go
 */
export function range(store: MvccStore, request: RangeRequest<Bytes>): RangeResponse<Bytes> {
  const {limit = 0, revision = 0, keysOnly = false} = request;
  if (revision > 0) store.checkRevision(revision);

  const fetched: Version[] = [];
  const wanted = howManyToFetch(request);
  let count = 0;
  const visit = (version: Version) => {
    count += 1;
    if (fetched.length < wanted) fetched.push(version);
  };
  store.scan(toInterval(request), visit, revision > 0 ? revision : undefined);

  const found = hasBounds(request) ? fetched.filter((version) => isWithinBounds(version, request)) : fetched;
  sort(found, request);
  const more = limit > 0 && found.length > limit;
  const kvs = (more ? found.slice(0, limit) : found).map((version) =>
    toKeyValue(keysOnly ? {...version, value: ''} : version),
  );
  return {revision: store.revision, kvs, more, count};
}

/** One more than the limit shows whether there are more. What is filtered or ordered is cut only after that. */
function howManyToFetch(request: RangeRequest<Bytes>): number {
  const {limit = 0, countOnly = false} = request;
  if (countOnly) return 0;
  return limit === 0 || isSorted(request) || hasBounds(request) ? Infinity : limit + 1;
}

/** Keys come in ascending order by themselves. */
function isSorted({sortOrder, sortTarget = 'key'}: RangeRequest<Bytes>): boolean {
  return sortOrder === 'descend' || sortTarget !== 'key';
}

function hasBounds(request: RangeRequest<Bytes>): boolean {
  const {minModRevision = 0, maxModRevision = 0, minCreateRevision = 0, maxCreateRevision = 0} = request;
  return Math.max(minModRevision, maxModRevision, minCreateRevision, maxCreateRevision) > 0;
}

function isWithinBounds({modRevision, createRevision}: Version, request: RangeRequest<Bytes>): boolean {
  return (
    isBetween(modRevision, request.minModRevision, request.maxModRevision) &&
    isBetween(createRevision, request.minCreateRevision, request.maxCreateRevision)
  );
}

/** A bound of 0 is none. */
function isBetween(revision: number, min = 0, max = 0): boolean {
  return revision >= min && (max === 0 || revision <= max);
}

const orders = {
  key: (a: Version, b: Version) => compareByteStrings(a.key, b.key),
  version: (a: Version, b: Version) => a.version - b.version,
  create: (a: Version, b: Version) => a.createRevision - b.createRevision,
  mod: (a: Version, b: Version) => a.modRevision - b.modRevision,
  value: (a: Version, b: Version) => compareByteStrings(a.value, b.value),
};

/** Keys that compare as equal stay in key order, in a descending sort too. */
function sort(found: Version[], {sortOrder = 'ascend', sortTarget = 'key'}: RangeRequest<Bytes>): void {
  const order = orders[sortTarget];
  if (sortOrder === 'descend') found.sort((a, b) => order(b, a));
  else if (sortTarget !== 'key') found.sort(order);
}
