import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {isKviError} from 'kvi-core/driver';
import {election} from 'kvi-core/recipes';
import {abortOf, assertFails, eventually, leaseOf} from '../kvi/helpers.ts';
import type {ContractGroup} from '../suite.ts';
import {lostAnswers} from './lost-answers.ts';

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
    {
      name: "of the caller's own leads with the value of the last campaign, whichever answers are lost",
      async run({open, key}) {
        const {driver, loseAnswer} = lostAnswers(await open());
        await using client = createKvi(driver);
        const race = election(client, key('e'));
        await using lease = await client.lease();
        await using first = await race.campaign('0', {lease});
        for (const lost of [1, 2, 3]) {
          loseAnswer(lost);
          const same = await race.campaign(String(lost), {lease});
          assert.equal(same.token, first.token, 'it is one candidate');
          assert.equal((await race.leader())?.value, String(lost), `the answer to request ${lost} was lost`);
        }
        assert.equal(first.isLeading(), true);
      },
    },
    {
      name: "of the caller's own leads again when its key is deleted before the value of a campaign is proclaimed",
      async run({open, kv, key}) {
        const own = await open();
        let toDelete: string | undefined;
        await using client = createKvi({
          ...own,
          async txn(request, options) {
            const [compare] = request.compare ?? [];
            const isProclamation = compare?.target === 'create' && compare.createRevision !== 0;
            if (toDelete !== undefined && isProclamation) {
              await kv.delete(toDelete);
              toDelete = undefined;
            }
            return own.txn(request, options);
          },
        });
        const race = election(client, key('e'));
        await using lease = await client.lease();
        const lost = await race.campaign('one', {lease});
        toDelete = lost.key;
        await using next = await race.campaign('two', {lease});
        assert.ok(next.token > lost.token);
        assert.equal((await race.leader())?.value, 'two');
        await assertFails('KVI_LEADERSHIP_LOST', () => lost.resign(), 'the first one was lost');
      },
    },
  ],
};
