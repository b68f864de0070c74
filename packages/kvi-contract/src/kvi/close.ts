import assert from 'node:assert/strict';
import {setImmediate as nextTurn} from 'node:timers/promises';
import {createKvi, isKviError} from 'kvi-core';
import type {ContractGroup} from '../suite.ts';
import {everyCall} from './calls.ts';
import {assertFails, eventually, keysOf, leaseOf, soon} from './helpers.ts';
import {untilWaiting} from './lock-waiters.ts';

/** `close`. */
export const close: ContractGroup = {
  name: 'close',
  cases: [
    {
      name: 'after close every call fails with KVI_CLOSED, and closing again is harmless',
      async run({kv, openKvi, key, prefix}) {
        const closed = await openKvi();
        await closed.close();
        const calls = {...everyCall(closed, {key, prefix}), distUnlock: () => closed.distUnlock(key('lock'))};
        for (const [name, call] of Object.entries(calls)) {
          await assertFails('KVI_CLOSED', call, `${name} fails on a closed handle`);
        }
        await closed.close();
        await closed.bytes.close();
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'a closed handle writes nothing');
      },
    },
    {
      name: 'closing twice at once is closing once',
      async run({openKvi, key}) {
        const handle = await openKvi();
        await handle.distLock(key('lock'));
        await Promise.all([handle.close(), handle.close(), handle.bytes.close()]);
        await assertFails('KVI_CLOSED', () => handle.get(key('k')), 'the handle is closed');
      },
    },
    {
      name: 'close ends the calls that wait with KVI_CLOSED',
      async run({kv, openKvi, key}) {
        const handle = await openKvi();
        await using _lock = await kv.distLock(key('lock'));
        await handle.distLock(key('own'));
        const changes = handle.changes(key('k'));
        const waits = {
          watch: handle.watch(key('k')),
          'bytes.watch': handle.bytes.watch(key('k')),
          distLock: handle.distLock(key('lock')),
          distTimedLock: handle.distTimedLock(1000, key('lock')),
          'a lock that the handle holds itself': handle.distLock(key('own')),
          changes: changes.next(),
          'changes with a resync': handle.changes(key('k'), {onCompacted: 'resync'}).next(),
        };
        for (const wait of Object.values(waits)) wait.catch(() => undefined);
        await changes.created;
        await handle.close();
        for (const [name, wait] of Object.entries(waits)) {
          await assertFails('KVI_CLOSED', () => wait, `${name} ends when its handle closes`);
        }
      },
    },
    {
      name: 'close cuts short what has only just begun, and leaves nothing behind',
      async run({kv, openKvi, key, prefix}) {
        const handle = await openKvi();
        const begun = {
          tempKey: handle.tempKey(key('temp')),
          distLock: handle.distLock(key('lock')),
          watchWithCB: handle.watchWithCB(key('k'), 'put', () => undefined),
        };
        for (const call of Object.values(begun)) call.catch(() => undefined);
        await handle.close();
        await soon(Promise.allSettled(Object.values(begun)), 'what has begun ends');
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'no key is left behind');
      },
    },
    {
      name: 'close resolves once its contenders have left the queues of their locks',
      async run({kv, open, key, prefix}) {
        const driver = await open();
        const slow = createKvi({
          ...driver,
          async leaseRevoke(...args) {
            await nextTurn();
            return driver.leaseRevoke(...args);
          },
        });
        const held = await kv.distLock(key('lock'));
        slow.distLock(key('lock')).catch(() => undefined);
        await untilWaiting(kv, key('lock'), 2);
        await slow.close();
        assert.deepEqual(
          await keysOf(kv, {prefix}),
          [held.key.slice(prefix.length)],
          'nothing is left behind',
        );
      },
    },
    {
      name: 'close releases locks, deletes temporary keys and revokes their leases, before it resolves',
      async run({kv, driver, openKvi, key, prefix}) {
        const handle = await openKvi();
        const lock = await handle.distLock(key('lock'));
        await handle.tempKey(key('temp'));
        const leases = [await leaseOf(kv, lock.key), await leaseOf(kv, key('temp'))];
        await handle.close();
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'locks and temporary keys are gone at once');
        for (const id of leases) {
          await assertFails(
            'KVI_LEASE_NOT_FOUND',
            () => driver.leaseTimeToLive({id: id ?? '0'}),
            'their leases are revoked',
          );
        }
        await using again = await kv.distTimedLock(0, key('lock'));
        assert.ok(again.token > lock.token, 'the lock is free');
      },
    },
    {
      name: 'close tells the holder of a lock before another can have it',
      async run({kv, openKvi, key}) {
        const holder = await openKvi();
        const lock = await holder.distLock(key('lock'));
        let toldFirst = false;
        const next = kv.distLock(key('lock')).then((other) => {
          toldFirst = lock.signal.aborted;
          return other.release();
        });
        await holder.close();
        assert.equal(lock.signal.aborted, true, 'the signal of a lock that close() gave up aborts');
        assert.ok(
          isKviError(lock.signal.reason, 'KVI_CLOSED'),
          'a graceful end is no loss: nobody is to be alarmed',
        );
        assert.equal(lock.isHeld(), false, 'and isHeld says so');
        await next;
        assert.equal(toldFirst, true, 'it aborts before another has the lock');
      },
    },
    {
      name: 'close ends callback watches: the callback is not called again',
      async run({kv, openKvi, key}) {
        const handle = await openKvi();
        let calls = 0;
        let goOn: (() => void) | undefined;
        const busy = new Promise<void>((resolve) => (goOn = resolve));
        const errors: unknown[] = [];
        const watch = await handle.watchWithCB(
          key('k'),
          'put',
          async () => {
            calls += 1;
            await busy;
          },
          undefined,
          {onError: (error) => errors.push(error)},
        );
        for (let i = 0; i < 5; i += 1) await kv.store(key('k'), String(i));
        await eventually(async () => Promise.resolve(calls === 1), 'the callback is called');
        await handle.close();
        goOn?.();
        await soon(watch.ended, 'the watch ends with its handle');
        assert.equal(calls, 1, 'after close the callback is not called for what had come before');
        assert.deepEqual(errors, [], 'closing is no error of the watch');
        await handle.watchCBCancel(watch);
      },
    },
    {
      name: 'a handle closes at the end of its block, and closes no other handle',
      async run({kv, openKvi, key}) {
        const handle = await openKvi();
        {
          await using inBlock = handle;
          await inBlock.store(key('k'), 'v');
        }
        await assertFails('KVI_CLOSED', () => handle.get(key('k')), 'await using closes');
        assert.equal(await kv.get(key('k')), 'v', 'other handles go on');
      },
    },
    {
      name: 'releasing what a closed handle held is not an error',
      async run({openKvi, key}) {
        const handle = await openKvi();
        const lock = await handle.distLock(key('lock'));
        const temp = await handle.tempKey(key('temp'));
        const changes = handle.changes(key('k'));
        await handle.close();
        await lock.release();
        await temp.close();
        await changes[Symbol.asyncDispose]();
        assert.equal(temp.signal.aborted, true, 'a temporary key says that it is not kept any more');
        assert.ok(isKviError(temp.signal.reason, 'KVI_CLOSED'), 'and that it was not lost');
      },
    },
  ],
};
