import {describe, expect, it} from '@jest/globals';
import {
  bool,
  bytes,
  choice,
  decode,
  encode,
  id,
  int64,
  message,
  nested,
  repeated,
  text,
} from '../src/protobuf/protobuf.ts';

const inner = message({name: text(1), numbers: repeated(int64(2))});
const outer = message({
  number: int64(1),
  lease: id(2),
  flag: bool(3),
  kind: choice(4, ['none', 'some']),
  value: bytes(5),
  inner: nested(6, inner),
  inners: repeated(nested(64, inner)),
});

describe('a message', () => {
  it('is read as it was written', () => {
    const value = {
      number: 1,
      lease: '7',
      flag: true,
      kind: 'some',
      value: Buffer.from('v'),
      inner: {name: 'ä', numbers: [1, 2]},
      inners: [
        {name: '', numbers: []},
        {name: 'x'.repeat(300), numbers: [3]},
      ],
    } as const;
    expect(decode(outer, encode(outer, value))).toEqual(value);
  });

  it('is written as protoc writes it', () => {
    const buffer = encode(outer, {number: 300, value: Buffer.from('ab'), inner: {numbers: [1]}});
    expect(buffer.toString('hex')).toBe('08ac02' + '2a026162' + '32021001');
  });

  it.each(['0', '1', '7f', '80', 'fffffff', 'ffffffff', '100000000', '7fffffffffffffff', 'ffffffffffffffff'])(
    'has the id %s as protoc writes it, and reads it again',
    (lease) => {
      const bytes: number[] = [];
      let rest = BigInt(`0x${lease}`);
      for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
      const buffer = encode(outer, {lease});
      expect([...buffer]).toEqual([2 << 3, ...bytes, Number(rest)]);
      expect(decode(outer, buffer).lease).toBe(lease);
    },
  );

  it('has defaults for absent fields', () => {
    expect(decode(outer, Buffer.alloc(0))).toEqual({
      number: 0,
      lease: '0',
      flag: false,
      kind: 'none',
      value: Buffer.alloc(0),
      inner: undefined,
      inners: [],
    });
  });

  it.each([0, 1, 127, 128, 2 ** 28, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, -1, -2, -(2 ** 31)])(
    'holds the number %p',
    (number) => {
      expect(decode(outer, encode(outer, {number})).number).toBe(number);
    },
  );

  it.each(['0', '1', 'ffffffff', '100000000', '694d71ee3ba41c14', 'ffffffffffffffff'])(
    'holds the id %s',
    (lease) => {
      expect(decode(outer, encode(outer, {lease})).lease).toBe(lease);
    },
  );

  it.each([1, 127, 128, 16_383, 16_384, 3_000_000])('holds a message of about %p bytes', (length) => {
    const name = 'x'.repeat(length);
    const value = {number: 1, inner: {name}, inners: [{name}]};
    expect(decode(outer, encode(outer, value))).toMatchObject(value);
  });

  it('may hold fields that are not declared', () => {
    const buffer = encode(outer, {number: 1, flag: true, value: Buffer.from('v'), lease: '7'});
    expect(decode(message({lease: id(2)}), buffer)).toEqual({lease: '7'});
    const fixed = Buffer.from('59' + '0102030405060708' + '5d' + '01020304' + '1007', 'hex');
    expect(decode(message({lease: id(2)}), fixed)).toEqual({lease: '7'});
  });

  it('may hold numbers one by one and packed', () => {
    const numbers = (hex: string): number[] => decode(inner, Buffer.from(hex, 'hex')).numbers;
    expect(numbers('1001' + '1202ac02' + '1200' + '12020304')).toEqual([1, 300, 3, 4]);
    expect(() => numbers('1201ac02')).toThrow('truncated message');
    expect(() => numbers('120501')).toThrow('truncated message');
  });

  it('is refused when it is cut short or malformed', () => {
    const whole = encode(outer, {inner: {name: 'name', numbers: [300]}});
    for (let length = 1; length < whole.length; length += 1) {
      expect(() => decode(outer, whole.subarray(0, length))).toThrow(RangeError);
    }
    expect(() => decode(outer, Buffer.from('2007', 'hex'))).toThrow('unexpected enum value 7');
    expect(() => decode(outer, Buffer.from('0b', 'hex'))).toThrow('unexpected wire type 3');
    for (const cut of ['59', '5d01', '5901020304050607']) {
      expect(() => decode(outer, Buffer.from(cut, 'hex'))).toThrow('truncated message');
    }
    expect(() => decode(outer, Buffer.from(`08${'ff'.repeat(10)}`, 'hex'))).toThrow('malformed varint');
  });
});
