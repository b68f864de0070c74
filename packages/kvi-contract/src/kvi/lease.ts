import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {type Driver, isKviError, KviError, type LeaseId, randomLeaseId, sleep} from 'kvi-core/driver';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {
  abortOf,
  assertFails,
  eventually,
  keysOf,
  leaseOf,
  shortTtlSeconds,
  storeAll,
  untilLeaseExpired,
} from './helpers.ts';
import {untilWaiting} from './lock-waiters.ts';

/** Grants a lease that nobody keeps alive. */
async function shortLease(driver: Driver): Promise<LeaseId> {
  return (await driver.leaseGrant({ttlSeconds: shortTtlSeconds})).id;
}

/** `lease`, `attachLease`, `leases` and `compact`. */
export const lease: ContractGroup = {
  name: 'lease',
  cases: [
    {
      name: 'the keys of a lease are deleted together when it is revoked, which is not a loss, and revoking twice is harmless',
      async run({kv, key, prefix}) {
        const granted = await kv.lease({ttlSeconds: 30});
        assert.ok(
          granted.ttlSeconds >= 30,
          'the lease has the TTL that was asked for, or what the backend grants',
        );
        for (const name of ['a', 'b']) await kv.store(key(name), 'v', {lease: granted.id});
        await kv.store(key('c'), 'v');
        assert.deepEqual(await granted.timeToLive({keys: true}), {
          ttlSeconds: (await granted.timeToLive()).ttlSeconds,
          grantedTtlSeconds: granted.ttlSeconds,
          keys: [key('a'), key('b')],
        });
        assert.ok((await kv.leases()).includes(granted.id), 'it is listed');
        assert.equal(granted.isAlive(), true);
        await granted.revoke();
        assert.deepEqual(await keysOf(kv, {prefix}), ['c'], 'its keys are gone');
        assert.ok(!(await kv.leases()).includes(granted.id), 'it is not listed any more');
        assert.equal(granted.isAlive(), false);
        assert.ok(isKviError(granted.signal.reason, 'KVI_CLOSED'), 'and it was not lost');
        await granted.revoke();
        await granted.close();
        await assertFails(
          'KVI_CLOSED',
          () => granted.refresh(),
          'a lease that was revoked cannot be refreshed',
        );
        await assertFails('KVI_LEASE_NOT_FOUND', () => granted.timeToLive(), 'nor has it anything left');
        await assertFails(
          'KVI_LEASE_NOT_FOUND',
          () => kv.store(key('d'), 'v', {lease: granted.id}),
          'nothing is stored under it',
        );
      },
    },
    {
      name: 'it outlives its TTL, and ends with its handle',
      async run({kv, openKvi, driver, key}) {
        const own = await openKvi();
        const granted = await own.lease({ttlSeconds: shortTtlSeconds});
        await own.store(key('k'), 'v', {lease: granted.id});
        await untilLeaseExpired(driver, key('other'));
        assert.equal(await kv.get(key('k')), 'v', 'it is kept alive');
        assert.equal(granted.isAlive(), true);
        await own.close();
        assert.equal(await kv.get(key('k')), undefined, 'the handle revokes it');
        assert.ok(isKviError(granted.signal.reason, 'KVI_CLOSED'), 'and it was not lost');
      },
    },
    {
      name: 'without keepAlive it ends after its TTL, unless it is refreshed',
      async run({kv, driver, key}) {
        const granted = await kv.lease({ttlSeconds: shortTtlSeconds, keepAlive: false});
        await kv.store(key('k'), 'v', {lease: granted.id});
        await granted.refresh();
        assert.equal(granted.isAlive(), true);
        await abortOf(granted.signal, 'the lease is known to have ended');
        assert.ok(isKviError(granted.signal.reason, 'KVI_LEASE_NOT_FOUND'), 'and why');
        assert.equal(granted.isAlive(), false);
        await untilLeaseExpired(driver, key('other'));
        await eventually(async () => (await kv.get(key('k'))) === undefined, 'the key goes with its lease');
        await assertFails('KVI_LEASE_NOT_FOUND', () => granted.refresh(), 'it cannot be refreshed any more');
        await granted.close();
      },
    },
    {
      name: 'without keepAlive it outlives its handle',
      async run({kv, openKvi, driver, key}) {
        const own = await openKvi();
        const granted = await own.lease({ttlSeconds: 30, keepAlive: false});
        await own.store(key('k'), 'v', {lease: granted.id});
        await own.close();
        assert.ok(isKviError(granted.signal.reason, 'KVI_CLOSED'), 'it ends with its handle, here');
        assert.equal(await kv.get(key('k')), 'v', 'and not in the store');
        await driver.leaseRevoke(granted.id);
      },
    },
    {
      name: 'it is lost when another client revokes it',
      async run({kv, driver}) {
        const granted = await kv.lease({ttlSeconds: shortTtlSeconds});
        await driver.leaseRevoke(granted.id);
        await abortOf(granted.signal, 'a lease that was revoked is lost');
        assert.ok(isKviError(granted.signal.reason, 'KVI_LEASE_NOT_FOUND'), 'and why');
        await granted.close();
      },
    },
    {
      name: 'its id may be chosen, once',
      async run({kv}) {
        const id = randomLeaseId();
        await using granted = await kv.lease({id});
        assert.equal(granted.id, id, 'the lease has the id that was asked for');
        await assertFails('KVI_LEASE_EXISTS', () => kv.lease({id}), 'there is one lease of an id');
      },
    },
    {
      name: 'whether it was granted with the id that was chosen is unknown if no answer comes in time',
      async run({kv, open}) {
        const driver = await open();
        await using client = createKvi({
          ...driver,
          async leaseGrant(request, {timeoutMs = Infinity, signal} = {}) {
            await driver.leaseGrant(request);
            await sleep(driver.clock, timeoutMs, signal).catch(() => undefined);
            throw new KviError('KVI_UNKNOWN_OUTCOME', 'no answer came');
          },
        });
        for (const end of [() => ({timeoutMs: 20}), () => ({signal: AbortSignal.timeout(20)})]) {
          const id = randomLeaseId();
          await assertFails('KVI_UNKNOWN_OUTCOME', () => client.lease({id, ...end()}), 'it may be there');
          await using found = await kv.attachLease(id);
          await found.revoke();
        }
      },
    },
    {
      name: 'revoking it can be tried again after a failure',
      async run({kv, open, key}) {
        const driver = await open();
        let isAway = true;
        await using client = createKvi({
          ...driver,
          leaseRevoke: (...args) =>
            isAway
              ? Promise.reject(new KviError('KVI_PERMISSION_DENIED', 'made to fail'))
              : driver.leaseRevoke(...args),
        });
        const granted = await client.lease({ttlSeconds: 30});
        await client.store(key('k'), 'v', {lease: granted.id});
        await assertFails('KVI_PERMISSION_DENIED', () => granted.revoke(), 'the failure is told');
        assert.equal(granted.isAlive(), false, 'nobody keeps it alive any more');
        isAway = false;
        await granted.revoke();
        assert.equal(await kv.get(key('k')), undefined, 'it was revoked');
      },
    },
    {
      name: "another client's lease can be attached, and outlives the attachment",
      async run({kv, openKvi, driver, key}) {
        await using granted = await kv.lease({ttlSeconds: 30});
        const other = await openKvi();
        const attached = await other.attachLease(granted.id);
        assert.equal(attached.id, granted.id);
        assert.equal(attached.ttlSeconds, granted.ttlSeconds);
        assert.equal(attached.isAlive(), true);
        await other.store(key('k'), 'v', {lease: attached.id});
        await attached.close();
        assert.equal(attached.isAlive(), false);
        const another = await other.attachLease(granted.id, {keepAlive: true});
        await other.close();
        assert.ok(isKviError(another.signal.reason, 'KVI_CLOSED'), 'it ends with its handle');
        assert.equal(await kv.get(key('k')), 'v', 'the lease lives on');
        await assertFails(
          'KVI_LEASE_NOT_FOUND',
          () => kv.attachLease(randomLeaseId()),
          'a lease that does not exist cannot be attached',
        );
        await using last = await kv.attachLease(granted.id);
        await last.revoke();
        await assertFails(
          'KVI_LEASE_NOT_FOUND',
          () => driver.leaseTimeToLive({id: granted.id}),
          'it was revoked',
        );
      },
    },
    {
      name: 'an attached lease is kept alive only on request',
      async run({kv, driver, key}) {
        const kept = await shortLease(driver);
        const left = await shortLease(driver);
        await using attached = await kv.attachLease(kept, {keepAlive: true});
        await using followed = await kv.attachLease(left);
        await untilLeaseExpired(driver, key('other'));
        await abortOf(followed.signal, 'a lease that nobody keeps alive ends');
        assert.equal(attached.isAlive(), true);
        await driver.leaseTimeToLive({id: kept});
        await attached.revoke();
      },
    },
    {
      name: 'locks and temporary keys can be under it, and do not end it',
      async run({kv, driver, key, prefix}) {
        await using granted = await kv.lease({ttlSeconds: 30});
        const lock = await kv.distLock(key('lock'), {lease: granted});
        const temp = await kv.tempKey(key('temp'), {value: 'v', lease: granted});
        assert.equal(lock.key, `${key('lock')}/${granted.id}`);
        assert.equal(await leaseOf(kv, key('temp')), granted.id);
        assert.equal(lock.isHeld(), true);
        await assertFails('KVI_TIMEOUT', () => kv.distTimedLock(0, key('lock')), 'the lock is held');
        await lock.release();
        await temp.close();
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'their keys are gone');
        assert.equal(granted.isAlive(), true);
        await driver.leaseTimeToLive({id: granted.id});
        const again = await kv.distLock(key('lock'), {lease: granted});
        await again.release();
      },
    },
    {
      name: 'locks and temporary keys are lost with it',
      async run({kv, driver, key, openKvi}) {
        const granted = await kv.lease({ttlSeconds: shortTtlSeconds});
        const lock = await kv.distLock(key('lock'), {lease: granted});
        const temp = await kv.tempKey(key('temp'), {lease: granted});
        const waiting = (await openKvi()).distLock(key('lock'));
        await driver.leaseRevoke(granted.id);
        await abortOf(lock.signal, 'the lock is lost');
        assert.ok(isKviError(lock.signal.reason, 'KVI_LOCK_LOST'));
        await abortOf(temp.signal, 'the temporary key is lost');
        assert.ok(isKviError(temp.signal.reason, 'KVI_KEY_LOST'));
        await (await waiting).release();
        await assertFails('KVI_LOCK_LOST', () => lock.release(), 'and says so');
        await abortOf(granted.signal, 'the lease is lost');
        for (const call of [
          () => kv.distLock(key('next'), {lease: granted}),
          () => kv.tempKey(key('next'), {lease: granted}),
        ]) {
          await assertFails('KVI_LEASE_NOT_FOUND', call, 'nothing begins under a lease that has ended');
        }
      },
    },
    ...(['revoked', 'closed', 'closed where it is attached'] as const).map((how) => ({
      name: `locks and temporary keys end with it at once when it is ${how}, which is no loss`,
      async run({kv, openKvi, key, prefix}: CaseContext) {
        const [owner, other] = [await openKvi(), await openKvi()];
        const granted = await owner.lease({ttlSeconds: 30});
        const [user, lease] =
          how === 'closed where it is attached' ? [kv, await kv.attachLease(granted.id)] : [owner, granted];
        const lock = await user.distLock(key('lock'), {lease});
        const temp = await user.tempKey(key('temp'), {lease});
        const held = await other.distLock(key('held'));
        const waiting = user.distLock(key('held'), {lease});
        waiting.catch(() => undefined);
        await untilWaiting(kv, key('held'), 2);
        const ending = how === 'revoked' ? lease.revoke() : lease.close();
        assert.equal(lock.isHeld(), false, 'nobody renews the lease any more, so the lock is not held');
        assert.ok(isKviError(lock.signal.reason, 'KVI_CLOSED'), 'it was given up, and not lost');
        await assertFails('KVI_CLOSED', () => waiting, 'waiting for a lock under the lease is over');
        await abortOf(temp.signal, 'the temporary key is not kept any more');
        assert.ok(isKviError(temp.signal.reason, 'KVI_CLOSED'), 'it was given up, and not lost');
        await ending;
        await lock.release();
        await temp.close();
        await held.release();
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'their keys are gone');
        for (const call of [
          () => user.distLock(key('next'), {lease}),
          () => user.tempKey(key('next'), {lease}),
        ]) {
          await assertFails('KVI_CLOSED', call, 'nothing begins under a lease that was ended here');
        }
      },
    })),
    {
      name: 'locks and temporary keys that are refused leave no key behind',
      async run({kv, openKvi, key, prefix}) {
        await using granted = await kv.lease({ttlSeconds: 30});
        const holder = await (await openKvi()).distLock(key('lock'));
        await assertFails(
          'KVI_TIMEOUT',
          () => kv.distTimedLock(0, key('lock'), {lease: granted}),
          'the lock is held by another',
        );
        await holder.release();
        assert.deepEqual(await keysOf(kv, {prefix}), []);
        assert.equal(granted.isAlive(), true);
      },
    },
    {
      name: 'bad input is refused',
      async run({kv, openKvi, key}) {
        await using granted = await kv.lease();
        await using foreign = await (await openKvi()).lease();
        const calls: (() => unknown)[] = [
          () => kv.lease({ttlSeconds: 0}),
          () => kv.lease({id: 'xyz'}),
          () => kv.lease({id: '0'}),
          () => kv.lease({keepAlive: 1 as never}),
          () => kv.lease({ttl: 3} as never),
          () => kv.attachLease('xyz'),
          () => kv.attachLease(granted.id, {keepAlive: 'yes' as never}),
          () => granted.timeToLive({keys: 1 as never}),
          () => granted.refresh({timeoutMs: 0}),
          () => kv.distLock(key('k'), {lease: foreign}),
          () => kv.distLock(key('k'), {lease: granted.id as never}),
          () => kv.distLock(key('k'), {lease: null as never}),
          () => kv.tempKey(key('k'), {lease: foreign}),
          () => kv.tempKey(key('k'), {lease: granted, ttlSeconds: 3}),
          () => kv.compact(0),
          () => kv.compact(1.5),
          () => kv.compact('1' as never),
        ];
        for (const call of calls)
          await assertFails('KVI_INVALID_ARGUMENT', call, `${String(call)} is refused`);
      },
    },
    {
      name: 'the history is compacted up to a revision, once',
      async run({kv, key}) {
        await storeAll(kv, {key}, ['a', 'b']);
        const found = await kv.getKeyValue(key('b'));
        const revision = found?.modRevision ?? 0;
        await kv.compact(revision);
        assert.equal(await kv.get(key('b'), {revision}), 'B', 'the revision itself can be read');
        for (const [code, call] of [
          ['KVI_COMPACTED', () => kv.get(key('a'), {revision: revision - 1})],
          ['KVI_COMPACTED', () => kv.compact(revision)],
          ['KVI_FUTURE_REVISION', () => kv.compact(revision + 100)],
        ] as const) {
          await assertFails(code, call, `${String(call)} fails`);
        }
      },
    },
  ],
};
