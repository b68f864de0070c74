import assert from 'node:assert/strict';
import {createKvi, limitAttempts} from 'kvi-core';
import {type Driver, isKviError, KviError, noLease} from 'kvi-core/driver';
import {election, type Leadership} from 'kvi-core/recipes';
import {abortOf, assertFails, keysOf, leaseOf, soon} from '../kvi/helpers.ts';
import {contendersOf, untilWaiting} from '../kvi/lock-waiters.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import type {ContractGroup} from '../suite.ts';
import {abortEverywhere} from './abort-everywhere.ts';

/** Campaigns, and who leads. */
export const elections: ContractGroup = {
  name: 'an election',
  cases: [
    {
      name: 'has one leader at a time, first come, first served, each with a higher token',
      async run({kv, openKvi, key}) {
        const name = key('e');
        const first = await election(kv, name).campaign('one');
        const others = [await openKvi(), await openKvi()];
        const waiting: Promise<Leadership>[] = [];
        for (const [i, other] of others.entries()) {
          waiting.push(election(other, name).campaign(String(i)));
          await untilWaiting(kv, name, i + 2);
        }
        assert.equal(first.isLeading(), true);
        assert.equal(first.key.startsWith(`${name}/`), true, "the layout is etcd's");
        let token = first.token;
        await first.resign();
        await first.resign();
        assert.equal(first.isLeading(), false, 'resigning twice is fine');
        const late = await assertFails(
          'KVI_LEADERSHIP_LOST',
          () => first.proclaim('late'),
          'it was resigned',
        );
        assert.match(late.message, /was resigned/);
        for (const [i, next] of waiting.entries()) {
          await using leadership = await soon(next, 'the next one leads');
          assert.equal((await election(kv, name).leader())?.value, String(i));
          assert.ok(leadership.token > token, 'each leader has a higher token');
          ({token} = leadership);
        }
        assert.equal(await election(kv, name).leader(), undefined, 'the end of a block resigns');
      },
    },
    {
      name: 'keeps the third candidate waiting when the second gives up, or is deleted',
      async run({kv, openKvi, key}) {
        const name = key('e');
        for (const how of ['gives up', 'is deleted']) {
          const race = election(kv, name);
          const leading = await race.campaign('first');
          const enough = new AbortController();
          const second = election(await openKvi(), name).campaign('second', {signal: enough.signal});
          second.catch(() => undefined);
          await untilWaiting(kv, name, 2);
          let isElected = false;
          const third = election(await openKvi(), name).campaign('third');
          void third.then(() => (isElected = true));
          await untilWaiting(kv, name, 3);
          if (how === 'gives up') {
            enough.abort();
            await assertFails('KVI_ABORTED', () => second, 'the second gives up');
          } else {
            const {kvs} = await kv.range({prefix: `${name}/`}, {sortTarget: 'create'});
            await kv.delete(kvs[1]?.key ?? '');
          }
          assert.equal((await race.leader())?.value, 'first');
          assert.equal(isElected, false, how);
          await leading.resign();
          await (await soon(third, 'the third leads')).resign();
          // It notices when its turn comes, and queues up again.
          if (how === 'is deleted') await (await soon(second, 'then the second')).resign();
        }
      },
    },
    {
      name: 'is left by a campaign that ends: by its signal, its time or a value that is refused',
      async run(context) {
        const {kv, key} = context;
        const name = key('e');
        const race = election(kv, name);
        await using _leading = await race.campaign('first');
        const controller = new AbortController();
        const waiting = assertFails(
          'KVI_ABORTED',
          () => race.campaign('second', {signal: controller.signal}),
          'the signal ends it',
        );
        await untilWaiting(kv, name, 2);
        controller.abort();
        await waiting;
        const error = await assertFails(
          'KVI_TIMEOUT',
          () => race.campaign('third', {timeoutMs: 2_000}),
          'in time',
        );
        assert.match(error.message, /was not won within 2000 ms: another leads$/);
        assert.deepEqual((await keysOf(kv, context)).length, 1, 'nobody else is left');
      },
    },
    {
      name: 'is not said to have another leader when it is not won in time because the store fails',
      async run({open, key}) {
        const away: Driver = {
          ...(await open()),
          txn: () => Promise.reject(new KviError('KVI_UNAVAILABLE', 'made to fail')),
        };
        await using client = createKvi(away, {retryPolicy: limitAttempts(1)});
        for (const call of [
          () => election(client, key('e')).campaign('v', {timeoutMs: 1_000}),
          () => client.distTimedLock(1, key('l')),
        ]) {
          const error = await assertFails('KVI_TIMEOUT', call, 'it is not won in time');
          assert.match(error.message, /within 1000 ms$/);
          assert.ok(isKviError(error.cause, 'KVI_UNAVAILABLE'), 'and says why');
        }
      },
    },
    {
      name: 'tells who leads and what it proclaims, as text or as bytes',
      async run({kv, key}) {
        const race = election(kv, key('e'));
        assert.equal(await race.leader(), undefined);
        await using leadership = await race.campaign('one');
        await leadership.proclaim('two');
        const {token} = leadership;
        assert.deepEqual(await race.leader(), {value: 'two', key: leadership.key, token});
        const leader = await election(kv.bytes, key('e')).leader();
        assert.deepEqual(leader?.value, new Uint8Array(Buffer.from('two')));
        await leadership.proclaim(Uint8Array.of(0xff));
        await assertFails('KVI_NOT_TEXT', () => race.leader(), 'text was asked for');
      },
    },
    {
      name: 'is lost with the key of the leader: its signal, its proclamations and its resignation say so',
      async run({kv, openKvi, key}) {
        const name = key('e');
        const leadership = await election(kv, name).campaign('one');
        const next = election(await openKvi(), name).campaign('two');
        await untilWaiting(kv, name, 2);
        await kv.delete(leadership.key);
        await abortOf(leadership.signal, 'the leader is told');
        assert.ok(isKviError(leadership.signal.reason, 'KVI_LEADERSHIP_LOST'));
        assert.equal(leadership.isLeading(), false);
        await assertFails('KVI_LEADERSHIP_LOST', () => leadership.proclaim('late'), 'it proclaims no more');
        // Somebody puts the key again, under another create revision.
        await kv.store(leadership.key, 'by hand');
        await assertFails('KVI_LEADERSHIP_LOST', () => leadership.proclaim('late'), 'nor then');
        assert.equal(await kv.get(leadership.key), 'by hand', 'nothing was changed');
        await assertFails('KVI_LEADERSHIP_LOST', () => leadership.resign(), 'resigning tells of the loss');
        assert.equal((await soon(next, 'the next one leads')).isLeading(), true);
      },
    },
    {
      name: 'is lost with the lease of the leader, and can be won again under another',
      async run({kv, driver, key}) {
        const race = election(kv, key('e'));
        const leadership = await race.campaign('one', {ttlSeconds: 5});
        const {lease} =
          (await kv.getKeyValue(leadership.key)) ?? assert.fail('the key of the leader is there');
        await driver.leaseRevoke(lease);
        await abortOf(leadership.signal, 'the leader is told');
        assert.ok(isKviError(leadership.signal.reason, 'KVI_LEADERSHIP_LOST'));
        await assertFails('KVI_LEADERSHIP_LOST', () => leadership.resign(), 'resigning tells of the loss');
        await using again = await race.campaign('again');
        assert.notEqual(again.key, leadership.key);
      },
    },
    {
      name: 'goes on when the value of the leader is overwritten by hand',
      async run({kv, key}) {
        const race = election(kv, key('e'));
        await using leadership = await race.campaign('one');
        await kv.store(leadership.key, 'by hand');
        assert.deepEqual((await race.leader())?.value, 'by hand');
        await leadership.proclaim('two');
        assert.deepEqual((await race.leader())?.value, 'two');
        assert.equal(leadership.isLeading(), true);
      },
    },
    {
      name: 'is under the lease of the leader again with the next proclamation, if it was taken from it by hand',
      async run({kv, driver, key, prefix}) {
        const leadership = await election(kv, key('e')).campaign('one');
        const {lease} = (await kv.getKeyValue(leadership.key)) ?? assert.fail('the leader has a key');
        await kv.store(leadership.key, 'by hand');
        assert.equal(await leaseOf(kv, leadership.key), noLease, 'it would outlive a leader that crashes');
        await leadership.proclaim('two');
        assert.equal(await leaseOf(kv, leadership.key), lease);
        await kv.store(leadership.key, 'by hand');
        await driver.leaseRevoke(lease);
        await assertFails('KVI_LEADERSHIP_LOST', () => leadership.proclaim('late'), 'the lease has ended');
        // It fails if the leader has heard of the end of its lease by now.
        await Promise.allSettled([leadership.resign()]);
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'resigning deletes the key, which no lease would');
      },
    },
    {
      name: 'is followed by a candidate that loses its lease, in a place and under a lease that are new',
      async run({kv, openKvi, driver, key}) {
        const race = election(kv, key('e'));
        const leading = await race.campaign('first');
        const second = election(await openKvi(), key('e')).campaign('second');
        await untilWaiting(kv, key('e'), 2);
        const third = election(await openKvi(), key('e')).campaign('third');
        await untilWaiting(kv, key('e'), 3);
        const [, place] = await contendersOf(kv, key('e'));
        await driver.leaseRevoke(place?.lease ?? noLease);
        await untilWaiting(kv, key('e'), 3);
        await leading.resign();
        for (const [value, next] of Object.entries({third, second})) {
          await using leadership = await soon(next, 'everyone has a turn');
          assert.deepEqual(await race.leader(), {value, key: leadership.key, token: leadership.token});
          assert.notEqual(leadership.key, place?.key);
        }
      },
    },
    {
      name: "may be won under a lease of the caller's, which outlives the leadership, and is one candidate",
      async run({kv, key, prefix}) {
        const race = election(kv, key('e'));
        const lease = await kv.lease({ttlSeconds: 30});
        const leadership = await race.campaign('one', {lease});
        assert.equal(leadership.key, `${key('e')}/${lease.id}`);
        const same = await soon(race.campaign('two', {lease}), 'it leads already');
        assert.equal(same.token, leadership.token);
        assert.equal((await race.leader())?.value, 'two', 'and proclaims what it campaigned with');
        await leadership.resign();
        await abortOf(same.signal, 'the one candidate has resigned');
        assert.equal(lease.isAlive(), true);
        const last = await race.campaign('three', {lease});
        await lease.revoke();
        await abortOf(last.signal, 'the lease was ended');
        assert.ok(isKviError(last.signal.reason, 'KVI_CLOSED'), 'which is no loss');
        assert.deepEqual(await keysOf(kv, {prefix}), []);
        await assertFails('KVI_CLOSED', () => race.campaign('four', {lease}), 'a lease that was ended');
      },
    },
    {
      name: 'is given up by a campaign that may not proclaim',
      async run({open, key, prefix}) {
        const own = await open();
        let mayPut = true;
        await using client = createKvi({
          ...own,
          txn(request, options) {
            const isProclamation = request.success?.[0]?.type === 'put' && request.failure?.length === 0;
            if (mayPut || !isProclamation) return own.txn(request, options);
            return Promise.reject(new KviError('KVI_PERMISSION_DENIED', 'made to fail'));
          },
        });
        const race = election(client, key('e'));
        const lease = await client.lease();
        const leadership = await race.campaign('one', {lease});
        mayPut = false;
        const again = () => race.campaign('two', {lease});
        await assertFails('KVI_PERMISSION_DENIED', again, 'its value was not proclaimed');
        await abortOf(leadership.signal, 'the one candidate has given up');
        assert.equal(lease.isAlive(), true);
        assert.deepEqual(await keysOf(client, {prefix}), []);
      },
    },
    {
      name: 'is given up when the handle closes, and so are campaigns that wait',
      async run({kv, openKvi, key, prefix}) {
        const closing = await openKvi();
        const [one, two] = [election(closing, key('one')), election(closing, key('two'))];
        const leadership = await one.campaign('v');
        const held = await election(kv, key('two')).campaign('v');
        const waiting = assertFails('KVI_CLOSED', () => two.campaign('w'), 'the wait ends');
        await untilWaiting(kv, key('two'), 2);
        await closing.close();
        await waiting;
        assert.ok(isKviError(leadership.signal.reason, 'KVI_CLOSED'), 'it was given up, and not lost');
        assert.equal((await keysOf(kv, {prefix})).length, 1, 'nothing of it is left');
        await leadership.resign();
        await held.resign();
        for (const call of [() => one.campaign('v'), () => one.leader()]) {
          await assertFails('KVI_CLOSED', call, 'a closed handle takes no part');
        }
      },
    },
    {
      name: 'has one leader at a time among a hundred campaigns of one handle',
      async run({kv, key}) {
        const race = election(kv, key('e'));
        const same = [race, election(kv, key('e')), election(kv.bytes, key('e'))];
        let leading = 0;
        let token = 0;
        const lead = async (n: number) => {
          await using leadership = await (same[n % same.length] ?? race).campaign(String(n));
          leading += 1;
          assert.equal(leading, 1, 'nobody else leads');
          assert.ok(leadership.token > token, 'the tokens grow');
          ({token} = leadership);
          assert.equal((await race.leader())?.value, String(n));
          leading -= 1;
        };
        await Promise.all(Array.from({length: 100}, (_, n) => lead(n)));
      },
    },
    {
      name: 'is left clean wherever a campaign is aborted',
      async run(context) {
        const {kv, key} = context;
        await abortEverywhere(
          context,
          async (client, signal) => {
            const leadership = await election(client, key('e')).campaign('v', {signal});
            await leadership.proclaim('w', {signal});
            await leadership.resign();
          },
          async () => assert.deepEqual(await keysOf(kv, context), [], 'nobody is left in the queue'),
        );
      },
    },
    {
      name: 'counts every key below its name as a candidate, as etcd does',
      async run({kv, key}) {
        await using inner = await election(kv, key('a/b')).campaign('inner');
        assert.equal((await election(kv, key('a')).leader())?.key, inner.key);
        await assertFails(
          'KVI_TIMEOUT',
          () => election(kv, key('a')).campaign('v', {timeoutMs: 20}),
          'it leads',
        );
        await using slash = await election(kv, key('s/')).campaign('v');
        assert.ok(slash.key.startsWith(key('s//')), 'a slash at the end is a part of the name');
        await using lock = await kv.distLock(key('l'));
        assert.equal(
          (await election(kv, key('l')).leader())?.token,
          lock.token,
          'a lock has the same layout',
        );
      },
    },
    {
      name: 'refuses bad input before anything is sent',
      async run(context) {
        const {kv, openKvi, key} = context;
        const race = election(kv, key('e'));
        const other = await (await openKvi()).lease();
        const own = await kv.lease();
        const unchecked = race as unknown as Record<keyof typeof race, (...args: unknown[]) => unknown>;
        await assertRefused(
          context,
          {
            'no name': () => election(kv, ''),
            'a name that UTF-8 cannot encode': () => election(kv, '\ud800'),
            'no handle': () => election(wrong(undefined), 'e'),
            'a name that is not text': () => election(kv, wrong(1)),
            'a name that text cannot be made of': () => election(kv, wrong(Symbol('e'))),
            'no value': () => unchecked.campaign(),
            'a value that is neither text nor bytes': () => unchecked.campaign(1),
            'an unknown option': () => unchecked.campaign('v', {ttl: 1}),
            'a TTL of 0': () => race.campaign('v', {ttlSeconds: 0}),
            'a timeout of 0': () => race.campaign('v', {timeoutMs: 0}),
            'a lease of another handle': () => race.campaign('v', {lease: other}),
            'a lease and a TTL': () => race.campaign('v', {lease: own, ttlSeconds: 5}),
            'a value that is too large': () => race.campaign('x'.repeat(2_000_000)),
            'no function': () => unchecked.runAsLeader('v'),
            'a timeout of what may run for ever': () => unchecked.runAsLeader('v', () => 1, {timeoutMs: 5}),
            'a timeout of an observer': () => race.observe(wrong({timeoutMs: 5})).next(),
            'an unknown option of leader': () => unchecked.leader({limit: 2}),
          },
          'it is refused',
          {
            'no name': /election/,
            'a value that is neither text nor bytes': /^value must/,
            'no function': /^work must/,
          },
        );
        await other.revoke();
        await own.revoke();
      },
    },
  ],
};
