import assert from 'node:assert/strict';
import {setImmediate as nextTurn} from 'node:timers/promises';
import {createKvi} from 'kvi-core';
import {type Driver, KviError, sleep} from 'kvi-core/driver';
import {type Codec, typed} from 'kvi-core/recipes';
import type {ContractGroup} from '../suite.ts';
import {assertFails, grantLease, leaseOf, soon} from '../kvi/helpers.ts';
import {assertInvalid, countingDriver, type Item, items} from './typed-helpers.ts';

/** Adds one, to nothing as well. */
const increment = (item: Item | undefined): Item => ({n: (item?.n ?? 0) + 1});

/** A driver that does something before each transaction, as another client would. */
function overtaken(driver: Driver, overtake: () => Promise<unknown>): Driver {
  return {
    ...driver,
    async txn(...args) {
      await overtake();
      return driver.txn(...args);
    },
  };
}

/** A driver whose next transaction is applied, and its answer lost. */
function answerLost(driver: Driver): Driver {
  let isLost = false;
  return {
    ...driver,
    async txn(...args) {
      const response = await driver.txn(...args);
      if (isLost) return response;
      isLost = true;
      throw new KviError('KVI_UNKNOWN_OUTCOME', 'made to fail');
    },
  };
}

/** `update` of typed views. */
export const typedUpdate: ContractGroup = {
  name: 'typed views, update',
  cases: [
    {
      name: 'it replaces a value by what the function makes of it, and returns that; two requests, if nobody interferes',
      async run({open, kv, key}) {
        const {driver, requests} = countingDriver(await open());
        await using client = createKvi(driver);
        const view = typed(client, items);
        assert.deepEqual(await view.update(key('k'), increment), {n: 1}, 'an absent key is created');
        assert.deepEqual(await view.update(key('k'), increment), {n: 2}, 'a value is replaced');
        assert.deepEqual(
          await view.update(key('k'), async (item) => Promise.resolve(increment(item))),
          {n: 3},
          'the function may be asynchronous',
        );
        assert.deepEqual(
          requests(),
          ['range', 'txn', 'range', 'txn', 'range', 'txn'],
          'it reads once and writes once',
        );
        assert.equal(await kv.get(key('k')), '{"n":3}', 'it is stored');
      },
    },
    {
      name: 'a function that returns undefined leaves the key alone, whether it exists or not',
      async run({kv, key}) {
        const view = typed(kv, items);
        assert.equal(await view.update(key('a'), () => undefined), undefined, 'nothing was stored');
        assert.equal(await kv.get(key('a')), undefined, 'no key was created');
        await view.store(key('a'), {n: 1});
        const before = await kv.getKeyValue(key('a'));
        assert.equal(await view.update(key('a'), async () => Promise.resolve(undefined)), undefined);
        assert.deepEqual(await kv.getKeyValue(key('a')), before, 'the key was not touched');
      },
    },
    {
      name: 'values that another client encoded differently are updated',
      async run({kv, key}) {
        await kv.store(key('k'), '{ "tag" : "x", "n" : 1 }');
        const stored = await typed(kv, items).update(key('k'), (item) => item && {...item, n: item.n + 1});
        assert.deepEqual(stored, {n: 2, tag: 'x'}, 'it compares revisions, not bytes');
      },
    },
    {
      name: 'the key keeps its lease',
      async run({kv, driver, key}) {
        const lease = await grantLease(driver);
        await kv.store(key('k'), '{"n":1}', {lease});
        await typed(kv, items).update(key('k'), increment);
        assert.equal(await leaseOf(kv, key('k')), lease, 'only the value was changed');
        await driver.leaseRevoke(lease);
        assert.equal(await kv.get(key('k')), undefined, 'the key ends with its lease');
      },
    },
    {
      name: 'updates of many handles at the same time are all applied',
      async run({kv, openKvi, key}) {
        const handles = [kv, await openKvi(), await openKvi(), await openKvi()];
        await Promise.all(
          handles.map(async (handle) => {
            const view = typed(handle, items);
            for (let i = 0; i < 10; i += 1) {
              await view.update(key('k'), increment, {timeoutMs: 60_000, maxAttempts: 1000});
            }
          }),
        );
        assert.equal(await kv.get(key('k')), '{"n":40}', 'no update was lost');
      },
    },
    {
      name: 'if the key changed meanwhile, the function is called again with what is there now',
      async run({open, kv, key}) {
        const k = key('k');
        const troubles: [string, () => Promise<unknown>][] = [
          ['overwritten', () => kv.store(k, '{"n":10}')],
          ['overwritten with an equal value', () => kv.store(k, '{"n":10}')],
          ['deleted', () => kv.delete(k)],
          ['created', () => kv.store(k, '{"n":20}')],
          ['deleted and created again', () => kv.delete(k).then(() => kv.store(k, '{"n":20}'))],
        ];
        await kv.store(k, '{"n":1}');
        const seen: (number | undefined)[] = [];
        await using client = createKvi(overtaken(await open(), async () => troubles.shift()?.[1]()));
        const stored = await typed(client, items).update(
          k,
          (item) => {
            seen.push(item?.n);
            return increment(item);
          },
          {timeoutMs: 60_000},
        );
        assert.deepEqual(seen, [1, 10, 10, undefined, 20, 20], 'each attempt sees the present value');
        assert.deepEqual(stored, {n: 21}, 'the last attempt is stored');
        assert.equal(await kv.get(k), '{"n":21}', 'and no other');
      },
    },
    {
      name: 'after maxAttempts it fails with KVI_CONFLICT, and nothing is changed',
      async run({open, kv, key}) {
        const k = key('k');
        await using client = createKvi(overtaken(await open(), () => kv.store(k, '{"n":10}')));
        const view = typed(client, items);
        for (const maxAttempts of [1, 3, undefined]) {
          let calls = 0;
          const fn = (item: Item | undefined) => {
            calls += 1;
            return increment(item);
          };
          const {message} = await assertFails(
            'KVI_CONFLICT',
            () => view.update(k, fn, {maxAttempts, timeoutMs: 60_000}),
            'somebody else was first each time',
          );
          assert.ok(message.includes(JSON.stringify(k)), `it names the key: ${message}`);
          assert.equal(calls, maxAttempts ?? 16, 'each attempt is one call');
          assert.equal(await kv.get(k), '{"n":10}', 'nothing was changed');
        }
      },
    },
    {
      name: 'what the function throws, update throws, and nothing is changed',
      async run({kv, key}) {
        const view = typed(kv, items);
        await view.store(key('k'), {n: 1});
        const before = await kv.getKeyValue(key('k'));
        const reason = new Error('no');
        for (const fn of [
          () => {
            throw reason;
          },
          async () => Promise.reject(reason),
        ]) {
          await assert.rejects(
            () => view.update(key('k'), fn),
            (error) => error === reason,
            'the same error',
          );
        }
        assert.deepEqual(await kv.getKeyValue(key('k')), before, 'the key was not touched');
      },
    },
    {
      name: 'a present value that cannot be decoded is an error, and is not overwritten',
      async run({kv, key}) {
        await kv.store(key('k'), 'by hand');
        const error = await assertFails(
          'KVI_INVALID_VALUE',
          () => typed(kv, items).update(key('k'), () => assert.fail('the function is not called')),
          'there is nothing to update',
        );
        assertInvalid(error, key('k'), 'JSON', 'update tells');
        assert.equal(await kv.get(key('k')), 'by hand', 'the value is still there');
      },
    },
    {
      name: 'a function that never ends is given up with the time, the signal or the handle',
      async run({openKvi, key}) {
        const kv = await openKvi();
        const view = typed(kv, items);
        const hang = () => new Promise<never>(() => undefined);
        await assertFails('KVI_TIMEOUT', () => view.update(key('k'), hang, {timeoutMs: 20}), 'timeoutMs');
        const controller = new AbortController();
        const abort = () => {
          controller.abort('enough');
          return hang();
        };
        const {cause} = await assertFails(
          'KVI_ABORTED',
          () => view.update(key('k'), abort, {signal: controller.signal}),
          'signal',
        );
        assert.equal(cause, 'enough', "the cause is the signal's reason");
        const close = () => {
          void kv.close();
          return hang();
        };
        await assertFails('KVI_CLOSED', () => view.update(key('k'), close), 'close');
      },
    },
    {
      name: 'the requests and the function share the time of the call',
      async run({open, key}) {
        const own = await open();
        const limits: (number | undefined)[] = [];
        await using client = createKvi({
          ...own,
          range: (request, options) => (limits.push(options?.timeoutMs), own.range(request, options)),
          txn: (request, options) => (limits.push(options?.timeoutMs), own.txn(request, options)),
        });
        const slowly = async (item: Item | undefined) => {
          await sleep(own.clock, 20);
          return increment(item);
        };
        await typed(client, items).update(key('k'), slowly, {timeoutMs: 60_000});
        const [reading = 0, writing = 0] = limits;
        assert.equal(limits.length, 2, 'one read and one write');
        assert.ok(reading <= 60_000 && writing < reading, 'the write has what is left');
        assert.ok(writing > 5_000, "it is the call's time, not the handle's");
      },
    },
    {
      name: 'a call that was given up calls nothing more: a codec that ends late, and a function that does, are ignored',
      async run({kv, key}) {
        await kv.store(key('k'), '{"n":1}');
        for (const late of ['decode', 'fn', 'encode'] as const) {
          const controller = new AbortController();
          const called: string[] = [];
          let release: () => void = () => undefined;
          const held = new Promise<void>((resolve) => {
            release = resolve;
          });
          const step = async <R>(name: string, body: () => R): Promise<R> => {
            called.push(name);
            if (name === late) {
              controller.abort();
              await held;
            }
            return body();
          };
          const codec: Codec<Item> = {
            encode: (value, at) => step('encode', () => items.encode(value, at)).then(async (b) => b),
            decode: (stored, at) => step('decode', () => items.decode(stored, at)).then(async (v) => v),
          };
          const view = typed(kv, codec);
          const fn = (item: Item | undefined) => step('fn', () => increment(item));
          await assertFails(
            'KVI_ABORTED',
            () => view.update(key('k'), fn, {signal: controller.signal}),
            `${late} is given up`,
          );
          const before = called.length;
          release();
          await nextTurn();
          // A linearizable read, so that a write that had been sent would be seen.
          assert.equal(await kv.get(key('k')), '{"n":1}', 'nothing is written');
          assert.equal(called.length, before, `nothing is called after ${late}`);
          assert.equal(called.at(-1), late, `${late} was the last`);
        }
      },
    },
    {
      name: 'a signal ends the pause before the next attempt',
      async run({open, kv, key}) {
        const controller = new AbortController();
        let attempts = 0;
        const own = await open();
        await using client = createKvi({
          ...own,
          async txn(...args) {
            await kv.store(key('k'), '{"n":10}');
            const response = await own.txn(...args);
            attempts += 1;
            // Later than the answer is read: the pause has begun, or the signal is looked at before it begins.
            setImmediate(() => controller.abort());
            return response;
          },
        });
        await soon(
          assertFails(
            'KVI_ABORTED',
            () =>
              typed(client, items).update(key('k'), increment, {
                signal: controller.signal,
                timeoutMs: 60_000,
              }),
            'the pause ends',
          ),
          'the pause ends',
        );
        assert.ok(attempts >= 1, 'an attempt was lost before');
        assert.equal(await kv.get(key('k')), '{"n":10}', 'nothing was changed');
      },
    },
    {
      name: "a write without an answer is KVI_UNKNOWN_OUTCOME, and with 'resolve' its truth",
      async run({open, kv, key}) {
        const update = async (client: typeof kv, options = {}) =>
          typed(client, items).update(key('k'), increment, options);

        await using plain = createKvi(answerLost(await open()));
        let calls = 0;
        await assertFails(
          'KVI_UNKNOWN_OUTCOME',
          () => typed(plain, items).update(key('k'), (item) => ((calls += 1), increment(item))),
          'nobody answered',
        );
        assert.equal(calls, 1, 'it is not tried again');
        assert.equal(await kv.get(key('k')), '{"n":1}', 'it was applied once');

        await using resolving = createKvi(answerLost(await open()), {onUnknownOutcome: 'resolve'});
        assert.deepEqual(await update(resolving), {n: 2}, 'the handle finds out');
        await using perCall = createKvi(answerLost(await open()));
        assert.deepEqual(await update(perCall, {onUnknownOutcome: 'resolve'}), {n: 3}, 'so does the call');
        assert.equal(await kv.get(key('k')), '{"n":3}', 'each was applied once');
      },
    },
    {
      name: 'with a lost answer to a write that came too late, it is tried again',
      async run({open, kv, key}) {
        const own = await open();
        let isFirst = true;
        await using client = createKvi(
          answerLost(
            overtaken(own, async () => {
              if (isFirst) await kv.store(key('k'), '{"n":10}');
              isFirst = false;
            }),
          ),
          {onUnknownOutcome: 'resolve'},
        );
        assert.deepEqual(await typed(client, items).update(key('k'), increment), {n: 11}, 'it was resolved');
        assert.equal(await kv.get(key('k')), '{"n":11}', 'and applied once');
      },
    },
  ],
};
