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
    const count = Math.max(0, firstNotBefore(rangeEnd) - from);
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

/** Keys of many forms, and how many folders they are. */
const forms: Record<string, [(at: number) => string, folders: number]> = {
  'numbers of one length': [padded, 0],
  numbers: [String, 0],
  'numbers in folders': [(at) => `${padded(at).slice(0, 2)}/${padded(at).slice(2, 4)}/${padded(at)}`, 5],
  UUIDs: [uuidOf, 0],
  'folders of UUIDs': [(at) => `${uuidOf(Math.floor(at / 1_000))}/${at}`, 50],
  Base64: [(at) => createHash('md5').update(String(at)).digest('base64url'), 0],
  'a long common part': [(at) => `services/production/europe-west/${at % 7}/default/pods/web-${at}`, 1],
  'many folders': [(at) => `user-${at % 1_000}/orders/${2_000 + (at % 17)}/${at}`, 1_000],
  'one folder of half of them': [(at) => (at % 2 === 0 ? `aaaaaaaaaaaa/${padded(at)}` : uuidOf(at)), 1],
};

describe.each(Object.entries(forms))('many keys that are %s', (_, [nameOf, folderCount]) => {
  const keys = Array.from({length: keyCount}, (_each, at) => Buffer.from(`m/${nameOf(at)}`)).sort(
    (one, other) => Buffer.compare(one, other),
  );
  const names = keys.map(String);

  it('are read each once, in few pages, and etcd passes each a few times', async () => {
    const {kv, stats} = driverOn(keys);
    const found: string[] = [];
    for await (const {key} of scan(kv, {prefix: 'm/'})) found.push(key);
    expect(found).toEqual(names);
    expect(stats.reads).toBeLessThan((5 * keyCount) / 512);
    expect(stats.walked).toBeLessThan(15 * keyCount);
  });

  it('are listed as a level with few reads for each folder', async () => {
    const {kv, stats} = driverOn(keys);
    const found: string[] = [];
    for await (const entry of scanLevel(kv, 'm/', {keysOnly: true})) {
      found.push('folder' in entry ? entry.folder : entry.found.key);
    }
    const folderOf = (name: string) => name.replace(/^(m\/[^/]*\/).*/, '$1');
    expect(found).toEqual(Array.from(new Set(names.map(folderOf))));
    const folders = found.filter((name) => name.endsWith('/')).length;
    expect(folders).toBe(folderCount);
    expect(stats.reads).toBeLessThan(4 * folders + (2.5 * (found.length - folders)) / 512 + 20);
    expect(stats.walked).toBeLessThan(15 * keyCount);
  });
});
