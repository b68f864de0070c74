/** Header blocks, both ways. */
import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {MemStore} from 'kvi-mem';
import {type CallInfo, serve, type ServerHandle} from 'kvi-server';
import {range} from 'kvi-wire';
import {connect} from 'node:http2';
import {HeaderDecoder} from '../src/http2/header-block.ts';
import {type Client, connectClient} from './support/client.ts';
import {block, callFields, continuation, type Field, flag, headers} from './support/frames.ts';
import {connectRaw, expectServed} from './support/raw-client.ts';

const key = Buffer.from('k');
let server: ServerHandle;
let seen: CallInfo['metadata'][];
beforeEach(async () => {
  seen = [];
  const driver = new MemStore().driver();
  server = await serve(driver, {
    listen: '127.0.0.1:0',
    authorize({metadata}) {
      seen.push(metadata);
      return driver;
    },
  });
});
afterEach(() => server.close());

const decode = (decoder: HeaderDecoder, hex: string): readonly Field[] =>
  decoder.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('the examples of RFC 7541', () => {
  it.each<[name: string, hex: string, field: Field]>([
    [
      'C.2.1',
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      ['custom-key', 'custom-header'],
    ],
    ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', [':path', '/sample/path']],
    ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', ['password', 'secret']],
    ['C.2.4', '82', [':method', 'GET']],
  ])('%s', (_, hex, field) => {
    expect(decode(new HeaderDecoder(1_000), hex)).toEqual([field]);
  });

  const first: Field[] = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ];
  const second: Field[] = [...first, ['cache-control', 'no-cache']];
  const third: Field[] = [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ];
  it.each([
    [
      'C.3',
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    [
      'C.4, in Huffman',
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
  ])('%s', (_, ...blocks) => {
    const decoder = new HeaderDecoder(1_000);
    expect(blocks.map((each) => decode(decoder, each))).toEqual([first, second, third]);
  });

  const date = 'Mon, 21 Oct 2013 20:13:2';
  const always = (status: string, second: string): Field[] => [
    [':status', status],
    ['cache-control', 'private'],
    ['date', `${date}${second} GMT`],
    ['location', 'https://www.example.com'],
  ];
  it.each([
    [
      'C.5, with a table of 256 bytes',
      '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '4803 3330 37c1 c0bf',
      '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
    ],
    [
      'C.6, with a table of 256 bytes, in Huffman',
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      '4883 640e ffc1 c0bf',
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ],
  ])('%s', (_, ...blocks) => {
    const decoder = new HeaderDecoder(1_000);
    decode(decoder, '3fe1 01');
    expect(blocks.map((each) => decode(decoder, each))).toEqual([
      always('302', '1'),
      always('307', '1'),
      [
        ...always('200', '2'),
        ['content-encoding', 'gzip'],
        ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
      ],
    ]);
  });
});

describe('a header block', () => {
  it('may change the size of the table, and what no longer fits is gone', () => {
    const decoder = new HeaderDecoder(1_000);
    expect(decode(decoder, '4001 6101 62 4001 6301 64')).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    // Sizes of two entries, of one, and of none; the last one counts.
    expect(decode(decoder, '3f25 be bf')).toEqual([
      ['c', 'd'],
      ['a', 'b'],
    ]);
    expect(decode(decoder, '3f03 be')).toEqual([['c', 'd']]);
    expect(() => decode(decoder, 'bf')).toThrow('malformed header block');
    expect(decode(decoder, '20 3fe1 1f 4001 6501 66 be')).toEqual([
      ['e', 'f'],
      ['e', 'f'],
    ]);
    expect(() => decode(decoder, 'bf')).toThrow('malformed header block');
    // An entry that fits into no table empties it.
    expect(decode(decoder, '3f02 4001 6701 68')).toEqual([['g', 'h']]);
    expect(() => decode(decoder, 'be')).toThrow('malformed header block');
  });

  it('may name an entry that goes when the new one comes', () => {
    const decoder = new HeaderDecoder(1_000);
    decode(decoder, '3f03 4001 6101 62');
    expect(decode(decoder, '7e01 63 be')).toEqual([
      ['a', 'c'],
      ['a', 'c'],
    ]);
  });

  it('counts each field with its characters and 32', () => {
    const field = '0001 6101 62';
    expect(decode(new HeaderDecoder(68), field + field)).toHaveLength(2);
    expect(() => decode(new HeaderDecoder(67), field + field)).toThrow('too many headers');
  });

  it('has numbers of some length', () => {
    const value = 'x'.repeat(127 + 128 * 3);
    const bytes = Buffer.concat([Buffer.from('0001617f8003', 'hex'), Buffer.from(value)]);
    expect(new HeaderDecoder(1_000).decode(bytes)).toEqual([['a', value]]);
  });
});

describe('headers of a request', () => {
  async function callWith(fields: readonly Field[]): Promise<CallInfo['metadata'] | undefined> {
    using client = await connectRaw(server);
    client.send(headers(1, block(...callFields(range.path), ...fields)));
    await client.sync();
    return seen.at(-1);
  }

  it('may have any name', async () => {
    const names = ['__proto__', 'constructor', 'tostring', 'hasownproperty', "!#$%&'*+-.^_`|~09az"];
    const metadata = await callWith(names.map((name) => [name, `value of ${name}`]));
    for (const name of names)
      expect(Object.entries(metadata ?? {})).toContainEqual([name, `value of ${name}`]);
    expect(Object.getPrototypeOf(metadata)).toBeNull();
    expect({}).not.toHaveProperty('polluted');
  });

  it('that are repeated are lists', async () => {
    const metadata = await callWith([
      ['a', '1'],
      ['cookie', 'x=1'],
      ['a', ''],
      ['cookie', 'y=2'],
      ['a', '3'],
    ]);
    expect(metadata).toMatchObject({a: '1, , 3', cookie: 'x=1; y=2'});
  });

  it('may be unknown ones without end', async () => {
    using client = await connectRaw(server);
    for (let n = 0; n < 300; n += 1)
      client.send(headers(2 * n + 1, block(...callFields(range.path, [`x-${n}`, 'v']))));
    await client.sync();
    expect(seen.at(-1)).toMatchObject({'x-299': 'v'});
    client.send(headers(999, block(...callFields(range.path, ['X-1', 'v']))));
    await client.sync();
    expect(seen).toHaveLength(300);
  });
});

describe("a client of Node's", () => {
  let client: Client;
  afterEach(async () => {
    await client[Symbol.asyncDispose]();
  });

  it('sends every character in Huffman', async () => {
    client = connectClient(server.url);
    // With many characters of short codes, the string is shorter in Huffman whatever else it has.
    for (let byte = 1; byte < 256; byte += 1) {
      // Those no value may have.
      if (byte === 10 || byte === 13) continue;
      const value = `${'a'.repeat(50)}${String.fromCharCode(byte)}${'0'.repeat(byte % 8)}a`;
      await client.call(range, {key}, {x: value});
      expect(seen.at(-1)).toMatchObject({x: value});
    }
  });

  it.each([
    ['with no table for responses', {settings: {headerTableSize: 0}}],
    ['with no table for requests', {maxDeflateDynamicTableSize: 0}],
    ['with a small table for requests', {maxDeflateDynamicTableSize: 100}],
    ['with a large table for requests', {maxDeflateDynamicTableSize: 65_536}],
  ])('%s is served', async (_, options) => {
    client = connectClient(server.url, options);
    for (let n = 0; n < 20; n += 1) {
      expect(
        await client.call(range, {key}, {a: `value ${n}`, [`name-${n % 7}`]: 'x'.repeat(n)}),
      ).toMatchObject({count: 0});
      expect(seen.at(-1)).toMatchObject({a: `value ${n}`});
    }
  });

  it('may change the table for responses', async () => {
    client = connectClient(server.url);
    for (const headerTableSize of [4_096, 0, 100, 65_536]) {
      await new Promise<void>((resolve) => client.session.settings({headerTableSize}, () => resolve()));
      expect(await client.call(range, {key})).toMatchObject({count: 0});
    }
  });

  it('may have headers of several frames', async () => {
    client = connectClient(server.url);
    const many = Object.fromEntries(Array.from({length: 50}, (_, n) => [`header-${n}`, `~${n}`.repeat(200)]));
    expect(await client.call(range, {key}, many)).toMatchObject({count: 0});
    expect(seen.at(-1)).toMatchObject(many);
    expect(await client.call(range, {key})).toMatchObject({count: 0});
  });

  it('that says hello with headers only is answered', async () => {
    client = connectClient(server.url);
    const session = connect(server.url);
    const stream = session.request({':path': '/health'});
    let text = '';
    for await (const piece of stream) text += String(piece);
    expect(text).toContain('true');
    session.destroy();
  });
});

it('the first response of a connection says that there is no table, and others need not', async () => {
  using client = await connectRaw(server);
  await expectServed(client);
  await expectServed(client);
  const firsts = [1, 3].map((id) => client.frames.find((frame) => frame.id === id)?.payload[0]);
  expect(firsts).toEqual([0x20, 0x88]);
});

it('an error is told whole, in as many frames as it takes', async () => {
  using client = await connectRaw(server);
  const path = `/${'\xe9'.repeat(30_000)}/Method`;
  const bytes = block(...callFields(path));
  client.send(
    headers(1, bytes.subarray(0, 16_384), flag.endStream),
    continuation(1, bytes.subarray(16_384, 30_000), flag.none),
    continuation(1, bytes.subarray(30_000)),
  );
  const {status} = await client.result(range, 1);
  expect(status).toEqual({code: 12, details: `unknown method Method for service ${'\xe9'.repeat(30_000)}`});
  expect(client.frames.filter(({id}) => id === 1).length).toBeGreaterThan(10);
});
