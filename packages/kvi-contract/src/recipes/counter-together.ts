import assert from 'node:assert/strict';
import {createKvi, limitAttempts} from 'kvi-core';
import {type Driver, isKviError, KviError, type TxnOptions} from 'kvi-core/driver';
import {counter} from 'kvi-core/recipes';
import {assertFails, soon} from '../kvi/helpers.ts';
import {unreliable} from '../kvi/unknown-outcome.ts';
import type {ContractGroup} from '../suite.ts';
import {heldRequests} from './held-requests.ts';

const most = Number.MAX_SAFE_INTEGER;

/** Calls on one handle whose changes are sent together: each ends as if it were alone. */
export const countedTogether: ContractGroup = {
  name: 'additions that are sent together',
  cases: [
    {
      name: 'include none that ended while it waited; one that ends under way says that nobody knows',
      async run({open, kv, key}) {
        const held = heldRequests(await open(), 'txn');
        await using client = createKvi(held.driver);
        const hits = counter(client, key('c'));
        held.hold();
        const first = hits.add(1);
        await held.arrived();
        const early = new AbortController();
        const second = assertFails('KVI_ABORTED', () => hits.add(10, {signal: early.signal}), 'it waited');
        early.abort();
        await second;
        const late = new AbortController();
        const third = assertFails(
          'KVI_UNKNOWN_OUTCOME',
          () => hits.add(100, {signal: late.signal}),
          'it was under way with the fourth',
        );
        const fourth = hits.add(1_000);
        held.letGo();
        held.hold();
        assert.equal(await first, 1);
        await held.arrived();
        late.abort();
        assert.ok(isKviError((await third).cause, 'KVI_ABORTED'));
        held.letGo();
        assert.equal(await fourth, 1_101);
        assert.equal(await counter(kv, key('c')).get(), 1_101);
      },
    },
    {
      name: 'include none that ended while the counter was read',
      async run({open, kv, key}) {
        const held = heldRequests(await open(), 'range');
        let reads = 0;
        await using client = createKvi({
          ...held.driver,
          async range(...args) {
            const response = await held.driver.range(...args);
            reads += 1;
            if (reads === 1) throw new KviError('KVI_PERMISSION_DENIED', 'made to fail');
            return response;
          },
        });
        const hits = counter(client, key('c'));
        held.hold();
        const alone = assertFails('KVI_PERMISSION_DENIED', () => hits.add(100), 'the others wait for it');
        await held.arrived();
        const controller = new AbortController();
        const ended = assertFails('KVI_ABORTED', () => hits.add(1, {signal: controller.signal}), 'it ended');
        const other = hits.add(10);
        held.letGo();
        held.hold();
        await alone;
        await held.arrived();
        controller.abort();
        await ended;
        held.letGo();
        assert.equal(await other, 10);
        assert.equal(await kv.get(key('c')), '10');
      },
    },
    {
      name: 'are none if there is one: its own signal ends its request',
      async run({open, kv, key}) {
        const held = heldRequests(await open(), 'txn');
        await using client = createKvi(held.driver);
        held.hold();
        const controller = new AbortController();
        const adding = assertFails(
          'KVI_ABORTED',
          () => counter(client, key('c')).add(1, {signal: controller.signal}),
          'it was never sent, and is told so',
        );
        await held.arrived();
        controller.abort();
        held.letGo();
        await adding;
        assert.equal(await kv.get(key('c')), undefined);
      },
    },
    {
      name: 'are refused only by what has been stored, if others change the counter meanwhile',
      async run({open, kv, key}) {
        const held = heldRequests(await open(), 'txn');
        await using client = createKvi(held.driver);
        const hits = counter(client, key('c'));
        assert.equal(await hits.add(most - 2), most - 2);
        held.hold();
        const first = hits.add(1);
        await held.arrived();
        const adds = [hits.add(1), hits.add(1), hits.add(2), hits.add(most)];
        held.letGo();
        held.hold();
        await first;
        await held.arrived();
        await counter(kv, key('c')).add(-4);
        held.letGo();
        const results = await Promise.allSettled(adds);
        assert.deepEqual(
          results.map((result) => (result.status === 'fulfilled' ? result.value : 'refused')),
          [most - 4, most - 3, most - 1, 'refused'],
        );
      },
    },
    {
      name: 'are refused, or not, whatever becomes of the request of the others',
      async run({open, key}) {
        const connection = unreliable(await open());
        const held = heldRequests(connection.driver, 'txn');
        await using client = createKvi(held.driver);
        const hits = counter(client, key('c'));
        await hits.add(most - 2);
        held.hold();
        const first = hits.add(1);
        await held.arrived();
        const sent = assertFails('KVI_UNKNOWN_OUTCOME', () => hits.add(1), 'it got no answer');
        const refused = hits.add(1);
        connection.willBe('answered', 'request lost');
        held.letGo();
        await first;
        await sent;
        assert.equal(await refused, most, 'there was room for one');
      },
    },
    {
      name: 'are not joined by one that ended while others changed the counter first',
      async run({open, kv, key}) {
        const held = heldRequests(await open(), 'txn');
        await using client = createKvi({
          ...held.driver,
          // An abort that comes too late for the request.
          txn: (request) => held.driver.txn(request),
        });
        const hits = counter(client, key('c'));
        await hits.add(1);
        held.hold();
        const controller = new AbortController();
        const ended = assertFails('KVI_ABORTED', () => hits.add(10, {signal: controller.signal}), 'it ended');
        await held.arrived();
        const later = hits.add(100);
        await counter(kv, key('c')).add(1_000);
        controller.abort();
        held.letGo();
        held.hold();
        await soon(ended, 'it is told at once');
        await held.arrived();
        held.letGo();
        assert.equal(await later, 1_101);
      },
    },
    {
      name: 'wait as long as the most patient of them, and share a revision with others',
      async run({open, key}) {
        const held = heldRequests(await open(), 'txn');
        const sent: (TxnOptions | undefined)[] = [];
        const noting: Driver = {
          ...held.driver,
          txn(request, options) {
            sent.push(options);
            return held.driver.txn(request, options);
          },
        };
        await using client = createKvi(noting);
        const hits = counter(client, key('c'));
        held.hold();
        const first = hits.add(1);
        await held.arrived();
        const adds = [hits.add(1, {timeoutMs: 40_000}), hits.add(1, {timeoutMs: 90_000}), hits.add(1)];
        held.letGo();
        await Promise.all([first, ...adds]);
        const [, {timeoutMs = 0, mayShareRevision} = {}] = sent;
        assert.ok(timeoutMs > 40_000 && timeoutMs <= 90_000, `they wait for ${String(timeoutMs)} ms`);
        assert.equal(mayShareRevision, true);
      },
    },
    {
      name: 'are of one mind about answers that are lost, and about trying again',
      async run({open, kv, key}) {
        const connection = unreliable(await open());
        const held = heldRequests(connection.driver, 'txn');
        let away = 0;
        await using client = createKvi({
          ...held.driver,
          txn(...args) {
            away -= 1;
            return away === 0
              ? Promise.reject(new KviError('KVI_UNAVAILABLE', 'made to fail'))
              : held.driver.txn(...args);
          },
        });
        const hits = counter(client, key('c'));
        for (const [trouble, code] of [
          ['an answer is lost', 'KVI_UNKNOWN_OUTCOME'],
          ['the store is away', 'KVI_UNAVAILABLE'],
        ] as const) {
          held.hold();
          const first = hits.add();
          await held.arrived();
          const options = trouble === 'the store is away' ? {retryPolicy: limitAttempts(1)} : {};
          const told = assertFails(code, () => hits.add(1, options), `${trouble}: it is told`);
          const other = hits.add(1, trouble === 'the store is away' ? {} : {onUnknownOutcome: 'resolve'});
          held.letGo();
          if (trouble === 'the store is away') away = 1;
          else connection.willBe('answered', 'request lost');
          await first;
          await told;
          await soon(other, 'the other is not');
        }
        assert.equal(await counter(kv, key('c')).get(), 4);
      },
    },
    {
      name: 'are tried again as often as others change the counter first',
      async run({open, kv, key}) {
        const own = await open();
        let rivals = 4;
        await using client = createKvi({
          ...own,
          async txn(...args) {
            rivals -= 1;
            if (rivals >= 0) await counter(kv, key('c')).add(100);
            return own.txn(...args);
          },
        });
        const hits = counter(client, key('c'));
        assert.deepEqual(await Promise.all([hits.add(), hits.add()]), [401, 402]);
      },
    },
    {
      name: 'give others the time to get through, and then up',
      async run({open, kv, key}) {
        const own = await open();
        let tries = 0;
        await using client = createKvi({
          ...own,
          // Answers also when the call is over by then.
          async txn(request) {
            tries += 1;
            await counter(kv, key('c')).add(100);
            return own.txn(request);
          },
        });
        const adding = counter(client, key('c')).add(1, {timeoutMs: 200});
        await assertFails('KVI_TIMEOUT', () => adding, 'others are always faster');
        // At once, at once, and after pauses of at least 5, 10, 20, 40 and 80 ms.
        assert.ok(tries <= 8, `${String(tries)} tries in 200 ms`);
      },
    },
    {
      name: 'fail together, and those who come later are not kept from it',
      async run({open, key}) {
        const own = await open();
        let fails = true;
        await using client = createKvi({
          ...own,
          range: (...args) =>
            fails
              ? Promise.reject(new KviError('KVI_PERMISSION_DENIED', 'made to fail'))
              : own.range(...args),
        });
        const hits = counter(client, key('c'));
        await Promise.all(
          [hits.add(), hits.add()].map((call) => assertFails('KVI_PERMISSION_DENIED', () => call, 'told')),
        );
        fails = false;
        assert.equal(await hits.add(), 1);
      },
    },
    {
      name: 'end with the handle, and what became of each is told',
      async run({open, key}) {
        const held = heldRequests(await open(), 'txn');
        const client = createKvi(held.driver);
        const hits = counter(client, key('c'));
        held.hold();
        const first = hits.add();
        await held.arrived();
        const together = [hits.add(), hits.add()].map((call) =>
          assertFails('KVI_CLOSED', () => call, 'they were not sent'),
        );
        held.letGo();
        held.hold();
        assert.equal(await first, 1);
        await held.arrived();
        const waiting = assertFails('KVI_CLOSED', () => hits.add(), 'it waited');
        await soon(client.close(), 'the handle closes');
        held.letGo();
        await Promise.all([waiting, ...together]);
        await assertFails('KVI_CLOSED', () => hits.add(), 'it is closed');
      },
    },
    {
      name: 'and reads of the counter end in time',
      async run({open, key}) {
        const held = heldRequests(await open(), 'range');
        await using client = createKvi(held.driver);
        held.hold();
        const hits = counter(client, key('c'));
        const controller = new AbortController();
        const reading = assertFails(
          'KVI_ABORTED',
          () => hits.get({signal: controller.signal}),
          'it is aborted',
        );
        await assertFails('KVI_TIMEOUT', () => hits.add(1, {timeoutMs: 20}), 'it takes too long');
        controller.abort();
        held.letGo();
        await reading;
      },
    },
  ],
};
