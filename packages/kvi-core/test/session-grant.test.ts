import {describe, expect, it} from '@jest/globals';
import type {Driver} from '../src/driver/driver.ts';
import {KviError} from '../src/etcd/errors.ts';
import {openSession} from '../src/lease/session.ts';
import {handClock} from './hand-clock.ts';

describe('a session whose grant got no answer at first', () => {
  it('counts from when the grant was sent that was answered', async () => {
    const clock = handClock();
    const grants: {at: number; resolve: () => void; reject: (error: KviError) => void}[] = [];
    const driver: Pick<Driver, 'clock' | 'leaseGrant' | 'leaseKeepAlive'> = {
      clock,
      leaseGrant: ({id = '1', ttlSeconds}) =>
        new Promise((resolve, reject) => {
          grants.push({at: clock.now(), resolve: () => resolve({revision: 1, id, ttlSeconds}), reject});
        }),
      leaseKeepAlive: () => Promise.reject(new KviError('KVI_UNAVAILABLE', 'made to fail')),
    };
    // A session needs no more of a driver than its leases.
    const opening = openSession(driver as Driver, 3, new AbortController().signal);
    await clock.advance(5_000);
    grants[0]?.reject(new KviError('KVI_UNKNOWN_OUTCOME', 'made to fail'));
    await clock.advance(1_000);
    grants[1]?.resolve();
    const session = await opening;
    expect(session.isAlive()).toBe(true);
    const sentAt = grants[1]?.at ?? 0;
    expect(sentAt).toBeGreaterThan(5_000);
    await clock.advance(sentAt + 3_000 - clock.now() - 0.5);
    expect(session.isAlive()).toBe(true);
    await clock.advance(0.5);
    expect(session.isAlive()).toBe(false);
  });
});
