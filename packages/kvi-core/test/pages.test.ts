import {describe, expect, it} from '@jest/globals';
import {nextKey} from '../src/etcd/key-range.ts';
import {KviError} from '../src/etcd/errors.ts';
import type {Bytes} from '../src/etcd/bytes.ts';
import type {KeyValue, RangeRequest} from '../src/etcd/messages.ts';
import {readRange} from '../src/policy/pages.ts';
import type {PolicyDriver} from '../src/policy/policy-driver.ts';
import {handClock} from './hand-clock.ts';

const everything = {key: Buffer.from('\0'), rangeEnd: Buffer.from('\0')};

/** `count` keys `k00000`, `k00001` and so on, with a value of so many bytes. */
function keysOf(count: number, valueBytes: number): KeyValue<Bytes>[] {
  const value = Buffer.alloc(valueBytes);
  return Array.from({length: count}, (_, i) => ({
    key: Buffer.from(`k${String(i).padStart(5, '0')}`),
    value,
    createRevision: 2,
    modRevision: 2,
    version: 1,
    lease: '0',
  }));
}

/** A store of these keys, which writes down the pages that are asked for, and whose reads take so long. */
function store(all: readonly KeyValue<Bytes>[], readMs = 0) {
  const clock = handClock();
  const pages: (RangeRequest<Bytes> & {timeoutMs?: number | undefined})[] = [];
  const port = {
    clock,
    range(request: RangeRequest<Bytes>, {timeoutMs}: {timeoutMs?: number} = {}) {
      pages.push({...request, timeoutMs});
      clock.stall(readMs);
      const {key, rangeEnd = key, limit = 0, sortOrder} = request;
      const isLast = Buffer.compare(rangeEnd, Buffer.from('\0')) === 0;
      const found = all.filter(
        (kv) => Buffer.compare(kv.key, key) >= 0 && (isLast || Buffer.compare(kv.key, rangeEnd) < 0),
      );
      if (sortOrder === 'descend') found.reverse();
      const kvs = limit === 0 ? found : found.slice(0, limit);
      return Promise.resolve({revision: 7, kvs, more: kvs.length < found.length, count: found.length});
    },
  } as unknown as PolicyDriver;
  return {port, pages, limits: () => pages.map(({limit}) => limit)};
}

function names(kvs: readonly KeyValue<Bytes>[]): string[] {
  return kvs.map(({key}) => Buffer.from(key).toString());
}

