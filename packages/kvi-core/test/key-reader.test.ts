import {createHash} from 'node:crypto';
import {describe, expect, it} from '@jest/globals';
import {createKvi} from '../src/index.ts';
import type {Bytes, Driver, KeyValue, RangeRequest} from '../src/driver/index.ts';
import {scan, scanLevel} from '../src/recipes/index.ts';

const keyCount = 50_000;

/** A driver on sorted keys that cannot be changed, which counts as etcd does what it goes through for each read. */
function driverOn(keys: readonly Buffer[]) {
  const stats = {reads: 0, walked: 0};
  const firstNotBefore = (key: Bytes): number => {
    let [low, high] = [0, keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Buffer.compare(keys[middle] ?? Buffer.of(), key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const range = ({key, rangeEnd = key, limit = 0}: RangeRequest<Bytes>) => {
    const from = firstNotBefore(key);
    const end = rangeEnd.length === 1 && rangeEnd[0] === 0 ? keys.length : firstNotBefore(rangeEnd);
    const count = Math.max(0, end - from);
    stats.reads += 1;
    stats.walked += count;
    const kvs = keys.slice(from, from + Math.min(count, limit)).map(keyValueOf);
    return Promise.resolve({revision: 1, kvs, more: count > limit, count});
  };
  const clock = {now: () => 0, schedule: () => ({cancel: () => undefined})};
  return {kv: createKvi({range, clock} as unknown as Driver), stats};
}

function keyValueOf(key: Buffer): KeyValue<Bytes> {
  return {key, value: Buffer.of(), createRevision: 1, modRevision: 1, version: 1, lease: '0'};
}

function uuidOf(at: number): string {
  const hex = createHash('md5').update(String(at)).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

const padded = (at: number) => String(at).padStart(6, '0');

/** Keys of a form, how many folders they are, and at most how many reads they take, in which etcd passes each key how often. */
interface Form {
  nameOf: (at: number) => string;
  folders: number;
  reads: number;
  passes: number;
}

const forms: Record<string, Form> = {
  'numbers of one length': {nameOf: padded, folders: 0, reads: 125, passes: 5.4},
  numbers: {nameOf: String, folders: 0, reads: 155, passes: 4.4},
  'numbers in folders': {
    nameOf: (at) => `${padded(at).slice(0, 2)}/${padded(at).slice(2, 4)}/${padded(at)}`,
    folders: 5,
    reads: 155,
    passes: 8,
  },
  UUIDs: {nameOf: uuidOf, folders: 0, reads: 125, passes: 6.1},
  'folders of UUIDs': {
    nameOf: (at) => `${uuidOf(Math.floor(at / 1_000))}/${at}`,
    folders: 50,
    reads: 120,
    passes: 7.8,
  },
  Base64: {
    nameOf: (at) => createHash('md5').update(String(at)).digest('base64url'),
    folders: 0,
    reads: 145,
    passes: 6.1,
  },
  'what has a long common part': {
    nameOf: (at) => `services/production/europe-west/${at % 7}/default/pods/web-${at}`,
    folders: 1,
    reads: 650,
    passes: 12,
  },
  'many folders': {
    nameOf: (at) => `user-${at % 1_000}/orders/${2_000 + (at % 17)}/${at}`,
    folders: 1_000,
    reads: 225,
    passes: 5.2,
  },
  'one folder of half of them': {
    nameOf: (at) => (at % 2 === 0 ? `aaaaaaaaaaaa/${padded(at)}` : uuidOf(at)),
    folders: 1,
    reads: 225,
    passes: 7.5,
  },
};

describe.each(Object.entries(forms))('many keys that are %s', (_, {nameOf, ...form}) => {
  const names = Array.from({length: keyCount}, (_each, at) => `m/${nameOf(at)}`).sort();
  const keys = names.map((name) => Buffer.from(name));

  it('are read each once, in few reads, and etcd passes each a few times', async () => {
    const {kv, stats} = driverOn(keys);
    const found: string[] = [];
    for await (const {key} of scan(kv, {prefix: 'm/'})) found.push(key);
    expect(found).toEqual(names);
    expect(stats.reads).toBeLessThan(form.reads);
    expect(stats.walked / keyCount).toBeLessThan(form.passes);
  });

  it('are listed as a level with few reads for each folder', async () => {
    const {kv, stats} = driverOn(keys);
    const found: string[] = [];
    for await (const entry of scanLevel(kv, 'm/', {keysOnly: true})) {
      found.push('folder' in entry ? entry.folder : entry.found.key);
    }
    const folderOf = (name: string) => name.replace(/^(m\/[^/]*\/).*/, '$1');
    expect(found).toEqual(Array.from(new Set(names.map(folderOf))));
    expect(found.filter((name) => name.endsWith('/'))).toHaveLength(form.folders);
    const others = found.length - form.folders;
    expect(stats.reads).toBeLessThan(4 * form.folders + others / 128 + 1);
    expect(stats.walked / keyCount).toBeLessThan(form.passes);
  });
});

describe('many keys', () => {
  it.each([
    ['to the last key', {prefix: ''}],
    [
      'to an end that goes on as the start does',
      {start: Buffer.of(0xff), end: Buffer.of(0xff, 0xff, 0xff, 0xff, 0)},
    ],
  ])('are read %s', async (_, range) => {
    const keys = Array.from({length: keyCount}, (_each, at) => Buffer.from([0xff, at >> 16, at >> 8, at]));
    const {kv, stats} = driverOn([...keys, Buffer.of(0xff, 0xff, 0xff, 0xff)]);
    const found: Bytes[] = [];
    for await (const {key} of scan(kv.bytes, range, {keysOnly: true})) found.push(key);
    expect(found).toHaveLength(keyCount + 1);
    expect(stats.walked / keyCount).toBeLessThan(8);
  });
});

it('a few keys without values take one read', async () => {
  const {kv, stats} = driverOn(Array.from({length: 500}, (_, at) => Buffer.from(`m/${padded(at)}`)));
  for (const [keysOnly, reads] of [
    [true, 1],
    [false, 5],
  ] as const) {
    stats.reads = 0;
    for await (const {value} of scan(kv, {prefix: 'm/'}, {keysOnly})) expect(value).toBe('');
    expect(stats.reads).toBe(reads);
  }
});
