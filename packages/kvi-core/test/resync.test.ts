import {describe, expect, it} from '@jest/globals';
import {
  type Driver,
  type DriverCallOptions,
  type EventBuffer,
  eventBuffer,
  type KeyValue,
  KviError,
  type KviErrorCode,
  noLease,
  type RangeRequest,
} from 'kvi-core/driver';
import {resyncingWatch} from '../src/primitives/resync.ts';
import {type HandClock, handClock} from './hand-clock.ts';

function kv(key: string, modRevision: number): KeyValue<Uint8Array> {
  return {
    key: Buffer.from(key),
    value: Buffer.from('v'),
    createRevision: 1,
    modRevision,
    version: 1,
    lease: noLease,
  };
}

function failure(code: KviErrorCode, compactRevision?: number) {
  return new KviError(code, 'made to fail', compactRevision === undefined ? {} : {compactRevision});
}

/** A store that the test makes up, and what it was asked for. */
function store(clock: HandClock = handClock()) {
  const watches: EventBuffer[] = [];
  const starts: (number | undefined)[] = [];
  const reads: {request: RangeRequest<Uint8Array>; options: DriverCallOptions | undefined}[] = [];
  const present = {kvs: [] as KeyValue<Uint8Array>[], revision: 9};
  const answers = {range: () => Promise.resolve({...present, count: present.kvs.length, more: false})};
  const driver: Pick<Driver, 'clock' | 'watch' | 'range'> = {
    clock,
    watch({startRevision}) {
      const buffer = eventBuffer({onEnd: () => undefined});
      watches.push(buffer);
      starts.push(startRevision);
      return buffer.watch;
    },
    range(request, options) {
      reads.push({request, options});
      return answers.range();
    },
  };

  /** The watch number `index`, which was asked for. */
  function asked(index: number): EventBuffer {
    const buffer = watches[index];
    if (buffer === undefined) throw new Error('there is no such watch');
    return buffer;
  }
  // A watch needs no more of a driver.
  return {driver: driver as Driver, clock, asked, starts, reads, present, answers};
}

const all = {key: Buffer.of(0), rangeEnd: Buffer.of(0)};

/** `put a`, of the next response. */
async function told(watch: ReturnType<typeof resyncingWatch>) {
  const {value} = await watch.next();
  return value?.events.map(({type, kv: {key}}) => `${type} ${Buffer.from(key).toString()}`);
}

