import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {isKviError} from 'kvi-core/driver';
import {namespace, semaphore} from 'kvi-core/recipes';
import {abortOf, assertFails, keysOf, leaseOf, soon} from '../kvi/helpers.ts';
import {unreliable} from '../kvi/unknown-outcome.ts';
import type {ContractGroup} from '../suite.ts';
import {acquireSoon, permitsOf, untilQueued} from './semaphore-helpers.ts';

/** How permits are lost, given up and lent. */
export const lostPermits: ContractGroup = {
  name: 'a permit',
  cases: [
    {
      name: 'is lost with its key or its lease: the holder is told, and the next in line comes in',
      async run(context) {
        const {kv, openKvi, driver} = context;
        for (const how of ['key', 'lease']) {
          const gpus = permitsOf(kv, context, 2);
          await using other = await gpus.acquire();
          const lost = await gpus.acquire();
          const next = permitsOf(await openKvi(), context, 2).acquire();
          await untilQueued(kv, context, 3);
          if (how === 'key') await kv.delete(lost.key);
          else await driver.leaseRevoke((await leaseOf(kv, lost.key)) ?? assert.fail('it has a lease'));
          await abortOf(lost.signal, 'the holder is told');
          const {reason} = lost.signal as {reason: unknown};
          assert.ok(isKviError(reason, 'KVI_PERMIT_LOST') && isKviError(reason.cause), 'and why');
          assert.equal(lost.isHeld(), false);
          assert.equal(other.isHeld(), true, 'the other is not affected');
          await (await soon(next, 'the next comes in')).release();
          await assertFails('KVI_PERMIT_LOST', () => lost.release(), 'and is told when it releases');
        }
        assert.deepEqual(await keysOf(kv, context), ['s/size']);
      },
    },
    {
      name: 'is waited for again by whoever lost the place in line',
      async run(context) {
        const {kv, openKvi} = context;
        const one = permitsOf(kv, context, 1);
        const held = await one.acquire();
        const waiting = permitsOf(await openKvi(), context, 1).acquire();
        await untilQueued(kv, context, 2);
        const {kvs} = await kv.range({prefix: context.key('s/permits/')}, {sortTarget: 'create'});
        await kv.delete(kvs[1]?.key ?? '');
        await held.release();
        await (await soon(waiting, 'it comes in all the same')).release();
      },
    },
    {
      name: 'is given back when the handle closes, held or waited for',
      async run(context) {
        const {kv, openKvi} = context;
        const client = await openKvi();
        const held = await permitsOf(client, context, 1).acquire();
        const waiting = permitsOf(client, context, 1).acquire();
        waiting.catch(() => undefined);
        await untilQueued(kv, context, 2);
        await client.close();
        assert.ok(isKviError(held.signal.reason, 'KVI_CLOSED'));
        await assertFails('KVI_CLOSED', () => waiting, 'the wait ends');
        await untilQueued(kv, context, 0);
        await (await acquireSoon(permitsOf(kv, context, 1))).release();
      },
    },
    {
      name: 'may be held under a lease of the caller, which is one holder and is left alone',
      async run(context) {
        const {kv} = context;
        const two = permitsOf(kv, context, 2);
        const lease = await kv.lease({ttlSeconds: 60});
        const permit = await two.acquire({lease});
        assert.equal(await leaseOf(kv, permit.key), lease.id);
        await permit.release();
        assert.equal(lease.signal.aborted, false);
        const again = await two.acquire({lease});
        await lease.revoke();
        await abortOf(again.signal, 'it is given up with the lease');
        assert.ok(isKviError(again.signal.reason, 'KVI_CLOSED'));
        await untilQueued(kv, context, 0);
      },
    },
    {
      name: 'is the only one of its lease: another call with it waits, and takes nothing from it when it ends',
      async run(context) {
        const {kv, key} = context;
        const two = permitsOf(kv, context, 2);
        const lease = await kv.lease({ttlSeconds: 60});
        const first = await two.acquire({lease});
        assert.equal(await two.tryAcquire({lease}), undefined);
        await assertFails('KVI_TIMEOUT', () => two.acquire({lease, timeoutMs: 50}), 'it is one holder');
        const controller = new AbortController();
        const {signal} = controller;
        const ended = assertFails('KVI_ABORTED', () => two.acquire({lease, signal}), 'it ends');
        const part = namespace(kv, key('s').slice(0, 1));
        const next = semaphore(part, key('s').slice(1), 2).acquire({lease});
        await using _other = await two.acquire();
        controller.abort();
        await ended;
        await untilQueued(kv, context, 2);
        assert.equal(first.isHeld(), true);
        await first.release();
        const second = await soon(next, 'the next one has it');
        assert.ok(second.token > first.token, 'each has a token of its own');
        await kv.delete(key(`s/permits/${lease.id}`));
        await abortOf(second.signal, 'it is lost');
        const third = await acquireSoon({acquire: () => two.acquire({lease})});
        await assertFails('KVI_PERMIT_LOST', () => second.release(), 'it was lost');
        assert.equal(third.isHeld(), true);
        await third.release();
        const full = await two.acquire();
        await assertFails('KVI_TIMEOUT', () => two.acquire({lease, timeoutMs: 50}), 'others hold all');
        assert.equal(await two.tryAcquire({lease}), undefined);
        await full.release();
        await (await acquireSoon({acquire: () => two.acquire({lease})})).release();
        await lease.revoke();
      },
    },
    {
      name: 'released twice is released, and the end of a block releases it',
      async run(context) {
        const {kv} = context;
        const one = permitsOf(kv, context, 1);
        {
          await using permit = await one.acquire();
          await permit.release();
          await permit.release();
          assert.equal(permit.isHeld(), false);
          assert.equal(permit.signal.aborted, false, 'which is no loss');
        }
        await using _next = await acquireSoon(one);
      },
    },
    {
      name: 'is not left behind by a request whose answer was lost',
      async run(context) {
        const {kv, open} = context;
        for (const fate of ['reply lost', 'request lost', 'delayed'] as const) {
          const connection = unreliable(await open());
          const client = createKvi(connection.driver);
          // The size, which is agreed on first, then the place in line.
          connection.willBe(fate, fate);
          const permit = await acquireSoon(permitsOf(client, context, 1), fate);
          await connection.arrive();
          await untilQueued(kv, context, 1);
          await permit.release();
          await client.close();
          await connection.arrive();
          await untilQueued(kv, context, 0);
        }
      },
    },
  ],
};
