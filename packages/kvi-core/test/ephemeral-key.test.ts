import {describe, expect, it} from '@jest/globals';
import {modelDriver} from 'kvi-contract';
import {
  type Driver,
  type DriverCallOptions,
  eventBuffer,
  KviError,
  type KviErrorCode,
  type RangeRequest,
} from 'kvi-core/driver';
import type {Bytes} from '../src/etcd/bytes.ts';
import {sessionPool} from '../src/lease/session-pool.ts';
import {ephemeralKey} from '../src/primitives/ephemeral-key.ts';
import {keepHoldings} from '../src/primitives/holdings.ts';
import {sharedTempKeys, tempKeyTable} from '../src/primitives/temp-keys.ts';
import {handClock} from './hand-clock.ts';

const key = Buffer.from('k');
const request = {key, value: Buffer.from('v'), ttlSeconds: 10};

function failure(code: KviErrorCode) {
  return new KviError(code, 'made to fail');
}

/** What settles may do so now. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A store whose time a test moves, and whose calls it may replace; and what was asked of it. */
function setUp() {
  const clock = handClock();
  const own = modelDriver();
  const granted: string[] = [];
  const puts: (DriverCallOptions | undefined)[] = [];
  const reads: RangeRequest<Bytes>[] = [];
  const revoked: unknown[] = [];
  const calls: Pick<Driver, 'txn' | 'range' | 'leaseRevoke'> = {...own};
  const driver: Driver = {
    ...own,
    clock,
    txn(txn, options) {
      puts.push(options);
      return calls.txn(txn, options);
    },
    range(range, options) {
      reads.push(range);
      return calls.range(range, options);
    },
    async leaseGrant(...args) {
      const lease = await own.leaseGrant(...args);
      granted.push(lease.id);
      return lease;
    },
    leaseRevoke(id, options) {
      revoked.push([id, options]);
      return calls.leaseRevoke(id, options);
    },
  };
  return {
    clock,
    own,
    calls,
    driver,
    granted,
    puts,
    reads,
    revoked,
    fails: (code: KviErrorCode) => () => Promise.reject(failure(code)),
    /** The key's value and lease. */
    found: async () => {
      const {kvs} = await own.range({key});
      return kvs.map(({value, lease}) => [String(value), lease]);
    },
  };
}

