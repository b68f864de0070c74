import {describe, expect, it} from '@jest/globals';
import fc from 'fast-check';
import {compareBytes, decodeUtf8, encode, show} from '../src/etcd/bytes.ts';

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
        expect(decodeUtf8(encode(text, 'value'))).toBe(text);
      }),
    );
    expect(decodeUtf8(encode('\ufeffx', 'value'))).toBe('\ufeffx');
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

  it('does not decode what is not UTF-8', () => {
    for (const invalid of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0x61, 0x80]]) {
      expect(decodeUtf8(Uint8Array.from(invalid))).toBeUndefined();
    }
  });

  it('decodes a view of a larger memory', () => {
    expect(decodeUtf8(new Uint8Array(Buffer.from('abc')).subarray(1, 2))).toBe('b');
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
