import {subscribe, unsubscribe} from 'node:diagnostics_channel';
import {describe, expect, it} from '@jest/globals';
import type {Driver} from '../src/driver/driver.ts';
import {KviError} from '../src/etcd/errors.ts';
import type {LeaseGrantResponse, LeaseKeepAliveResponse} from '../src/etcd/messages.ts';
import {openSession} from '../src/lease/session.ts';
import {type HandClock, handClock} from './hand-clock.ts';

const never = new AbortController().signal;

/** What a session asks of a driver, with the answers of a test, and when it asked. */
function leases(clock: HandClock, grantedTtlSeconds: number) {
  const keepAlives: number[] = [];
  const revoked: string[] = [];
  /** The milliseconds that each keepalive, and each revocation, was given. */
  const limits: (number | undefined)[] = [];
  const ids: (string | undefined)[] = [];
  const answers = {
    grant: () => Promise.resolve({revision: 1, id: 'a1', ttlSeconds: grantedTtlSeconds}),
    keepAlive: () => Promise.resolve({revision: 1, ttlSeconds: grantedTtlSeconds}),
    revoke: () => Promise.resolve({revision: 1}),
  };
  const driver: Pick<Driver, 'clock' | 'leaseGrant' | 'leaseKeepAlive' | 'leaseRevoke'> = {
    clock,
    leaseGrant: ({id}) => {
      ids.push(id);
      return answers.grant();
    },
    leaseKeepAlive: (_id, options) => {
      keepAlives.push(clock.now());
      limits.push(options?.timeoutMs);
      return answers.keepAlive();
    },
    leaseRevoke: (id, options) => {
      revoked.push(id);
      limits.push(options?.timeoutMs);
      return answers.revoke();
    },
  };
  // A session needs no more of a driver than its leases.
  return {driver: driver as Driver, answers, keepAlives, revoked, limits, ids};
}

/** An answer that the test gives when it likes. */
function later<T>(): {promise: Promise<T>; resolve: (value: T) => void} {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((res) => (resolve = res));
  return {promise, resolve};
}

function unavailable() {
  return Promise.reject(new KviError('KVI_UNAVAILABLE', 'made to fail'));
}