describe('A large range', () => {
  it('is read in pages that double while they are small', async () => {
    const all = keysOf(5000, 10);
    const {port, limits} = store(all);
    const {kvs, more, count} = await readRange(port, everything, {timeoutMs: 1000});
    expect(names(kvs)).toEqual(names(all));
    expect({more, count}).toEqual({more: false, count: 5000});
    expect(limits()).toEqual([512, 1024, 2048, 4096]);
  });

  it('has a next page of about two mebibytes when values are large', async () => {
    const all = keysOf(2000, 8 * 1024 - 6);
    const {port, limits} = store(all);
    const {kvs} = await readRange(port, everything, {timeoutMs: 1000});
    expect(kvs.length).toBe(2000);
    expect(limits()).toEqual([512, 256, 256, 256, 256, 256, 256]);
  });

  it('doubles a page up to half of that size, and no further', async () => {
    // 512 keys of 2,048 bytes are half of two mebibytes; one byte more a key, and they are too many.
    const half = store(keysOf(1600, 2048 - 6));
    await readRange(half.port, everything, {timeoutMs: 1000});
    expect(half.limits()).toEqual([512, 1024, 1024]);
    const more = store(keysOf(1600, 2048 - 5));
    await readRange(more.port, everything, {timeoutMs: 1000});
    expect(more.limits()).toEqual([512, 1023, 1023]);
  });

  it('ends with its limit, and says whether there was more', async () => {
    for (const [limit, expected] of [
      [3, [3]],
      [512, [512]],
      [600, [512, 88]],
    ] as const) {
      const {port, limits} = store(keysOf(1000, 1));
      const {kvs, more, count} = await readRange(port, {...everything, limit}, {timeoutMs: 1000});
      expect({length: kvs.length, more, count}).toEqual({length: limit, more: true, count: 1000});
      expect(limits()).toEqual(expected);
    }
  });

  it('is pinned to the revision of its first page, or to the one that was asked for', async () => {
    const now = store(keysOf(600, 1));
    await readRange(now.port, everything, {timeoutMs: 1000});
    expect(now.pages.map(({revision}) => revision)).toEqual([undefined, 7]);
    const past = store(keysOf(600, 1));
    await readRange(past.port, {...everything, revision: 5}, {timeoutMs: 1000});
    expect(past.pages.map(({revision}) => revision)).toEqual([5, 5]);
  });

  it('goes on before the last key that it has when it descends', async () => {
    const all = keysOf(600, 1);
    const {port, pages} = store(all);
    const {kvs} = await readRange(port, {...everything, sortOrder: 'descend'}, {timeoutMs: 1000});
    expect(names(kvs)).toEqual(names(all).toReversed());
    expect(pages[1]).toMatchObject({key: everything.key, rangeEnd: Buffer.from('k00088')});
  });

  it('goes on behind the last key that it has', async () => {
    const {port, pages} = store(keysOf(600, 1));
    await readRange(port, everything, {timeoutMs: 1000});
    expect(pages[1]).toMatchObject({key: nextKey(Buffer.from('k00511')), rangeEnd: everything.rangeEnd});
  });

  it('shares the time of its call among its pages', async () => {
    const {port, pages} = store(keysOf(5000, 1), 300);
    await readRange(port, everything, {timeoutMs: 1000});
    expect(pages.map(({timeoutMs}) => timeoutMs)).toEqual([1000, 700, 400, 100]);
    const late = store(keysOf(5000, 1), 600);
    await readRange(late.port, everything, {timeoutMs: 1000});
    expect(late.pages.map(({timeoutMs}) => timeoutMs)).toEqual([1000, 400, 1, 1]);
  });

  it.each([
    ['of one key', {key: Buffer.from('k00001')}],
    ['with an empty end', {key: Buffer.from('k00001'), rangeEnd: Buffer.alloc(0)}],
    ['that is ordered by something else', {...everything, sortTarget: 'mod' as const}],
    ['that is only counted', {...everything, countOnly: true}],
  ])('%s is one request, as it is', async (_, request) => {
    const {port, pages} = store(keysOf(600, 1));
    await readRange(port, request, {timeoutMs: 1000});
    expect(pages).toEqual([{...request, timeoutMs: 1000}]);
  });

  it('says after a timeout how long all of its pages took, unless it had one', async () => {
    const late = new KviError('KVI_TIMEOUT', 'gave up after 1 ms');
    const failingOn = (failing: number) => {
      const {port, pages} = store(keysOf(1_000, 10));
      const range: PolicyDriver['range'] = (...args) =>
        pages.length + 1 === failing ? Promise.reject(late) : port.range(...args);
      return readRange({...port, range}, everything, {timeoutMs: 1000});
    };
    await expect(failingOn(1)).rejects.toBe(late);
    await expect(failingOn(2)).rejects.toMatchObject({
      code: 'KVI_TIMEOUT',
      message: 'timed out after 1000 ms, on page 2 of the range; read a large one with scan',
      cause: late,
    });
  });

  it('is read anew when its pinned revision was compacted, and only then', async () => {
    for (const [code, revision, attempts] of [
      ['KVI_COMPACTED', 0, 2],
      ['KVI_COMPACTED', undefined, 2],
      ['KVI_COMPACTED', 5, 1],
      ['KVI_FUTURE_REVISION', 0, 1],
    ] as const) {
      const {port} = store(keysOf(600, 1));
      let reads = 0;
      const failingOnce: PolicyDriver = {
        ...port,
        range(...args) {
          reads += 1;
          return reads === 1 ? Promise.reject(new KviError(code, 'made to fail')) : port.range(...args);
        },
      };
      const result = readRange(failingOnce, {...everything, revision}, {timeoutMs: 1000});
      if (attempts === 1) await expect(result).rejects.toMatchObject({code});
      else expect((await result).kvs.length).toBe(600);
      expect(reads).toBe(attempts === 1 ? 1 : 3);
    }
  });

  it('reads a page from the whole cluster when another member does not have the revision of the first yet', async () => {
    const {port, pages} = store(keysOf(600, 1));
    const behind: PolicyDriver = {
      ...port,
      range(request, options) {
        const isBehind = request.serializable === true && request.revision !== undefined;
        const error = new KviError('KVI_FUTURE_REVISION', 'made to fail');
        return isBehind ? Promise.reject(error) : port.range(request, options);
      },
    };
    const {kvs} = await readRange(behind, {...everything, serializable: true}, {timeoutMs: 1000});
    expect(kvs).toHaveLength(600);
    expect(pages.map(({serializable}) => serializable)).toEqual([true, false]);
  });
});
