import {
  type Bytes,
  compareBytes,
  includesKey,
  type KeyRange,
  type KeyValue,
  type RangeRequest,
  type RangeResponse,
} from 'kvi-core/driver';
import type {KeyValues} from './state.ts';

/** The contents of a range, in key order. */
export function select(kvs: KeyValues, range: KeyRange<Bytes>): KeyValue<Bytes>[] {
  return [...kvs.values()].filter(({key}) => includesKey(range, key)).sort(orders.key);
}

/**
 * Reads a range: counts it, applies the revision bounds, sorts it, and applies the limit.
 */
export function read(kvs: KeyValues, request: RangeRequest<Bytes>): Omit<RangeResponse<Bytes>, 'revision'> {
  const found = select(kvs, request);
  const count = found.length;
  if (request.countOnly === true) return {kvs: [], more: false, count};

  const order = orders[request.sortTarget ?? 'key'];
  const sorted = found
    .filter((kv) => isWithinBounds(kv, request))
    // Sorting is stable: ties stay in key order in either direction.
    .sort((a, b) => (request.sortOrder === 'descend' ? order(b, a) : order(a, b)));
  const limit = request.limit || Infinity;
  const shown = sorted.slice(0, limit);
  return {
    kvs: request.keysOnly === true ? shown.map((kv) => ({...kv, value: Buffer.of()})) : shown,
    more: sorted.length > limit,
    count,
  };
}

/** A bound of 0 counts as none. */
function isWithinBounds(kv: KeyValue<Bytes>, request: RangeRequest<Bytes>): boolean {
  return (
    kv.modRevision >= (request.minModRevision ?? 0) &&
    kv.modRevision <= (request.maxModRevision || Infinity) &&
    kv.createRevision >= (request.minCreateRevision ?? 0) &&
    kv.createRevision <= (request.maxCreateRevision || Infinity)
  );
}

const orders = {
  key: (a: KeyValue<Bytes>, b: KeyValue<Bytes>) => compareBytes(a.key, b.key),
  value: (a: KeyValue<Bytes>, b: KeyValue<Bytes>) => compareBytes(a.value, b.value),
  version: (a: KeyValue<Bytes>, b: KeyValue<Bytes>) => a.version - b.version,
  create: (a: KeyValue<Bytes>, b: KeyValue<Bytes>) => a.createRevision - b.createRevision,
  mod: (a: KeyValue<Bytes>, b: KeyValue<Bytes>) => a.modRevision - b.modRevision,
};
