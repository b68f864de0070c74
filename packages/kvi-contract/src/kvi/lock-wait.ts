import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import type {Driver, KeyValue} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {assertFails, eventually, keysOf, shortTtlSeconds, soon, untilLeaseExpired} from './helpers.ts';
import {contendersOf, untilWaiting} from './lock-waiters.ts';

/** A driver that counts its calls, except keepalives. */
function counting(driver: Driver): {driver: Driver; calls: string[]} {
  const calls: string[] = [];
  function count<A extends unknown[], R>(name: string, call: (...args: A) => R) {
    return (...args: A): R => {
      calls.push(name);
      return call(...args);
    };
  }
  return {
    calls,
    driver: {
      ...driver,
      range: count('range', driver.range.bind(driver)),
      txn: count('txn', driver.txn.bind(driver)),
      leaseGrant: count('leaseGrant', driver.leaseGrant.bind(driver)),
      watch: count('watch', driver.watch.bind(driver)),
    },
  };
}

/** Waiting for a lock, and giving up. */
export const lockWait: ContractGroup = {
  name: 'waiting for a lock',
  cases: [
    {
      name: 'a timed wait gives up with KVI_TIMEOUT, and leaves no key and no lease',
      async run({kv, openKvi, key, prefix}) {
        const other = await openKvi();
        const held = await kv.distLock(key('lock'));
        await assertFails('KVI_TIMEOUT', () => other.distTimedLock(0.05, key('lock')), 'the wait is bounded');
        assert.deepEqual(
          await keysOf(kv, {prefix}),
          [held.key.slice(prefix.length)],
          'who gave up left no key',
        );
        await held.release();
        await (await other.distTimedLock(10, key('lock'))).release();
      },
    },
    {
      name: 'a wait of 0 tries once: it takes a free lock, and does not wait for one that is held',
      async run({kv, openKvi, key, prefix}) {
        const other = await openKvi();
        const held = await kv.distTimedLock(0, key('lock'));
        await assertFails(
          'KVI_TIMEOUT',
          () => other.distTimedLock(0, key('lock')),
          'another handle holds it',
        );
        await assertFails(
          'KVI_TIMEOUT',
          () => kv.distTimedLock(0, key('lock')),
          'the handle itself holds it',
        );
        assert.deepEqual(
          await keysOf(kv, {prefix}),
          [held.key.slice(prefix.length)],
          'who tried left no key',
        );
        await held.release();
        await (await kv.distTimedLock(0, key('lock'))).release();
        await (await other.distTimedLock(0, key('lock'))).release();
      },
    },
    {
      name: 'a timed wait gets the lock as soon as it is free',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        const held = await kv.distLock(key('lock'));
        const waiting = other.distTimedLock(60, key('lock'));
        await untilWaiting(kv, key('lock'), 2);
        await held.release();
        await (await soon(waiting, 'the wait ends with the hold before it')).release();
      },
    },
    {
      name: 'an aborted wait leaves no key and no lease, and those behind it move up',
      async run({kv, openKvi, key}) {
        const [second, third] = [await openKvi(), await openKvi()];
        const held = await kv.distLock(key('lock'));
        const controller = new AbortController();
        const givingUp = second.distLock(key('lock'), {signal: controller.signal});
        givingUp.catch(() => undefined);
        await untilWaiting(kv, key('lock'), 2);
        const waiting = third.distLock(key('lock'));
        await untilWaiting(kv, key('lock'), 3);
        controller.abort();
        await assertFails('KVI_ABORTED', () => givingUp, 'the signal ends the wait');
        await untilWaiting(kv, key('lock'), 2);
        await assertFails(
          'KVI_TIMEOUT',
          () => second.distTimedLock(0, key('lock')),
          'the lock is still held',
        );
        await held.release();
        await (await soon(waiting, 'who gave up is not waited for')).release();
      },
    },
    {
      name: 'an aborted wait in the queue of its handle lets those behind it move up',
      async run({kv, key}) {
        const held = await kv.distLock(key('lock'));
        const controller = new AbortController();
        const givingUp = kv.distLock(key('lock'), {signal: controller.signal});
        const waiting = kv.distLock(key('lock'));
        controller.abort();
        await assertFails('KVI_ABORTED', () => givingUp, 'the signal ends the wait');
        await held.release();
        await (await soon(waiting, 'who gave up is not waited for')).release();
        await (await kv.distTimedLock(0, key('lock'))).release();
      },
    },
    {
      name: 'a wait that is given up while its lease is being granted leaves no lease',
      async run({open, driver, key}) {
        const own = await open();
        const granted: string[] = [];
        let answer: (() => void) | undefined;
        const answered = new Promise<void>((resolve) => (answer = resolve));
        await using client = createKvi({
          ...own,
          async leaseGrant(request, options) {
            const lease = await own.leaseGrant(request);
            granted.push(lease.id);
            const abort = new Promise((_, reject) => options?.signal?.addEventListener('abort', reject));
            await Promise.race([answered, abort]);
            return lease;
          },
        });
        const controller = new AbortController();
        const locking = client.distLock(key('lock'), {signal: controller.signal});
        locking.catch(() => undefined);
        await eventually(() => Promise.resolve(granted.length === 1), 'a lease is granted');
        controller.abort();
        answer?.();
        await assertFails('KVI_ABORTED', () => locking, 'the signal ends the wait');
        await assertFails(
          'KVI_LEASE_NOT_FOUND',
          () => driver.leaseTimeToLive({id: granted[0] ?? '0'}),
          'a lease that was granted meanwhile is given back',
        );
      },
    },
    {
      name: 'giving up at any moment leaves nothing behind',
      async run({kv, openKvi, key, prefix}) {
        const other = await openKvi();
        const held = await other.distLock(key('lock'));
        for (let ticks = 0; ticks < 30; ticks += 1) {
          const controller = new AbortController();
          const locking = kv.distLock(key('lock'), {signal: controller.signal});
          locking.catch(() => undefined);
          for (let i = 0; i < ticks; i += 1) await new Promise((resolve) => setImmediate(resolve));
          controller.abort();
          await assertFails('KVI_ABORTED', () => locking, 'the signal ends the wait');
          assert.deepEqual(
            await keysOf(other, {prefix}),
            [held.key.slice(prefix.length)],
            'who gave up left no key',
          );
        }
      },
    },
    {
      name: 'waiting longer than the TTL keeps the place in the queue, and holding longer keeps the lock',
      async run({kv, openKvi, driver, key}) {
        const [second, third] = [await openKvi(), await openKvi()];
        const order: string[] = [];
        const options = {ttlSeconds: shortTtlSeconds};
        const held = await kv.distLock(key('lock'), options);
        const wait = async (handle: typeof kv, name: string) => {
          await using _lock = await handle.distLock(key('lock'), options);
          order.push(name);
        };
        const waits = [wait(second, 'second')];
        await untilWaiting(kv, key('lock'), 2);
        waits.push(wait(third, 'third'));
        await untilWaiting(kv, key('lock'), 3);
        const contenders = await contendersOf(kv, key('lock'));
        await untilLeaseExpired(driver, key('other'));
        assert.deepEqual(await contendersOf(kv, key('lock')), contenders, 'each keeps its key');
        assert.equal(held.signal.aborted, false, 'the holder keeps the lock beyond its TTL');
        await held.release();
        await soon(Promise.all(waits), 'those who wait have their turn');
        assert.deepEqual(order, ['second', 'third'], 'in the order in which they came');
      },
    },
    {
      name: 'taking a free lock costs one transaction and one watch, and a lease the first time; a failed attempt costs no more',
      async run({kv, open, key}) {
        const {driver: counted, calls} = counting(await open());
        await using client = createKvi(counted);
        const held = await client.distLock(key('lock'));
        assert.deepEqual(calls, ['leaseGrant', 'txn', 'watch'], 'who comes first need not look again');
        calls.length = 0;
        await held.release();
        await (await client.distLock(key('lock'))).release();
        assert.deepEqual(calls, ['txn', 'txn', 'watch', 'txn'], 'then the lease serves the next lock');
        await using _other = await kv.distLock(key('lock'));
        calls.length = 0;
        await assertFails('KVI_TIMEOUT', () => client.distTimedLock(0, key('lock')), 'another holds it');
        assert.deepEqual(calls, ['txn'], 'who tries once does not look for its predecessor');
      },
    },
    {
      name: 'waiting costs one watch and no polling',
      async run({kv, open, openKvi, driver, key}) {
        const second = await openKvi();
        const {driver: counted, calls} = counting(await open());
        await using third = createKvi(counted);
        const held = await kv.distLock(key('lock'));
        const waiting = second.distLock(key('lock'));
        await untilWaiting(kv, key('lock'), 2);
        const waitingBehind = third.distLock(key('lock'));
        const wait = ['leaseGrant', 'txn', 'txn', 'watch', 'range'];
        await eventually(() => Promise.resolve(calls.length >= wait.length), 'who waits watches');
        assert.deepEqual(calls, wait, 'a wait is a lease, a key, a watch, and a look before and after it');
        await untilLeaseExpired(driver, key('other'));
        await held.release();
        await kv.store(key('k'), 'v');
        await using heldBySecond = await soon(waiting, 'the second has its turn');
        assert.equal(
          calls.length,
          wait.length,
          'who waits watches only the one before it, and asks nothing meanwhile',
        );
        await heldBySecond.release();
        await (await soon(waitingBehind, 'the third has its turn')).release();
      },
    },
    {
      name: 'a contender that loses its lease or its key while it waits goes to the end of the queue',
      async run({kv, openKvi, driver, key}) {
        const losses = [
          // A lost lease is noticed during the wait, a lost key after it.
          {lose: (place: KeyValue) => driver.leaseRevoke(place.lease), contenders: 3},
          {lose: (place: KeyValue) => kv.delete(place.key), contenders: 2},
        ];
        for (const {lose, contenders} of losses) {
          const [second, third] = [await openKvi(), await openKvi()];
          const order: string[] = [];
          const held = await kv.distLock(key('lock'));
          const wait = async (handle: typeof kv, name: string) => {
            await using lock = await handle.distLock(key('lock'), {ttlSeconds: shortTtlSeconds});
            assert.equal((await kv.getRange(lock.key)).length, 1, 'who holds the lock has its key');
            order.push(name);
          };
          const waits = [wait(second, 'second')];
          await untilWaiting(kv, key('lock'), 2);
          waits.push(wait(third, 'third'));
          await untilWaiting(kv, key('lock'), 3);
          const [, place] = await contendersOf(kv, key('lock'));
          if (place !== undefined) await lose(place);
          await untilWaiting(kv, key('lock'), contenders);
          await held.release();
          await soon(Promise.all(waits), 'everyone has a turn');
          assert.deepEqual(order, ['third', 'second'], 'a place that was lost is not kept');
        }
      },
    },
  ],
};
