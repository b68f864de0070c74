import {describe, expect, it} from '@jest/globals';
import fc from 'fast-check';
import {compareBytes, decode, encode, nextKey, prefixEnd, show, endOfKeyspace} from '../src/etcd/bytes.ts';

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

describe('the order of keys', () => {
  it('is that of their bytes, where text would be ordered by UTF-16 units', () => {
    const texts = ['\u{1f600}', '\uff61', 'z', 'é', 'Z', ''];
    const ordered = texts.map((text) => encode(text, 'key')).sort(compareBytes);
    expect(ordered.map(String)).toEqual(['', 'Z', 'z', 'é', '\uff61', '\u{1f600}']);
    expect(texts.toSorted()).not.toEqual(ordered.map(String));
  });
});

describe('encoding', () => {
  it('gives text back as it was', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), (text) => {
        expect(decode(encode(text, 'value'), () => 'it')).toBe(text);
      }),
    );
    expect(decode(encode('\ufeffx', 'value'), () => 'it')).toBe('\ufeffx');
  });

  it('copies bytes, so that the caller may change its own', () => {
    const own = Uint8Array.of(1, 2);
    const encoded = encode(own, 'value');
    own[0] = 9;
    expect(Buffer.from(encoded)).toEqual(Buffer.from([1, 2]));
  });

  it.each(['\ud800', 'a\udc00', '\udc00\ud800'])(
    'refuses the unpaired surrogate in %j, and names the argument',
    (text) => {
      expect(() => encode(text, 'the value')).toThrow(
        expect.objectContaining({
          code: 'KVI_INVALID_ARGUMENT',
          message: expect.stringContaining('the value'),
        }),
      );
    },
  );

  it.each([
    ['number', 5],
    ['null', null],
    ['undefined', undefined],
    ['object', [1]],
    ['bigint', 5n],
    ['symbol', Symbol('s')],
  ])('refuses a value of type %s, which is neither text nor bytes', (type, value) => {
    expect(() => encode(value as never, 'key')).toThrow(
      expect.objectContaining({
        code: 'KVI_INVALID_ARGUMENT',
        message: expect.stringMatching(new RegExp(`not ${type}$`)),
      }),
    );
  });

  it('does not decode what is not UTF-8, and says what it was', () => {
    for (const invalid of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0x61, 0x80]]) {
      expect(() => decode(Uint8Array.from(invalid), () => 'the value of "k"')).toThrow(
        expect.objectContaining({
          code: 'KVI_NOT_TEXT',
          message: expect.stringContaining('the value of "k"'),
          cause: expect.anything(),
        }),
      );
    }
  });
});

describe('bytes in a message', () => {
  it('are printable and bounded', () => {
    expect(show(Buffer.from('a"\\\0é'))).toBe('"a\\x22\\x5c\\x00\\xc3\\xa9"');
    expect(show(Buffer.from('\x1f ~\x7f'))).toBe('"\\x1f ~\\x7f"');
    expect(show(new Uint8Array(64).fill(0x61))).toBe(`"${'a'.repeat(64)}"`);
    expect(show(new Uint8Array(1000).fill(0x61))).toBe(`"${'a'.repeat(64)}"… (1000 bytes)`);
  });
});
