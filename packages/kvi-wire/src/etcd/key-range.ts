import type {Bytes} from 'kvi-core/driver';
import {bytes, type Field} from '../protobuf/protobuf.ts';

/** kvi's empty end means none; to etcd, one that is sent means every key from `key` on. */
export function rangeEnd(number: number): Field<Bytes> {
  const field = bytes(number);
  return {
    ...field,
    write(to, value) {
      if (value.length > 0) field.write(to, value);
    },
  };
}