describe('a session', () => {
  it('is kept alive three times in the TTL that was granted, which may be more than was asked for', async () => {
    const clock = handClock();
    const {driver, keepAlives} = leases(clock, 6);
    const session = await openSession(driver, 1, never);
    await clock.advance(60_000);
    expect(keepAlives.slice(0, 3)).toEqual([2000, 4000, 6000]);
    expect([keepAlives.length, session.isAlive(), session.signal.aborted]).toEqual([30, true, false]);
    await session.close();
  });

  it('is lost when its TTL has passed since the last successful keepalive was sent, not since it was answered', async () => {
    const clock = handClock();
    const {driver, answers} = leases(clock, 3);
    const session = await openSession(driver, 3, never);
    const answer = later<LeaseKeepAliveResponse>();
    answers.keepAlive = () => answer.promise;
    await clock.advance(1900);
    answer.resolve({revision: 1, ttlSeconds: 3});
    answers.keepAlive = unavailable;
    await clock.advance(2099);
    expect([clock.now(), session.isAlive(), session.signal.aborted]).toEqual([3999, true, false]);
    await clock.advance(1);
    expect([session.isAlive(), session.signal.aborted]).toEqual([false, true]);
    expect(session.signal.reason).toMatchObject({code: 'KVI_LEASE_NOT_FOUND'});
  });

  it('counts the grant from when it was asked for', async () => {
    const clock = handClock();
    const {driver, answers} = leases(clock, 3);
    const answer = later<LeaseGrantResponse>();
    answers.grant = () => answer.promise;
    answers.keepAlive = unavailable;
    const opening = openSession(driver, 3, never);
    await clock.advance(2000);
    answer.resolve({revision: 1, id: 'a1', ttlSeconds: 3});
    const session = await opening;
    await clock.advance(999);
    expect(session.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(session.signal.aborted).toBe(true);
  });

  it('survives keepalives that fail, as long as one succeeds within the TTL', async () => {
    const clock = handClock();
    const {driver, answers} = leases(clock, 9);
    const session = await openSession(driver, 9, never);
    answers.keepAlive = unavailable;
    await clock.advance(8000);
    answers.keepAlive = () => Promise.resolve({revision: 1, ttlSeconds: 9});
    await clock.advance(8000);
    expect([session.isAlive(), session.signal.aborted]).toEqual([true, false]);
    await session.close();
  });

  it('takes a stalled event loop as time that has passed, before any timer fires', async () => {
    const clock = handClock();
    const {driver} = leases(clock, 3);
    const session = await openSession(driver, 3, never);
    clock.stall(3000);
    expect(session.isAlive()).toBe(false);
    await clock.advance(0);
    expect(session.signal.aborted).toBe(true);
  });

  it('takes a machine that sleeps as time that has passed, though the monotonic clock stands still', async () => {
    const clock = handClock();
    const {driver} = leases(clock, 3);
    const session = await openSession(driver, 3, never);
    await clock.advance(500);
    clock.sleep(2499);
    expect(session.isAlive()).toBe(true);
    clock.sleep(1);
    expect([session.isAlive(), session.signal.aborted]).toEqual([false, true]);
  });

  it('counts on by the monotonic clock when the other one is set back', async () => {
    const clock = handClock();
    const {driver, answers} = leases(clock, 3);
    const session = await openSession(driver, 3, never);
    answers.keepAlive = unavailable;
    clock.sleep(-60_000);
    await clock.advance(2999);
    expect(session.isAlive()).toBe(true);
    await clock.advance(1);
    expect(session.isAlive()).toBe(false);
  });

  it('is lost as soon as a keepalive learns that the lease is gone', async () => {
    const clock = handClock();
    const {driver, answers} = leases(clock, 3);
    const session = await openSession(driver, 3, never);
    answers.keepAlive = () => Promise.reject(new KviError('KVI_LEASE_NOT_FOUND', 'made to fail'));
    await clock.advance(1000);
    expect([session.isAlive(), session.signal.aborted, clock.pending()]).toEqual([false, true, 0]);
  });

  it('revokes its lease when it is closed, once, and is not lost by that', async () => {
    const clock = handClock();
    const {driver, revoked, answers} = leases(clock, 3);
    const session = await openSession(driver, 3, never);
    answers.revoke = () => Promise.reject(new KviError('KVI_LEASE_NOT_FOUND', 'gone already'));
    await Promise.all([session.close(), session.close()]);
    expect([revoked, session.isAlive(), session.signal.aborted]).toEqual([['a1'], false, false]);
    expect(clock.pending()).toBe(0);
  });

  it('says what kept it from being revoked', async () => {
    const clock = handClock();
    const {driver, answers} = leases(clock, 3);
    const session = await openSession(driver, 3, never);
    answers.revoke = unavailable;
    await expect(session.close()).rejects.toMatchObject({code: 'KVI_UNAVAILABLE'});
    expect(clock.pending()).toBe(0);
  });

  it('gives a lease back that is granted after the wait for it was given up', async () => {
    const clock = handClock();
    const {driver, answers, revoked} = leases(clock, 3);
    const answer = later<LeaseGrantResponse>();
    answers.grant = () => answer.promise;
    const controller = new AbortController();
    const opening = openSession(driver, 3, controller.signal);
    controller.abort(new KviError('KVI_ABORTED', 'enough'));
    answer.resolve({revision: 1, id: 'b2', ttlSeconds: 3});
    await expect(opening).rejects.toMatchObject({code: 'KVI_ABORTED'});
    expect([revoked, clock.pending()]).toEqual([['b2'], 0]);
  });

  it('does not wait long for the answer to a grant that was given up', async () => {
    const clock = handClock();
    const {driver, answers} = leases(clock, 3);
    answers.grant = () => new Promise(() => undefined);
    const controller = new AbortController();
    const opening = openSession(driver, 3, controller.signal);
    opening.catch(() => undefined);
    controller.abort(new KviError('KVI_ABORTED', 'enough'));
    await clock.advance(1000);
    await expect(opening).rejects.toMatchObject({code: 'KVI_ABORTED'});
  });

  it('gives a keepalive a third of the TTL, and no more than the lease has left', async () => {
    const clock = handClock();
    const {driver, answers, keepAlives, limits} = leases(clock, 9);
    const session = await openSession(driver, 9, never);
    answers.keepAlive = unavailable;
    await clock.advance(8_900);
    const [first = 0, second = 0, third = 0] = keepAlives;
    expect(first).toBe(3_000);
    expect(second - first).toBeGreaterThanOrEqual(225);
    expect(second - first).toBeLessThanOrEqual(450);
    expect(third - second).toBeLessThanOrEqual(900);
    expect(limits).toEqual(keepAlives.map((at) => Math.min(9_000 - at, 2_997)));
    await session.close({timeoutMs: 70});
    expect(limits.at(-1)).toBe(70);
  });

  it('tries again what failed soon, and at least every second', async () => {
    const clock = handClock();
    const {driver, answers, keepAlives} = leases(clock, 60);
    const session = await openSession(driver, 60, never);
    answers.keepAlive = unavailable;
    await clock.advance(23_000);
    const waits = keepAlives.slice(1).map((at, i) => at - (keepAlives[i] ?? 0));
    expect(keepAlives[0]).toBe(20_000);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_000);
    await session.close();
  });

  it('counts by the TTL that the latest keepalive told', async () => {
    const clock = handClock();
    const {driver, answers, keepAlives} = leases(clock, 3);
    const session = await openSession(driver, 3, never);
    answers.keepAlive = () => Promise.resolve({revision: 1, ttlSeconds: 12});
    await clock.advance(1_000);
    answers.keepAlive = unavailable;
    await clock.advance(11_999);
    expect(keepAlives.slice(0, 2)).toEqual([1_000, 5_000]);
    expect([clock.now(), session.isAlive()]).toEqual([12_999, true]);
    await clock.advance(1);
    expect(session.signal.aborted).toBe(true);
  });

  it('is not brought back by an answer that comes after it was closed or lost', async () => {
    for (const answer of [() => Promise.resolve({revision: 1, ttlSeconds: 3}), unavailable]) {
      const clock = handClock();
      const {driver, answers, keepAlives} = leases(clock, 3);
      const session = await openSession(driver, 3, never);
      const asked = later<undefined>();
      answers.keepAlive = () => asked.promise.then(answer);
      await clock.advance(1_000);
      await session.close();
      asked.resolve(undefined);
      await clock.advance(0);
      expect(clock.pending()).toBe(0);
      await clock.advance(10_000);
      expect([keepAlives, session.isAlive(), clock.pending()]).toEqual([[1_000], false, 0]);
      expect(session.signal.aborted).toBe(false);
    }
  });

  it('asks for a lease of 63 random bits, another each time', async () => {
    const clock = handClock();
    const {driver, ids} = leases(clock, 3);
    for (let i = 0; i < 50; i += 1) await (await openSession(driver, 3, never)).close();
    for (const id of ids) {
      expect(id).toMatch(/^[1-9a-f][0-9a-f]{0,15}$/);
      expect(BigInt(`0x${id ?? ''}`)).toBeLessThan(2n ** 63n);
    }
    expect(new Set(ids).size).toBe(50);
    expect(ids.some((id) => BigInt(`0x${id ?? ''}`) > 2n ** 62n)).toBe(true);
  });

  it('asks for no lease when the wait has been given up before', async () => {
    const {driver, ids} = leases(handClock(), 3);
    const enough = AbortSignal.abort(new KviError('KVI_ABORTED', 'enough'));
    await expect(openSession(driver, 3, enough)).rejects.toMatchObject({code: 'KVI_ABORTED'});
    expect(ids).toEqual([]);
  });

  it('gives back within a second what was granted too late', async () => {
    const clock = handClock();
    const {driver, answers, limits} = leases(clock, 3);
    const controller = new AbortController();
    const answer = later<LeaseGrantResponse>();
    answers.grant = () => answer.promise;
    const opening = openSession(driver, 3, controller.signal);
    controller.abort(new KviError('KVI_ABORTED', 'enough'));
    answer.resolve({revision: 1, id: 'b2', ttlSeconds: 3});
    await expect(opening).rejects.toMatchObject({code: 'KVI_ABORTED'});
    expect(limits).toEqual([1_000]);
  });

  it('is lost to the millisecond, whenever it began, and says so', async () => {
    const clock = handClock();
    clock.stall(50_000);
    const {driver, answers} = leases(clock, 3);
    const lost: unknown[] = [];
    const note = (event: unknown) => lost.push(event);
    subscribe('kvi:session-lost', note);
    const session = await openSession(driver, 3, never);
    await clock.advance(1_000);
    answers.keepAlive = unavailable;
    await clock.advance(2_999);
    expect(session.signal.aborted).toBe(false);
    await clock.advance(1);
    unsubscribe('kvi:session-lost', note);
    expect(session.signal.aborted).toBe(true);
    expect(session.signal.reason).toMatchObject({message: expect.stringContaining('a1')});
    expect(lost).toEqual([{lease: 'a1', ttlSeconds: 3, silentMs: 3_000, reason: 'expired'}]);
  });

  it('that was never kept alive is lost to the millisecond too', async () => {
    const clock = handClock();
    clock.stall(50_000);
    const {driver, answers} = leases(clock, 3);
    answers.keepAlive = unavailable;
    const session = await openSession(driver, 3, never);
    await clock.advance(2_999);
    expect(session.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(session.signal.aborted).toBe(true);
  });

  it('asks for nothing once it was lost while the event loop stalled', async () => {
    const clock = handClock();
    const {driver, keepAlives} = leases(clock, 3);
    const session = await openSession(driver, 3, never);
    clock.stall(3_000);
    await clock.advance(0);
    expect([keepAlives, session.signal.aborted]).toEqual([[], true]);
  });

  it('has the lease that it asked for, though the answer to the grant was lost', async () => {
    const clock = handClock();
    const {driver, answers, ids, revoked} = leases(clock, 3);
    answers.grant = () => {
      const code = ids.length === 1 ? 'KVI_UNKNOWN_OUTCOME' : 'KVI_LEASE_EXISTS';
      return Promise.reject(new KviError(code, 'made to fail'));
    };
    const opening = openSession(driver, 3, never);
    await clock.advance(100);
    const session = await opening;
    expect([session.lease, ids[1]]).toEqual([ids[0], ids[0]]);
    expect(session.isAlive()).toBe(true);
    await session.close();
    expect(revoked).toEqual([ids[0]]);
  });
});
