import type {Bytes, RangeRequest, RangeResponse} from 'kvi-core/driver';
import {compareByteStrings} from '../byte-string.ts';
import {toInterval} from './interval.ts';
import type {MvccStore} from './store.ts';
import {toKeyOnly, toKeyValue, type Version} from './version.ts';

/**
 * Reads, as etcd does.
 *
 * @throws `KVI_COMPACTED`, `KVI_FUTURE_REVISION`
 * @see `Range` in etcd's server/etcdserver/apply.go
 */
export function range(store: MvccStore, request: RangeRequest<Bytes>): RangeResponse<Bytes> {
  const {limit = 0, revision = 0, keysOnly = false, countOnly = false} = request;
  if (revision > 0) store.checkRevision(revision);

  // In key order they come sorted, and one more than the limit tells whether there are more.
  const wanted = countOnly ? 0 : limit > 0 && isInKeyOrder(request) ? limit + 1 : Infinity;
  const found: Version[] = [];
  let count = 0;
  const visit = (version: Version) => {
    count += 1;
    if (found.length < wanted && isWithinBounds(version, request)) found.push(version);
  };
  store.scan(toInterval(request), visit, revision > 0 ? revision : undefined);

  sort(found, request);
  const more = limit > 0 && found.length > limit;
  if (more) found.length = limit;
  const kvs = found.map(keysOnly ? toKeyOnly : toKeyValue);
  return {revision: store.revision, kvs, more, count};
}

function isInKeyOrder({sortOrder = 'ascend', sortTarget = 'key'}: RangeRequest<Bytes>): boolean {
  return sortOrder === 'ascend' && sortTarget === 'key';
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

/** They come in ascending order of keys. Those that compare as equal stay so, in a descending sort too. */
function sort(found: Version[], {sortOrder, sortTarget = 'key'}: RangeRequest<Bytes>): void {
  const order = orders[sortTarget];
  if (sortOrder === 'descend') found.sort((a, b) => order(b, a));
  else if (sortTarget !== 'key') found.sort(order);
}