describe('A keeper', () => {
  it('puts the key again under the same lease when no answer came', async () => {
    const {clock, driver, calls, own, fails, granted, puts, found} = setUp();
    calls.txn = (...args) => {
      calls.txn = (...args) => own.txn(...args);
      return own.txn(...args).then(fails('KVI_UNKNOWN_OUTCOME'));
    };
    const kept = ephemeralKey(driver, sessionPool(driver), request);
    await clock.advance(100);
    await kept.placed;
    expect([granted.length, puts.length]).toEqual([1, 2]);
    expect(await found()).toEqual([['v', granted[0]]]);
    expect(puts.map((options) => options?.signal)).toEqual([kept.ended, kept.ended]);
    await kept.close();
    expect(await found()).toEqual([]);
  });

  it('takes another lease, and gives back the first, when that had ended before the put', async () => {
    const {driver, calls, own, fails, granted, revoked, found} = setUp();
    calls.txn = () => {
      calls.txn = (...args) => own.txn(...args);
      return fails('KVI_LEASE_NOT_FOUND')();
    };
    const sessions = sessionPool(driver);
    const kept = ephemeralKey(driver, sessions, request);
    await kept.placed;
    expect(revoked).toEqual([[granted[0], {timeoutMs: 1_000}]]);
    expect(await found()).toEqual([['v', granted[1]]]);
    await kept.close();
    expect(await found()).toEqual([]);
    await sessions.close();
    expect(revoked[1]).toEqual([granted[1], {timeoutMs: 1_000}]);
  });

  it('says when the key could not be put, and is over', async () => {
    const {driver, calls, fails, granted, own} = setUp();
    calls.txn = fails('KVI_PERMISSION_DENIED');
    const kept = ephemeralKey(driver, sessionPool(driver), request);
    await expect(kept.placed).rejects.toMatchObject({code: 'KVI_PERMISSION_DENIED'});
    await turn();
    expect(kept.ended.aborted).toBe(true);
    expect(kept.ended.reason).toMatchObject({code: 'KVI_PERMISSION_DENIED'});
    await expect(kept.close()).rejects.toMatchObject({code: 'KVI_PERMISSION_DENIED'});
    expect(granted).toHaveLength(1);
    expect(await own.leaseLeases()).toMatchObject({leases: []});
  });

  it('stops putting the key when it is closed', async () => {
    const {driver, calls, fails, puts} = setUp();
    const kept = ephemeralKey(driver, sessionPool(driver), request);
    calls.txn = () => {
      void kept.close().catch(() => undefined);
      return fails('KVI_UNKNOWN_OUTCOME')();
    };
    await expect(kept.placed).rejects.toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
    expect(puts).toHaveLength(1);
  });

  it.each(['deleted', 'overwritten'])('is over when the key was %s', async (how) => {
    const {driver, own, granted, found} = setUp();
    const kept = ephemeralKey(driver, sessionPool(driver), request);
    await kept.placed;
    await own.txn({
      success: [how === 'deleted' ? {type: 'deleteRange', key} : {type: 'put', key, value: Buffer.from('w')}],
    });
    await expect(kept.close()).resolves.toBeUndefined();
    const again = ephemeralKey(driver, sessionPool(driver), request);
    await again.placed;
    await turn();
    await own.txn({
      success: [how === 'deleted' ? {type: 'deleteRange', key} : {type: 'put', key, value: Buffer.from('w')}],
    });
    while (!again.ended.aborted) await turn();
    expect(again.ended.reason).toMatchObject({
      code: 'KVI_KEY_LOST',
      message: `the temporary key "k" was ${how}`,
    });
    await again.close();
    expect(await found()).toEqual(how === 'deleted' ? [] : [['w', '0']]);
    expect(granted).toHaveLength(2);
  });

  it('leaves what overwrote the key, though the lease is gone too', async () => {
    const {driver, own, found, fails} = setUp();
    driver.leaseTimeToLive = fails('KVI_LEASE_NOT_FOUND');
    const kept = ephemeralKey(driver, sessionPool(driver), request);
    await kept.placed;
    await turn();
    await own.txn({success: [{type: 'put', key, value: Buffer.from('w')}]});
    while (!kept.ended.aborted) await turn();
    expect(kept.ended.reason).toMatchObject({code: 'KVI_KEY_LOST'});
    await kept.close();
    expect(await found()).toEqual([['w', '0']]);
  });

  it('puts the key back, and is present again then, when the lease is gone', async () => {
    const {driver, own, calls, granted, reads, revoked, found} = setUp();
    const kept = ephemeralKey(driver, sessionPool(driver), request);
    await kept.placed;
    await turn();
    await kept.present();
    expect(reads.at(-1)).toEqual({key, keysOnly: true});
    let goOn: () => void = () => undefined;
    const mayGoOn = new Promise<void>((resolve) => (goOn = resolve));
    driver.leaseTimeToLive = async (...args) => {
      await mayGoOn;
      return own.leaseTimeToLive(...args);
    };
    calls.leaseRevoke = () => Promise.resolve({revision: 1});
    await own.leaseRevoke(granted[0] ?? '');
    const present = kept.present();
    await turn();
    expect(await found()).toEqual([]);
    goOn();
    await present;
    expect(await found()).toEqual([['v', granted[1]]]);
    expect(revoked).toEqual([[granted[0], {timeoutMs: 1_000}]]);
    calls.leaseRevoke = (...args) => own.leaseRevoke(...args);
    await kept.close();
  });

  it('keeps its lease through failures of the backend, looking again after a while', async () => {
    const {clock, driver, calls, own, fails, granted, reads} = setUp();
    calls.range = fails('KVI_UNAVAILABLE');
    const kept = ephemeralKey(driver, sessionPool(driver), request);
    await kept.placed;
    await turn();
    expect(reads).toHaveLength(1);
    calls.range = (...args) => own.range(...args);
    await clock.advance(4_000);
    expect([reads.length, granted.length, kept.ended.aborted]).toEqual([2, 1, false]);
    await kept.close();
  });

  it('looks again at once after a compaction, after a while when the watch failed, and not when nothing has changed', async () => {
    const {clock, driver, reads} = setUp();
    const buffers: ReturnType<typeof eventBuffer>[] = [];
    driver.watch = (_request, options) => {
      const buffer = eventBuffer({...options, onEnd: () => undefined});
      buffer.created(1);
      buffers.push(buffer);
      return buffer.watch;
    };
    const kept = ephemeralKey(driver, sessionPool(driver), request);
    await kept.placed;
    await turn();
    buffers[0]?.push({revision: 9, events: []});
    await turn();
    expect([reads.length, buffers.length]).toEqual([1, 1]);
    buffers[0]?.fail(failure('KVI_COMPACTED'));
    await turn();
    expect([reads.length, buffers.length]).toEqual([2, 2]);
    buffers[1]?.fail(failure('KVI_UNAVAILABLE'));
    await turn();
    expect([reads.length, buffers.length]).toEqual([2, 2]);
    await clock.advance(2_000);
    expect([reads.length, buffers.length]).toEqual([3, 3]);
    await kept.close();
    expect(buffers[2]?.ended).toBe(true);
  });

  it.each(['the key', 'its lease', 'whether the key is present'])(
    'waits for no answer about %s once it is closed',
    async (what) => {
      const {driver, calls, own} = setUp();
      let asked = 0;
      const hang = (options: DriverCallOptions | undefined) => {
        asked += 1;
        return new Promise<never>((_resolve, reject) => {
          options?.signal?.addEventListener('abort', () => reject(failure('KVI_ABORTED')));
        });
      };
      if (what === 'its lease') driver.leaseTimeToLive = (_lease, options) => hang(options);
      if (what === 'the key') calls.range = (_range, options) => hang(options);
      const sessions = sessionPool(driver);
      const kept = ephemeralKey(driver, sessions, request);
      await kept.placed;
      await turn();
      if (what === 'its lease') await own.txn({success: [{type: 'deleteRange', key}]});
      if (what === 'whether the key is present') calls.range = (_range, options) => hang(options);
      const ended =
        what === 'whether the key is present' &&
        expect(kept.present()).rejects.toMatchObject({code: 'KVI_CLOSED'});
      while (asked === 0) await turn();
      await kept.close();
      await ended;
      await sessions.close();
      expect(await own.leaseLeases()).toMatchObject({leases: []});
    },
  );
});

