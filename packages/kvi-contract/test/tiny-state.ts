import {
  type Bytes,
  type Compare,
  type KeyRange,
  type KeyValue,
  noLease,
  type RangeRequest,
} from 'kvi-core/driver';

/** The store at one revision, whole. Its keys are latin1 text, which has the order of bytes. */
export type State = ReadonlyMap<string, KeyValue<Bytes>>;

/** What is compared of a key that does not exist, and shown of one that was deleted. */
export const absent: KeyValue<Bytes> = {
  key: Buffer.of(),
  value: Buffer.of(),
  createRevision: 0,
  modRevision: 0,
  version: 0,
  lease: noLease,
};

export function toText(bytes: Bytes): string {
  return Buffer.from(bytes).toString('latin1');
}

export function includes({key, rangeEnd}: KeyRange<Bytes>, candidate: Bytes): boolean {
  const [start, end, id] = [toText(key), toText(rangeEnd ?? Buffer.of()), toText(candidate)];
  if (end === '') return id === start;
  return id >= start && (end === '\0' || id < end);
}

/** The key-values of a range, in key order. */
export function select(state: State, range: KeyRange<Bytes>): KeyValue<Bytes>[] {
  return [...state.values()].filter(({key}) => includes(range, key)).sort(orders.key);
}

/** What a read of the state answers. */
export function read(state: State, request: RangeRequest<Bytes>) {
  const found = select(state, request);
  const kvs = found.filter((kv) => isWithinBounds(kv, request));
  const order = orders[request.sortTarget ?? 'key'];
  kvs.sort(request.sortOrder === 'descend' ? (a, b) => order(b, a) : order);
  if (request.countOnly === true) return {kvs: [], more: false, count: found.length};
  const limit = request.limit || Infinity;
  return {
    kvs: kvs.slice(0, limit).map((kv) => (request.keysOnly === true ? {...kv, value: Buffer.of()} : kv)),
    more: kvs.length > limit,
    count: found.length,
  };
}

function isWithinBounds(
  {modRevision, createRevision}: KeyValue<Bytes>,
  request: RangeRequest<Bytes>,
): boolean {
  return (
    modRevision >= (request.minModRevision ?? 0) &&
    modRevision <= (request.maxModRevision || Infinity) &&
    createRevision >= (request.minCreateRevision ?? 0) &&
    createRevision <= (request.maxCreateRevision || Infinity)
  );
}

const orders = {
  key: (a: KeyValue<Bytes>, b: KeyValue<Bytes>) => Buffer.compare(a.key, b.key),
  value: (a: KeyValue<Bytes>, b: KeyValue<Bytes>) => Buffer.compare(a.value, b.value),
  version: (a: KeyValue<Bytes>, b: KeyValue<Bytes>) => a.version - b.version,
  create: (a: KeyValue<Bytes>, b: KeyValue<Bytes>) => a.createRevision - b.createRevision,
  mod: (a: KeyValue<Bytes>, b: KeyValue<Bytes>) => a.modRevision - b.modRevision,
};

/** Whether the state meets a condition. */
export function holds(state: State, compare: Compare<Bytes>): boolean {
  const found = select(state, compare);
  if (found.length === 0) return compare.target !== 'value' && meets(absent, compare);
  return found.every((kv) => meets(kv, compare));
}

function meets(kv: KeyValue<Bytes>, compare: Compare<Bytes>): boolean {
  const order = compareTo(kv, compare);
  switch (compare.result) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '>':
      return order > 0;
  }
}

function compareTo(kv: KeyValue<Bytes>, compare: Compare<Bytes>): number {
  switch (compare.target) {
    case 'value':
      return Buffer.compare(kv.value, compare.value);
    case 'version':
      return kv.version - compare.version;
    case 'create':
      return kv.createRevision - compare.createRevision;
    case 'mod':
      return kv.modRevision - compare.modRevision;
    case 'lease':
      return Number(BigInt(`0x${kv.lease}`) - BigInt(`0x${compare.lease}`));
  }
}
