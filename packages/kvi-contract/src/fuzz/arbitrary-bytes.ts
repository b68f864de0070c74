import * as fc from 'fast-check';
import {type Bytes, encode, type KeyRange} from 'kvi-core/driver';

/** A few keys that collide often and are easily confused or misordered. */
const keys: readonly Bytes[] = [
  // Prefixes of each other, and next to each other.
  ...['a', 'aa', 'ab', 'b', 'a\0'].map((text) => encode(text, 'key')),
  Uint8Array.of(0),
  Uint8Array.of(0, 0),
  // UTF-16 orders the astral character before the last one, UTF-8 after it.
  ...['é', '\u{10437}', '\uffff'].map((text) => encode(text, 'key')),
  // Not UTF-8.
  Uint8Array.of(0xc3, 0x28),
  Uint8Array.of(0xff),
  Uint8Array.of(0xff, 0xff),
];

const smallValues: readonly Bytes[] = [
  ...['', '0', 'x', 'xx', '\0', '10', '9', '\u{10437}', '\uffff'].map((text) => encode(text, 'value')),
  Uint8Array.of(0xff),
  Uint8Array.of(0xc3, 0x28),
];

/** A key; the first ones are the most likely. */
export const key: fc.Arbitrary<Bytes> = fc.oneof(
  {weight: 3, arbitrary: fc.constantFrom(...keys.slice(0, 4))},
  {weight: 2, arbitrary: fc.constantFrom(...keys)},
);

/** A value. */
export const value: fc.Arbitrary<Bytes> = fc.constantFrom(...smallValues);

/** Up to the request limit of 1.5 MiB, and a little more. */
export const largeBytes: fc.Arbitrary<Bytes> = fc
  .record({byte: fc.constantFrom(0, 0x78, 0xff), length: fc.integer({min: 1000, max: 1_580_000})})
  .map(({byte, length}) => Buffer.alloc(length, byte));

/** A range: one key, some, all, or none because its end is not after its start. */
export const range: fc.Arbitrary<KeyRange<Bytes>> = fc.record(
  {
    key,
    rangeEnd: fc.oneof(
      {weight: 3, arbitrary: key},
      {weight: 3, arbitrary: fc.constant(Uint8Array.of(0))},
      {weight: 1, arbitrary: fc.constant(new Uint8Array())},
    ),
  },
  {requiredKeys: ['key']},
);
