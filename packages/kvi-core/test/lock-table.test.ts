import {describe, expect, it} from '@jest/globals';
import {modelDriver} from 'kvi-contract';
import {type Driver, eventBuffer, KviError} from 'kvi-core/driver';
import {sessionPool} from '../src/lease/session-pool.ts';
import {keepHoldings} from '../src/primitives/holdings.ts';
import {lockTable} from '../src/primitives/lock-table.ts';
import {handClock} from './hand-clock.ts';

/** The locks of a handle, with the time in the hand of the test. */
function underTest() {
  const clock = handClock();
  const own = modelDriver();
  const counts = {grants: 0};
  const driver: Driver = {
    ...own,
    clock,
    leaseGrant(...args) {
      counts.grants += 1;
      return own.leaseGrant(...args);
    },
  };
  const closing = new AbortController();
  const holdings = keepHoldings();
  return {
    clock,
    own,
    driver,
    counts,
    table: lockTable({driver, sessions: sessionPool(driver)}, closing.signal, holdings),
    holdings,
    closing,
  };
}

const request = {name: 'l', value: Buffer.alloc(0), ttlSeconds: 10};

describe('The locks of a handle', () => {
  it('contend one at a time, also after the first was released, under the lease of the first', async () => {
    const {table, counts, clock} = underTest();
    const first = await table.lock(request);
    const second = table.lock(request);
    await first.release();
    const held = await second;
    const third = table.lock(request);
    await clock.advance(0);
    expect(counts.grants).toBe(1);
    await held.release();
    await (await third).release();
    expect(counts.grants).toBe(1);
  });

  it('that were released before it closes are not lost', async () => {
    const {table, closing, holdings} = underTest();
    const lock = await table.lock(request);
    await lock.release();
    closing.abort();
    await holdings.giveUp();
    expect(lock.signal.aborted).toBe(false);
  });
});

describe('A lock that is not free', () => {
  it.each([
    [0, 'the lock "l" was not free: this handle holds it, and has to release it first'],
    [500, 'the lock "l" was not free within 500 ms: this handle holds it, and has to release it first'],
  ])('because the handle holds it says so, after %s ms', async (waitMs, message) => {
    const {table, clock} = underTest();
    const held = await table.lock(request);
    const waiting = expect(table.lock({...request, waitMs})).rejects.toMatchObject({
      code: 'KVI_TIMEOUT',
      message,
    });
    await clock.advance(500);
    await waiting;
    await held.release();
  });

  it.each([
    [0, 'the lock "l" was not free: another holds it'],
    [500, 'the lock "l" was not free within 500 ms: another holds it'],
  ])('because another holds it says so, after %s ms', async (waitMs, message) => {
    const {table, driver, clock} = underTest();
    const other = lockTable(
      {driver, sessions: sessionPool(driver)},
      new AbortController().signal,
      keepHoldings(),
    );
    const held = await other.lock(request);
    const waiting = expect(table.lock({...request, waitMs})).rejects.toMatchObject({
      code: 'KVI_TIMEOUT',
      message,
    });
    await clock.advance(500);
    await waiting;
    await held.release();
  });
});

describe('A lock', () => {
  it('says by its signal that it is lost when its time is over, before any timer fires', async () => {
    const {table, clock} = underTest();
    const lock = await table.lock(request);
    clock.stall(9_999);
    expect(lock.signal.aborted).toBe(false);
    clock.stall(1);
    expect(lock.signal.aborted).toBe(true);
    expect(lock.signal.reason).toMatchObject({code: 'KVI_LOCK_LOST', cause: {code: 'KVI_LEASE_NOT_FOUND'}});
    await expect(lock.release()).rejects.toMatchObject({code: 'KVI_LOCK_LOST'});
  });

  it('that is being released is not lost, however long that takes', async () => {
    const {table, clock, driver, own} = underTest();
    const lock = await table.lock(request);
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    driver.txn = async (...args) => {
      await answered;
      return own.txn(...args);
    };
    const releasing = lock.release();
    clock.stall(60_000);
    expect(lock.signal.aborted).toBe(false);
    answer();
    await releasing;
  });

  it('says which key was deleted', async () => {
    const {table, own, clock} = underTest();
    const lock = await table.lock(request);
    await own.txn({success: [{type: 'deleteRange', key: Buffer.from(lock.key)}]});
    await clock.advance(0);
    expect(lock.signal.reason).toMatchObject({
      code: 'KVI_LOCK_LOST',
      cause: {code: 'KVI_KEY_NOT_FOUND', message: expect.stringContaining(lock.key)},
    });
    await expect(lock.release()).rejects.toMatchObject({
      code: 'KVI_LOCK_LOST',
      cause: {code: 'KVI_LOCK_LOST', cause: {code: 'KVI_KEY_NOT_FOUND'}},
    });
  });

  it('looks at its key though every watch fails, without a rush', async () => {
    const {table, own, driver, clock} = underTest();
    let watches = 0;
    driver.watch = () => {
      watches += 1;
      const {watch, fail} = eventBuffer({onEnd: () => undefined});
      fail(new KviError('KVI_INTERNAL', 'made to fail'));
      return watch;
    };
    const lock = await table.lock(request);
    await clock.advance(5_000);
    expect(lock.isHeld()).toBe(true);
    expect(watches).toBeLessThan(20);
    await own.txn({success: [{type: 'deleteRange', key: Buffer.from(lock.key)}]});
    await clock.advance(2_000);
    expect(lock.signal.reason).toMatchObject({code: 'KVI_LOCK_LOST', cause: {code: 'KVI_KEY_NOT_FOUND'}});
  });

  it('that was lost is said to be lost also when it cannot be given back', async () => {
    const {table, driver, clock} = underTest();
    const lock = await table.lock(request);
    driver.leaseRevoke = () => Promise.reject(new KviError('KVI_UNAVAILABLE', 'made to fail'));
    clock.stall(10_000);
    await expect(lock.release()).rejects.toMatchObject({code: 'KVI_LOCK_LOST'});
  });

  it('that cannot be given back in time says why', async () => {
    const {table, driver} = underTest();
    const lock = await table.lock(request);
    const error = new KviError('KVI_UNAVAILABLE', 'made to fail');
    driver.txn = () => Promise.reject(error);
    driver.leaseRevoke = () => Promise.reject(error);
    await expect(lock.release()).rejects.toBe(error);
  });
});
