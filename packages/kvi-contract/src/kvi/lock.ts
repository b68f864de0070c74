import assert from 'node:assert/strict';
import type {DistLock, Kvi} from 'kvi-core';
import type {ContractGroup} from '../suite.ts';
import {assertFails, keysOf, leaseOf, soon} from './helpers.ts';
import {contendersOf, untilWaiting} from './lock-waiters.ts';

/** Counts the concurrent holders of a lock. */
function guard() {
  let holders = 0;
  let most = 0;
  return {
    hold: async (lock: DistLock, work: () => Promise<unknown>) => {
      holders += 1;
      most = Math.max(most, holders);
      await work();
      holders -= 1;
      await lock.release();
    },
    most: () => most,
  };
}

/** `distLock`, `distTimedLock` and `distUnlock`. */
export const lock: ContractGroup = {
  name: 'locks',
  cases: [
    {
      name: 'a held lock is the key <name>/<lease>, empty, under its lease; its token is the create revision',
      async run({kv, key}) {
        const held = await kv.distLock(key('lock'));
        const [found, ...others] = await kv.getRange({prefix: `${key('lock')}/`});
        assert.deepEqual(others, [], 'a lock is one key');
        assert.equal(
          found?.key,
          `${key('lock')}/${String(found?.lease)}`,
          'the key is named as etcd names it',
        );
        assert.equal(found?.value, '', 'the key is empty');
        assert.deepEqual(
          [held.name, held.key, held.token, held.signal.aborted],
          [key('lock'), found?.key, found?.createRevision, false],
          'the lock says what it is',
        );
        await held.release();
      },
    },
    {
      name: 'the value that is asked for is in the key of the holder, and of who waits',
      async run({kv, openKvi, key}) {
        const held = await kv.distLock(key('lock'), {value: 'one'});
        const other = await openKvi();
        const waiting = other.distTimedLock(60, key('lock'), {value: Buffer.of(0x74, 0x77, 0x6f)});
        await untilWaiting(kv, key('lock'), 2);
        const contenders = await contendersOf(kv, key('lock'));
        assert.deepEqual(
          contenders.map(({value}) => value),
          ['one', 'two'],
        );
        await held.release();
        await (await soon(waiting, 'the other has it')).release();
      },
    },
    {
      name: 'releasing deletes the key, closing the handle revokes the lease, and releasing twice is harmless',
      async run({openKvi, driver, key, prefix}) {
        const kv = await openKvi();
        const held = await kv.distLock(key('lock'));
        const lease = (await leaseOf(kv, held.key)) ?? '0';
        await held.release();
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'the key is gone');
        await held.release();
        await kv.distUnlock(key('lock'));
        assert.equal(held.signal.aborted, false, 'a released lock is not a lost one');
        await kv.close();
        await assertFails(
          'KVI_LEASE_NOT_FOUND',
          () => driver.leaseTimeToLive({id: lease}),
          'the lease is gone',
        );
      },
    },
    {
      name: 'one holds it at a time, across handles and within one',
      async run({kv, openKvi, key}) {
        const handles = [kv, await openKvi(), await openKvi()];
        const {hold, most} = guard();
        let rounds = 0;
        async function contend(handle: Kvi) {
          for (let i = 0; i < 3; i += 1) {
            await hold(await handle.distLock(key('lock')), async () => {
              const value = Number((await handle.get(key('k'))) ?? '0');
              await handle.store(key('k'), String(value + 1));
            });
            rounds += 1;
          }
        }
        await soon(Promise.all([...handles, ...handles].map(contend)), 'everyone has a turn');
        assert.equal(most(), 1, 'one holds the lock at a time');
        assert.equal(
          await kv.get(key('k')),
          String(rounds),
          'what is read and written under the lock is not lost',
        );
      },
    },
    {
      name: 'a second call on the handle that holds it waits like anyone else',
      async run({kv, key}) {
        const first = await kv.distLock(key('lock'));
        let isHeld = false;
        const second = kv.bytes.distLock(key('lock')).then((held) => {
          isHeld = true;
          return held;
        });
        await assertFails(
          'KVI_TIMEOUT',
          () => kv.distTimedLock(0.05, key('lock')),
          'a wait in the handle can be timed',
        );
        assert.equal(isHeld, false, 'a lock is not reentrant');
        await first.release();
        await (await soon(second, 'the next one has its turn')).release();
      },
    },
    {
      name: 'first come, first served, across handles',
      async run({kv, openKvi, key}) {
        const names = ['b', 'c', 'd', 'e'];
        const order: string[] = [];
        const first = await kv.distLock(key('lock'));
        const waits: Promise<void>[] = [];
        for (const [i, name] of names.entries()) {
          const handle = await openKvi();
          waits.push(
            handle.distLock(key('lock')).then(async (held) => {
              order.push(name);
              await held.release();
            }),
          );
          await untilWaiting(kv, key('lock'), i + 2);
        }
        await first.release();
        await soon(Promise.all(waits), 'everyone has a turn');
        assert.deepEqual(order, names, 'those who wait are served in the order in which they came');
      },
    },
    {
      name: 'first come, first served, within a handle',
      async run({kv, key}) {
        const order: number[] = [];
        const first = await kv.distLock(key('lock'));
        const waits = Array.from({length: 5}, async (_, i) => {
          await using _lock = await kv.distLock(key('lock'));
          order.push(i);
        });
        await first.release();
        await soon(Promise.all(waits), 'everyone has a turn');
        assert.deepEqual(order, [0, 1, 2, 3, 4], 'calls are served in their order');
      },
    },
    {
      name: 'only one call of a handle at a time contends in the store',
      async run({kv, key}) {
        const turns = Array.from({length: 10}, async () => {
          await using _lock = await kv.distLock(key('lock'));
          return (await contendersOf(kv, key('lock'))).length;
        });
        const contenders = await soon(Promise.all(turns), 'everyone has a turn');
        assert.deepEqual(
          new Set(contenders),
          new Set([1]),
          'those who wait in the handle cost the store nothing',
        );
      },
    },
    {
      name: 'the token grows each time the lock is taken, by any client',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        let last = 0;
        for (const handle of [kv, other, other, kv]) {
          const held = await handle.distLock(key('lock'));
          assert.ok(held.token > last, 'a later hold has a higher token');
          last = held.token;
          await held.release();
        }
      },
    },
    {
      name: 'the TTL is that of the call or of the handle, however long the wait may be',
      async run({kv, openKvi, driver, key}) {
        const ttlOf = async (held: DistLock) => {
          const {grantedTtlSeconds} = await driver.leaseTimeToLive({id: held.key.split('/').at(-1) ?? '0'});
          await held.release();
          return grantedTtlSeconds;
        };
        const other = await openKvi({ttlSeconds: 20});
        const ttls = [
          await ttlOf(await kv.distTimedLock(0, key('lock'), {ttlSeconds: 30})),
          await ttlOf(await kv.distTimedLock(600, key('lock'), {ttlSeconds: 30})),
          await ttlOf(await kv.distTimedLock(600, key('lock'))),
          await ttlOf(await other.distLock(key('lock'))),
        ];
        assert.deepEqual(
          ttls,
          [30, 30, 10, 20],
          'the time to wait and the time to live are different numbers',
        );
      },
    },
    {
      name: 'locks with different names are independent, even if one name is a prefix of another',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        await using _a = await kv.distLock(key('lock'));
        for (const name of ['lock2', 'loc', 'lock-2']) {
          await using _free = await other.distTimedLock(0, key(name));
        }
      },
    },
    {
      name: 'without a name it is the lock that the handle is set up with, and by default all handles agree on it',
      async run({openKvi, key}) {
        const lockName = key('default');
        const [first, second] = [await openKvi({lockName}), await openKvi({lockName})];
        const held = await first.distLock();
        assert.equal(held.name, lockName, 'the lock is the default one');
        await assertFails('KVI_TIMEOUT', () => second.distTimedLock(0), 'the default lock excludes');
        await first.distUnlock();
        await second.distTimedLock(0);
        await second.distUnlock();
      },
    },
    {
      name: 'distUnlock releases the lock of that name, and does nothing if there is none',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        await kv.distUnlock();
        await kv.distUnlock(key('lock'));
        await kv.distLock(key('lock'));
        await other.distUnlock(key('lock'));
        await assertFails(
          'KVI_TIMEOUT',
          () => other.distTimedLock(0, key('lock')),
          'a handle releases only its own lock',
        );
        await kv.distUnlock(key('lock'));
        await (await other.distTimedLock(0, key('lock'))).release();
        await kv.distUnlock(key('lock'));
      },
    },
    {
      name: 'a lock is released at the end of its block',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        {
          await using _lock = await kv.distLock(key('lock'));
          await assertFails(
            'KVI_TIMEOUT',
            () => other.distTimedLock(0, key('lock')),
            'it is held in its block',
          );
        }
        await using _free = await other.distTimedLock(0, key('lock'));
      },
    },
    {
      name: 'when the handle of its holder closes, the next contender gets it',
      async run({kv, openKvi, key}) {
        const holder = await openKvi();
        await holder.distLock(key('lock'));
        const waiting = kv.distLock(key('lock'));
        await untilWaiting(kv, key('lock'), 2);
        await holder.close();
        await (await soon(waiting, 'a closed handle holds nothing')).release();
      },
    },
  ],
};
