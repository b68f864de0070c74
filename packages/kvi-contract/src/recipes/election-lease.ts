import assert from 'node:assert/strict';
import {isKviError} from 'kvi-core/driver';
import {election} from 'kvi-core/recipes';
import {abortOf, assertFails, eventually, leaseOf} from '../kvi/helpers.ts';
import type {ContractGroup} from '../suite.ts';

/** The leases of leaders, and campaigns under a lease of the caller's. */
export const leasesOfLeaders: ContractGroup = {
  name: 'the lease of a leader',
  cases: [
    {
      name: 'ends as soon as its key is deleted, though nobody resigns',
      async run({kv, driver, key}) {
        const leadership = await election(kv, key('e')).campaign('v');
        const id = (await leaseOf(kv, leadership.key)) ?? assert.fail('the leader has a lease');
        await kv.delete(leadership.key);
        await abortOf(leadership.signal, 'the leader is told');
        await eventually(async () => {
          const {leases} = await driver.leaseLeases();
          return !leases.includes(id);
        }, 'nobody keeps the lease alive');
        await assertFails('KVI_LEADERSHIP_LOST', () => leadership.resign(), 'resigning tells of the loss');
      },
    },
    {
      name: "of the caller's own serves the next leadership, which resigning a lost one leaves alone",
      async run({kv, key}) {
        const race = election(kv, key('e'));
        await using lease = await kv.lease();
        const lost = await race.campaign('one', {lease});
        await kv.delete(lost.key);
        await abortOf(lost.signal, 'the leader is told');
        const next = await race.campaign('two', {lease});
        await assertFails('KVI_LEADERSHIP_LOST', () => lost.resign(), 'the first one was lost');
        assert.equal((await race.leader())?.token, next.token);
        assert.equal(next.isLeading(), true);
        await next.resign();
        assert.equal(await race.leader(), undefined);
      },
    },
    {
      name: "of the caller's own tells a loss once, and not the end of the lease after it",
      async run({kv, key}) {
        const lease = await kv.lease();
        const lost = await election(kv, key('e')).campaign('v', {lease});
        await kv.delete(lost.key);
        await abortOf(lost.signal, 'the leader is told');
        await lease.revoke();
        assert.ok(isKviError(lost.signal.reason, 'KVI_LEADERSHIP_LOST'));
        await assertFails('KVI_LEADERSHIP_LOST', () => lost.resign(), 'resigning tells of the loss');
      },
    },
  ],
};
