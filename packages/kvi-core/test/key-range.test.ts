import {describe, expect, it} from '@jest/globals';
import fc from 'fast-check';
import {compareBytes} from '../src/etcd/bytes.ts';
import {
  describeRange,
  endOfKeyspace,
  everyKey,
  includesKey,
  isEmptyRange,
  keyId,
  nextKey,
  overlap,
  prefixEnd,
  prefixRange,
} from '../src/etcd/key-range.ts';

const bytes = fc.uint8Array({maxLength: 5});
/** Bytes in which 0x00, 0xFE and 0xFF, where the traps are, come often. */
const edgyBytes = fc
  .array(fc.constantFrom(0x00, 0x61, 0x62, 0xfe, 0xff), {maxLength: 5})
  .map((array) => Uint8Array.from(array));
const key = fc.oneof(bytes, edgyBytes);

function startsWith(whole: Uint8Array, prefix: Uint8Array): boolean {
  return compareBytes(whole.subarray(0, prefix.length), prefix) === 0;
}

describe('the end of a prefix', () => {
  it('adds one to the last byte that is not 0xFF, and cuts off what follows', () => {
    expect(Buffer.from(prefixEnd(Uint8Array.of(0x61, 0x62)))).toEqual(Buffer.from([0x61, 0x63]));
    expect(Buffer.from(prefixEnd(Uint8Array.of(0x61, 0xff, 0xff)))).toEqual(Buffer.from([0x62]));
    expect(Buffer.from(prefixEnd(Buffer.from('é')))).toEqual(Buffer.from([0xc3, 0xaa]));
  });

  it('is the end of all keys for an empty prefix and for one of 0xFF only', () => {
    expect(prefixEnd(new Uint8Array())).toEqual(endOfKeyspace);
    expect(prefixEnd(Uint8Array.of(0xff, 0xff))).toEqual(endOfKeyspace);
  });

  it('makes the range of exactly the keys that start with the prefix', () => {
    fc.assert(
      fc.property(key, key, fc.boolean(), (prefix, tail, related) => {
        const candidate = related ? Buffer.concat([prefix, tail]) : tail;
        const end = prefixEnd(prefix);
        const isBeforeEnd = compareBytes(end, endOfKeyspace) === 0 || compareBytes(candidate, end) < 0;
        expect(compareBytes(prefix, candidate) <= 0 && isBeforeEnd).toBe(startsWith(candidate, prefix));
      }),
      {numRuns: 2000},
    );
  });

  it('leaves the prefix as it is', () => {
    const prefix = Uint8Array.of(0x61, 0xff);
    prefixEnd(prefix);
    expect(prefix).toEqual(Uint8Array.of(0x61, 0xff));
  });
});

describe('the next key', () => {
  it('has no key between it and the one before', () => {
    fc.assert(
      fc.property(key, key, (first, other) => {
        const next = nextKey(first);
        expect(compareBytes(first, next)).toBe(-1);
        expect(compareBytes(other, first) > 0 && compareBytes(other, next) < 0).toBe(false);
      }),
      {numRuns: 2000},
    );
  });
});

describe('a range of keys', () => {
  const bounds = fc.oneof(key, fc.constant(endOfKeyspace));

  it('has a key if it lies between its start and its end', () => {
    fc.assert(
      fc.property(key, bounds, key, (start, rangeEnd, candidate) => {
        const range = {key: start, rangeEnd};
        const isIn = includesKey(range, candidate);
        if (rangeEnd.length === 0) expect(isIn).toBe(compareBytes(start, candidate) === 0);
        else if (compareBytes(rangeEnd, endOfKeyspace) === 0)
          expect(isIn).toBe(compareBytes(start, candidate) <= 0);
        else expect(isIn).toBe(compareBytes(start, candidate) <= 0 && compareBytes(candidate, rangeEnd) < 0);
        if (isEmptyRange(range)) expect(isIn).toBe(false);
        else expect(includesKey(range, start)).toBe(true);
      }),
      {numRuns: 2000},
    );
  });

  it('is every key for an empty prefix', () => {
    expect(prefixRange(new Uint8Array())).toEqual(everyKey);
    expect(prefixRange(Buffer.from('a'))).toEqual({key: Buffer.from('a'), rangeEnd: Buffer.from('b')});
  });

  it.each([
    ['a key', undefined, '"a"'],
    ['a key with an empty end', '', '"a"'],
    ['a range', 'c', '["a", "c")'],
    ['a range to the last key', '\0', '["a", the last key]'],
  ])('names %s', (_, end, shown) => {
    const rangeEnd = end === undefined ? undefined : Buffer.from(end);
    expect(describeRange({key: Buffer.from('a'), rangeEnd})).toBe(shown);
  });
});

describe('the id of a key', () => {
  it('is the same for the same bytes, and another for others', () => {
    fc.assert(
      fc.property(key, key, (first, second) => {
        expect(keyId(first) === keyId(second)).toBe(compareBytes(first, second) === 0);
      }),
    );
  });
});

describe('two ranges', () => {
  it('overlap if the later start is in both', () => {
    const range = fc
      .record({key: edgyBytes, rangeEnd: fc.oneof(edgyBytes, fc.constant(endOfKeyspace))})
      .filter((each) => each.rangeEnd.length > 0 && !isEmptyRange(each));
    fc.assert(
      fc.property(range, range, (a, b) => {
        const later = compareBytes(a.key, b.key) > 0 ? a.key : b.key;
        expect(overlap(a, b)).toBe(includesKey(a, later) && includesKey(b, later));
      }),
      {seed: 1, numRuns: 1_000},
    );
  });
});
