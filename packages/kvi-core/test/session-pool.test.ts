import {describe, expect, it} from '@jest/globals';
import {modelDriver} from 'kvi-contract';
import {type Driver, KviError} from 'kvi-core/driver';
import {sessionPool} from '../src/lease/session-pool.ts';
import {contend, leaveQueue} from '../src/primitives/contender.ts';
import {handClock} from './hand-clock.ts';

const {signal} = new AbortController();

function setUp() {
  const clock = handClock();
  const own = modelDriver();
  const revoked: string[] = [];
  const driver: Driver = {
    ...own,
    clock,
    leaseRevoke(id, options) {
      revoked.push(id);
      return own.leaseRevoke(id, options);
    },
  };
  return {clock, own, driver, revoked, pool: sessionPool(driver)};
}

describe('A pool of sessions', () => {
  it('hands out again what was given back, to those who want its TTL', async () => {
    const {pool} = setUp();
    const first = await pool.take(10, signal);
    pool.giveBack(first);
    expect(await pool.take(20, signal)).not.toBe(first);
    expect(await pool.take(10, signal)).toBe(first);
    expect(await pool.take(10, signal)).not.toBe(first);
  });

  it('hands out a new one to those who want none that was used', async () => {
    const {pool} = setUp();
    const first = await pool.take(10, signal);
    pool.giveBack(first);
    expect(await pool.take(10, signal, {fresh: true})).not.toBe(first);
  });

  it('hands out none that was lost', async () => {
    const {pool, clock} = setUp();
    const first = await pool.take(10, signal);
    pool.giveBack(first);
    clock.stall(10_000);
    expect(await pool.take(10, signal)).not.toBe(first);
  });

  it('keeps sixteen, and revokes what is more', async () => {
    const {pool, clock, revoked} = setUp();
    const sessions = await Promise.all(Array.from({length: 17}, () => pool.take(10, signal)));
    for (const session of sessions) pool.giveBack(session);
    await clock.advance(0);
    expect(revoked).toEqual([sessions[16]?.lease]);
  });

  it('revokes what nobody has used for its TTL, and all of it when it is closed', async () => {
    const {pool, clock, revoked} = setUp();
    const [first, second] = [await pool.take(10, signal), await pool.take(20, signal)];
    pool.giveBack(first);
    pool.giveBack(second);
    await clock.advance(10_000);
    expect(revoked).toEqual([first.lease]);
    await pool.close();
    expect(revoked).toEqual([first.lease, second.lease]);
    expect(clock.pending()).toBe(0);
  });

  it('is closed when the leases of the others are revoked, too, also of those that come back late', async () => {
    const {pool, clock, driver, own} = setUp();
    const answers: (() => void)[] = [];
    driver.leaseRevoke = async (...args) => {
      await new Promise<void>((answer) => answers.push(answer));
      return own.leaseRevoke(...args);
    };
    const sessions = await Promise.all(Array.from({length: 18}, () => pool.take(10, signal)));
    const late = sessions.pop();
    for (const session of sessions) pool.giveBack(session);
    let isClosed = false;
    const closing = pool.close().then(() => (isClosed = true));
    if (late) pool.giveBack(late);
    const [one, ...others] = answers;
    const another = others.pop();
    for (const answer of [...others, one]) {
      answer?.();
      await clock.advance(0);
      expect(isClosed).toBe(false);
    }
    another?.();
    await closing;
    expect(answers).toHaveLength(18);
  });

  it('gets no session back under which a put may still be on its way', async () => {
    const {clock, driver, own, pool, revoked} = setUp();
    let sent = 0;
    driver.txn = async (...args) => {
      sent += 1;
      const response = await own.txn(...args);
      if (sent === 1) throw new KviError('KVI_UNKNOWN_OUTCOME', 'the answer was lost');
      return response;
    };
    const locking = contend({driver, sessions: pool}, 'l', {
      value: Buffer.alloc(0),
      ttlSeconds: 10,
      signal,
      wait: true,
    });
    await clock.advance(100);
    const owner = await locking;
    if (owner === undefined) throw new Error('the lock was not had');
    await leaveQueue(driver, owner);
    expect(revoked).toEqual([owner.session.lease]);
  });
});
