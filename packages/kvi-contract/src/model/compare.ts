import {type Bytes, type Compare, compareBytes, type KeyValue} from 'kvi-core/driver';
import {select} from './range.ts';
import {absent, type KeyValues} from './state.ts';

/** Whether a condition holds for every key of its range or, if it is empty, for an absent key. */
export function holds(kvs: KeyValues, compare: Compare<Bytes>): boolean {
  const found = select(kvs, compare);
  if (found.length > 0) return found.every((kv) => meets(kv, compare));
  // An absent key has no value to compare, not even an empty one.
  return compare.target !== 'value' && meets(absent, compare);
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

/** Negative, 0 or positive if the key has less than, as much as or more than the operand. */
function compareTo(kv: KeyValue<Bytes>, compare: Compare<Bytes>): number {
  switch (compare.target) {
    case 'value':
      return compareBytes(kv.value, compare.value);
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