describe('A watch that survives compaction', () => {
  it('learns the keys alone first, and reads them with their values for a resync', async () => {
    const {driver, asked, starts, reads, present} = store();
    const {signal} = new AbortController();
    present.kvs = [kv('gone', 3), kv('kept', 9)];
    const watch = resyncingWatch(driver, all, {signal});
    asked(0).created(10);
    asked(0).fail(failure('KVI_COMPACTED', 12));
    const response = told(watch);
    await watch.created;
    await new Promise((resolve) => setImmediate(resolve));
    expect(await response).toEqual([]);
    present.kvs = [kv('kept', 9), kv('new', 15)];
    present.revision = 16;
    asked(1).fail(failure('KVI_COMPACTED', 14));
    expect(await told(watch)).toEqual(['delete gone', 'put new']);
    expect(starts).toEqual([undefined, 10, 17]);
    expect(reads.map(({request}) => request.keysOnly)).toEqual([true, false, false]);
    for (const {options} of reads) expect(options).toEqual({signal, timeoutMs: 30_000});
  });

  it.each([
    ['a later revision than is due', 11, 9, ['put new']],
    [
      'the revision that is due, which such a store has: its history is another',
      10,
      9,
      ['put old', 'put new'],
    ],
    ['no revision', undefined, 9, ['put new']],
    ['a later revision, in a store that is behind: its history is another', 11, 8, ['put old', 'put new']],
  ])('tells what changed when the error names %s', async (_, compactRevision, revision, expected) => {
    const {driver, asked, present} = store();
    const watch = resyncingWatch(driver, all, {});
    asked(0).created(10);
    asked(0).fail(failure('KVI_COMPACTED', compactRevision));
    present.revision = revision;
    present.kvs = [kv('old', 9), kv('new', 10)];
    expect(await told(watch)).toEqual(expected);
  });

  it('tells what changed from its start revision on, where that was compacted before it was in place', async () => {
    const {driver, asked, present} = store();
    const watch = resyncingWatch(driver, {...all, startRevision: 5}, {});
    asked(0).fail(failure('KVI_COMPACTED', 8));
    present.kvs = [kv('a', 4), kv('b', 5), kv('c', 6)];
    expect(await watch.created).toBe(5);
    expect(await told(watch)).toEqual(['put b', 'put c']);
  });

  it('fails with every other error, and reads nothing for it', async () => {
    const {driver, asked, reads} = store();
    const watch = resyncingWatch(driver, all, {});
    const error = failure('KVI_PERMISSION_DENIED');
    asked(0).fail(error);
    await expect(watch.created).rejects.toBe(error);
    await expect(watch.next()).rejects.toBe(error);
    expect(reads).toEqual([]);
  });

  it('fails with an error that ends it later, and is over', async () => {
    const {driver, asked, reads} = store();
    const watch = resyncingWatch(driver, all, {});
    asked(0).created(10);
    const error = failure('KVI_SLOW_CONSUMER');
    asked(0).fail(error);
    await expect(watch.next()).rejects.toBe(error);
    expect(await watch.next()).toEqual({done: true, value: undefined});
    expect(reads).toHaveLength(1);
  });

  it('is read with for await', async () => {
    const {driver, asked} = store();
    const watch = resyncingWatch(driver, all, {});
    asked(0).created(10);
    asked(0).push({revision: 10, events: [{type: 'put', kv: kv('a', 10)}]});
    const revisions: number[] = [];
    for await (const {revision} of watch) {
      revisions.push(revision);
      break;
    }
    expect(revisions).toEqual([10]);
    expect(asked(0).ended).toBe(true);
  });

  it.each(['KVI_UNAVAILABLE', 'KVI_TIMEOUT'] as const)(
    'reads again after %s, with a backoff',
    async (code) => {
      const {driver, asked, reads, clock, answers} = store();
      const {range} = answers;
      answers.range = () => Promise.reject(failure(code));
      const watch = resyncingWatch(driver, all, {});
      asked(0).created(10);
      asked(0).push({revision: 10, events: [{type: 'put', kv: kv('a', 10)}]});
      await clock.advance(10_000);
      const failed = reads.length;
      expect(failed).toBeGreaterThan(5);
      expect(failed).toBeLessThan(20);
      answers.range = range;
      await clock.advance(2_000);
      expect(reads).toHaveLength(failed + 1);
      expect(await told(watch)).toEqual(['put a']);
    },
  );

  it('fails with another error of a read', async () => {
    const {driver, asked, clock, answers} = store();
    const error = failure('KVI_PERMISSION_DENIED');
    answers.range = () => Promise.reject(error);
    const watch = resyncingWatch(driver, all, {});
    asked(0).created(10);
    await expect(watch.next()).rejects.toBe(error);
    expect(clock.pending()).toBe(0);
  });

  it('ends without an error when it is ended during a read that fails, and reads no more', async () => {
    const {driver, asked, reads, clock, answers} = store();
    let fail: (error: KviError) => void = () => undefined;
    answers.range = () => new Promise((_, reject) => (fail = reject));
    const watch = resyncingWatch(driver, all, {});
    asked(0).created(10);
    const pending = watch.next();
    await clock.advance(0);
    await watch.return();
    fail(failure('KVI_UNAVAILABLE'));
    expect(await pending).toEqual({done: true, value: undefined});
    await clock.advance(1000);
    expect(reads).toHaveLength(1);
  });
});
