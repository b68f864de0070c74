import assert from 'node:assert/strict';
import {createKvi, limitAttempts} from 'kvi-core';
import {type Driver, isKviError, KviError} from 'kvi-core/driver';
import {type Permit, semaphore} from 'kvi-core/recipes';
import {assertFails, eventually, keysOf, soon} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import type {ContractGroup} from '../suite.ts';
import {abortEverywhere} from './abort-everywhere.ts';
import {countedEvents} from './counted-events.ts';
import {countedRequests} from './counted-requests.ts';
import {heldRequests} from './held-requests.ts';
import {acquireSoon, permitsOf, untilQueued} from './semaphore-helpers.ts';

/** How permits are taken, and who waits. */
export const semaphores: ContractGroup = {
  name: 'a semaphore',
  cases: [
    {
      name: 'has so many holders and no more; the next in line comes in when any of them leaves',
      async run(context) {
        const {kv, openKvi, key} = context;
        const gpus = permitsOf(kv, context, 3);
        assert.deepEqual([gpus.name, gpus.permits], [key('s'), 3]);
        const first = await gpus.acquire({value: 'first'});
        assert.equal(await kv.get(first.key), 'first', 'its value is in its key');
        const holders = [first, await gpus.acquire()];
        assert.equal(await kv.get(holders[1]?.key ?? ''), '', 'which is empty by default');
        holders.push(await permitsOf(await openKvi(), context, 3).acquire());
        assert.equal(new Set(holders.map(({token}) => token)).size, 3, 'each has a token of its own');
        for (const holder of holders) {
          assert.ok(holder.key.startsWith(key('s/permits/')));
          assert.equal(holder.isHeld(), true);
          assert.equal((await kv.getKeyValue(holder.key))?.createRevision, holder.token);
        }
        const came: number[] = [];
        const waiting: Promise<Permit>[] = [];
        for (let n = 0; n < 4; n += 1) {
          const next = permitsOf(n % 2 === 0 ? kv : await openKvi(), context, 3).acquire();
          void next.then(() => came.push(n));
          waiting.push(next);
          await untilQueued(kv, context, 4 + n);
        }
        // Not the one that came first: whoever leaves makes room.
        for (const [n, leaving] of [holders[1], holders[2], holders[0]].entries()) {
          assert.deepEqual(came, [...came.keys()].slice(0, n), 'first come, first served');
          await leaving?.release();
          await soon(waiting[n] ?? assert.fail(), `number ${String(n)} comes in`);
        }
        assert.equal(came.length, 3, 'and nobody else');
        for (const permit of waiting.slice(0, 3)) await (await permit).release();
        await (await soon(waiting[3] ?? assert.fail(), 'the last comes in')).release();
        assert.deepEqual(await keysOf(kv, context), ['s/size']);
      },
    },
    {
      name: 'lets a hundred calls at once through, three at a time',
      async run(context) {
        let inside = 0;
        let most = 0;
        let tellFull: () => void = () => undefined;
        const full = new Promise<void>((resolve) => (tellFull = resolve));
        await Promise.all(
          Array.from({length: 100}, async () => {
            await using _permit = await semaphore(context.kv, context.key('s'), 3).acquire();
            inside += 1;
            most = Math.max(most, inside);
            if (inside === 3) tellFull();
            await soon(full, 'three are let in at once');
            inside -= 1;
          }),
        );
        assert.equal(most, 3);
        assert.deepEqual(await keysOf(context.kv, context), ['s/size']);
      },
    },
    {
      name: 'of one permit is a lock',
      async run(context) {
        const one = permitsOf(context.kv, context, 1);
        const first = await one.acquire();
        const second = one.acquire();
        await untilQueued(context.kv, context, 2);
        assert.equal(await one.tryAcquire(), undefined);
        await first.release();
        const next = await soon(second, 'the next comes in');
        assert.ok(next.token > first.token);
        await next.release();
      },
    },
    {
      name: 'is tried once, and leaves nothing behind if all permits are held',
      async run(context) {
        const {kv, openKvi} = context;
        const two = permitsOf(kv, context, 2);
        const first = (await two.tryAcquire()) ?? assert.fail('it is free');
        await using _second = (await two.tryAcquire()) ?? assert.fail('so is the other');
        assert.equal(await permitsOf(await openKvi(), context, 2).tryAcquire(), undefined);
        await untilQueued(kv, context, 2);
        await first.release();
        await using third = await two.tryAcquire();
        assert.notEqual(third, undefined);
      },
    },
    {
      name: 'is not waited for longer than asked, and says why; nothing is left behind',
      async run(context) {
        const {kv, open} = context;
        const two = permitsOf(kv, context, 1);
        await using _held = await two.acquire();
        const error = await assertFails('KVI_TIMEOUT', () => two.acquire({timeoutMs: 300}), 'it is held');
        assert.match(
          error.message,
          /no permit of the semaphore ".*" was free within 300 ms: others hold all of them$/,
        );
        const controller = new AbortController();
        const {signal} = controller;
        const waiting = assertFails('KVI_ABORTED', () => two.acquire({signal, timeoutMs: 60_000}), 'ended');
        await untilQueued(kv, context, 2);
        controller.abort();
        await waiting;
        await untilQueued(kv, context, 1);
        const away: Driver = {
          ...(await open()),
          txn: () => Promise.reject(new KviError('KVI_UNAVAILABLE', 'made to fail')),
        };
        await using client = createKvi(away, {retryPolicy: limitAttempts(1)});
        const failed = await assertFails(
          'KVI_TIMEOUT',
          () => permitsOf(client, context, 1).acquire({timeoutMs: 300}),
          'the store is away',
        );
        assert.match(failed.message, /within 300 ms$/);
        assert.ok(isKviError(failed.cause, 'KVI_UNAVAILABLE'), 'which is the cause');
        await assertFails('KVI_UNAVAILABLE', () => permitsOf(client, context, 1).tryAcquire(), 'it is told');
        const silent: Driver = {
          ...(await open()),
          txn: (_, options) =>
            new Promise((_resolve, reject) => {
              options?.signal?.addEventListener('abort', () => reject(new KviError('KVI_ABORTED', 'ended')));
            }),
        };
        await using unanswered = createKvi(silent);
        await soon(
          assertFails(
            'KVI_TIMEOUT',
            () => permitsOf(unanswered, context, 1).acquire({timeoutMs: 50}),
            'no answer',
          ),
          'a store that does not answer is not waited for either',
        );
      },
    },
    {
      name: 'keeps its number of permits: another one is refused by name, whoever comes first',
      async run(context) {
        const {kv, openKvi, key} = context;
        const other = await openKvi();
        {
          await using _held = await permitsOf(kv, context, 2).acquire();
          for (const permits of [1, 3]) {
            const wrongly = permitsOf(other, context, permits);
            for (const call of [() => wrongly.acquire(), () => wrongly.tryAcquire()]) {
              const error = await assertFails('KVI_SEMAPHORE_SIZE', call, 'it is refused');
              assert.match(
                error.message,
                new RegExp(`has 2 permits, and was asked for as one of ${String(permits)}`),
              );
            }
          }
          await untilQueued(kv, context, 1);
        }
        assert.equal(await kv.get(key('s/size')), '2', 'it is kept when nobody holds one');
        const two = permitsOf(kv, context, 2);
        await (await two.acquire()).release();
        await kv.delete(key('s/size'));
        await (await permitsOf(other, context, 3).acquire()).release();
        await assertFails(
          'KVI_SEMAPHORE_SIZE',
          () => two.acquire(),
          'who has acquired before is refused too',
        );
        await kv.delete(key('s/size'));
        await (await two.acquire()).release();
        assert.equal(await kv.get(key('s/size')), '2', 'and who comes first says how many');
        await kv.delete(key('s/size'));
        await (await two.acquire()).release();
        assert.equal(await kv.get(key('s/size')), '2', 'also if it was deleted meanwhile');
        const results = await Promise.allSettled(
          [2, 3].map(async (permits) => (await semaphore(kv, key('t'), permits).acquire()).release()),
        );
        const refused = results.filter(({status}) => status === 'rejected');
        assert.equal(refused.length, 1, 'of two at once, one');
        assert.ok(isKviError((refused[0] as PromiseRejectedResult).reason, 'KVI_SEMAPHORE_SIZE'));
      },
    },
    {
      name: 'costs one request to acquire, and one to release, once a lease is there',
      async run(context) {
        const {driver, requests} = countedRequests(await context.open());
        await using client = createKvi(driver);
        const gpus = permitsOf(client, context, 2);
        await (await gpus.acquire()).release();
        assert.equal(requests(), 3, 'and one to agree on the number of permits');
        const before = requests();
        const permit = await gpus.acquire();
        assert.equal(requests() - before, 1);
        await permit.release();
        assert.equal(requests() - before, 2);
      },
    },
    {
      name: 'lets those who wait rest until one of the few just before them leaves',
      async run(context) {
        const {kv, open} = context;
        const two = permitsOf(kv, context, 2);
        const holders = [await two.acquire(), await two.acquire()];
        const waiting = [two.acquire()];
        await untilQueued(kv, context, 3);
        waiting.push(two.acquire());
        await untilQueued(kv, context, 4);
        const {driver: counted, requests} = countedRequests(await open());
        const {driver, arrived} = countedEvents(counted);
        await using client = createKvi(driver);
        const last = permitsOf(client, context, 2).acquire();
        await untilQueued(kv, context, 5);
        // What it does until it waits for a deletion: agree, queue up, look, and look at those before it once it watches.
        await eventually(() => Promise.resolve(requests() === 4), 'the last one rests');
        for (const [n, holder] of holders.entries()) {
          await holder.release();
          await soon(waiting[n] ?? assert.fail(), 'who waited longer is in');
          await arrived(n + 1);
          assert.equal(requests(), 4, 'a holder left, and others follow');
        }
        await (await waiting[1])?.release();
        await (await soon(last, 'one of the two just before it left')).release();
        await (await waiting[0])?.release();
      },
    },
    {
      name: 'refuses bad input before anything is sent',
      async run(context) {
        const {kv, key} = context;
        const gpus = permitsOf(kv, context, 2);
        const lease = await kv.lease({ttlSeconds: 60});
        await assertRefused(
          context,
          {
            'no name': () => semaphore(kv, '', 1),
            'a name that is too large': () => semaphore(kv, 'x'.repeat(2_000_000), 1).acquire(),
            'no handle': () => semaphore(wrong(1), 's', 1),
            'no permits': () => semaphore(kv, key('s'), 0),
            'half a permit': () => semaphore(kv, key('s'), 1.5),
            'permits in text': () => semaphore(kv, key('s'), wrong('1')),
            'an unknown option': () => gpus.acquire(wrong({wait: true})),
            'a timeout of 0': () => gpus.acquire({timeoutMs: 0}),
            'a TTL of 0': () => gpus.tryAcquire({ttlSeconds: 0}),
            'a lease and a TTL': () => gpus.acquire({lease, ttlSeconds: 5}),
            'a lease that is none': () => gpus.acquire({lease: wrong({id: '1'})}),
          },
          'it is refused',
          {'no name': /semaphore/, 'no permits': /^permits must be a whole number above 0, not 0/},
        );
        await lease.revoke();
      },
    },
    {
      name: 'tells what the store refuses',
      async run(context) {
        const {open} = context;
        const own = await open();
        let failures: KviError[] = [];
        await using client = createKvi(
          {
            ...own,
            async txn(request, options) {
              const isPlace = request.success?.some((op) => op.type === 'put' && op.lease !== undefined);
              const failure = isPlace === true ? failures.shift() : undefined;
              if (failure !== undefined) throw failure;
              return own.txn(request, options);
            },
          },
          {retryPolicy: limitAttempts(1)},
        );
        const one = permitsOf(client, context, 1);
        for (const code of ['KVI_PERMISSION_DENIED', 'KVI_TIMEOUT'] as const) {
          failures = [new KviError(code, 'made to fail')];
          const error = await assertFails(code, () => one.tryAcquire(), 'it is told');
          assert.equal(error.message, 'made to fail');
        }
        failures = [new KviError('KVI_PERMISSION_DENIED', 'made to fail')];
        await assertFails('KVI_PERMISSION_DENIED', () => one.acquire(), 'whoever waits is told too');
        await (await acquireSoon(one)).release();
      },
    },
    {
      name: 'is left by a handle that closes while it is about to come in',
      async run(context) {
        const {kv, open} = context;
        const held = heldRequests(await open(), 'txn');
        const client = createKvi(held.driver);
        const one = permitsOf(client, context, 1);
        await (await one.acquire()).release();
        held.hold();
        const acquiring = assertFails('KVI_CLOSED', () => one.acquire(), 'it is closed');
        await held.arrived();
        const closing = client.close();
        held.letGo();
        await acquiring;
        await closing;
        await untilQueued(kv, context, 0);
      },
    },
    {
      name: 'holds no permit after a call that was aborted, wherever it was',
      async run(context) {
        const {kv} = context;
        await abortEverywhere(
          context,
          async (client, signal) => {
            const permit = await permitsOf(client, context, 1).acquire({signal});
            await permit.release();
          },
          () => untilQueued(kv, context, 0),
        );
        await (await acquireSoon(permitsOf(kv, context, 1))).release();
      },
    },
  ],
};