describe('A table of temporary keys', () => {
  it('asks for a key that it has put only when it is asked for again', async () => {
    const {driver, reads} = setUp();
    const holdings = keepHoldings();
    const table = tempKeyTable(
      driver,
      sharedTempKeys({driver, sessions: sessionPool(driver)}),
      new AbortController().signal,
      holdings,
    );
    const looks = () => reads.filter(({keysOnly}) => keysOnly === true).length;
    await table.keep(request, {});
    expect(looks()).toBe(0);
    await table.keep(request, {});
    expect(looks()).toBe(1);
    await holdings.giveUp();
  });

  it('gives a wait up when its time is over, its caller or its handle ends it', async () => {
    const {clock, driver} = setUp();
    driver.leaseGrant = () => new Promise(() => undefined);
    const closing = new AbortController();
    const caller = new AbortController();
    const table = tempKeyTable(
      driver,
      sharedTempKeys({driver, sessions: sessionPool(driver)}),
      closing.signal,
      keepHoldings(),
    );
    const other = {...request, key: Buffer.from('l')};
    const waits = [
      table.keep(request, {timeoutMs: 100}),
      table.keep(request, {signal: caller.signal}),
      table.keep(other, {}),
    ];
    const ends = Promise.allSettled(waits);
    await clock.advance(100);
    caller.abort();
    closing.abort(failure('KVI_CLOSED'));
    await clock.advance(2_000);
    expect(await ends).toMatchObject(
      ['KVI_TIMEOUT', 'KVI_ABORTED', 'KVI_CLOSED'].map((code) => ({status: 'rejected', reason: {code}})),
    );
  });
});
