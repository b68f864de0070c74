import {type Bytes, compareBytes, type KeyValue, type RangeRequest} from 'kvi-core/driver';

type Order = (a: KeyValue<Bytes>, b: KeyValue<Bytes>) => number;

const orders: Record<'key' | 'version' | 'create' | 'mod' | 'value', Order> = {
  key: (a, b) => compareBytes(a.key, b.key),
  version: (a, b) => a.version - b.version,
  create: (a, b) => a.createRevision - b.createRevision,
  mod: (a, b) => a.modRevision - b.modRevision,
  value: (a, b) => compareBytes(a.value, b.value),
};

/**
 * Puts keys that compare equal into key order. etcd returns more than 12 of them in any order, and where a limit cuts
 * through them, it leaves out any.
 */
export function orderTies(
  kvs: KeyValue<Bytes>[],
  {sortOrder = 'ascend', sortTarget = 'key', keysOnly = false}: RangeRequest<Bytes>,
): KeyValue<Bytes>[] {
  // Sorted by key already, or by values that were left out.
  if (sortTarget === 'key' || (sortTarget === 'value' && keysOnly)) return kvs;
  const order = orders[sortTarget];
  const direction = sortOrder === 'ascend' ? 1 : -1;
  return kvs.sort((a, b) => direction * order(a, b) || orders.key(a, b));
}
