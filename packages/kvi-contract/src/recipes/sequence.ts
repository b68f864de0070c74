import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {KviError} from 'kvi-core/driver';
import {sequence} from 'kvi-core/recipes';
import {assertFails, soon} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import {unreliable} from '../kvi/unknown-outcome.ts';
import type {ContractGroup} from '../suite.ts';
import {countedRequests} from './counted-requests.ts';
import {heldRequests} from './held-requests.ts';

const most = Number.MAX_SAFE_INTEGER;

function upTo(count: number): number[] {
  return Array.from({length: count}, (_, i) => i + 1);
}

function sorted(numbers: readonly number[]): number[] {
  return [...numbers].sort((one, other) => one - other);
}

/** Numbers that nobody else gets. */
export const sequences: ContractGroup = {
  name: 'a sequence',
  cases: [
    {
      name: 'counts from 1, and stores the last number as text under its name',
      async run({kv, openKvi, key}) {
        const invoices = sequence(kv, key('s'));
        assert.equal(invoices.name, key('s'));
        assert.equal(await invoices.next(), 1);
        assert.equal(await invoices.next(), 2);
        assert.equal(await kv.get(key('s')), '2');
        assert.equal(await sequence(await openKvi(), key('s')).next(), 3, 'on another handle it goes on');
        assert.equal(await invoices.next(), 4);
        await kv.store(key('s'), '1000');
        assert.equal(await invoices.next(), 1_001, 'it is begun elsewhere by storing a number');
      },
    },
    {
      name: 'gives a hundred calls at once their numbers in order, without a gap and with few requests',
      async run({open, key}) {
        const {driver, requests} = countedRequests(await open());
        await using client = createKvi(driver);
        const before = requests();
        const numbers = await soon(
          Promise.all(upTo(100).map(() => sequence(client, key('s')).next())),
          'each gets one',
        );
        assert.deepEqual(numbers, upTo(100));
        assert.ok(requests() - before <= 3, `${String(requests() - before)} requests`);
      },
    },
    {
      name: 'has no gap and no number twice when several handles take them at once, each rising',
      async run({kv, openKvi, key}) {
        const handles = [kv, await openKvi(), await openKvi()];
        const taken = await Promise.all(
          handles.map(async (handle) => {
            const numbers: number[] = [];
            for (let n = 0; n < 20; n += 1) {
              numbers.push(
                ...(await Promise.all([
                  sequence(handle, key('s')).next(),
                  sequence(handle, key('s')).next(),
                ])),
              );
            }
            assert.deepEqual(numbers, sorted(numbers), 'each handle sees them rise');
            return numbers;
          }),
        );
        assert.deepEqual(sorted(taken.flat()), upTo(120));
      },
    },
    {
      name: 'is reserved in blocks: few requests, and no number twice',
      async run({open, openKvi, kv, key}) {
        const {driver, requests} = countedRequests(await open());
        await using client = createKvi(driver);
        const before = requests();
        const first = await Promise.all(upTo(60).map(() => sequence(client, key('s'), {block: 100}).next()));
        assert.deepEqual(first, upTo(60));
        assert.equal(await kv.get(key('s')), '100');
        const other = await openKvi();
        assert.equal(await sequence(other, key('s'), {block: 10}).next(), 101);
        const second = await Promise.all(upTo(60).map(() => sequence(client, key('s'), {block: 100}).next()));
        assert.deepEqual(second, [...upTo(100).slice(60), ...upTo(20).map((n) => n + 110)]);
        // A read and a reservation for the first block; a conflict and a reservation for the second.
        assert.ok(requests() - before <= 4, `${String(requests() - before)} requests`);
      },
    },
    {
      name: 'serves many calls at once from small blocks',
      async run({kv, key}) {
        const numbers = sequence(kv, key('s'), {block: 7});
        assert.deepEqual(await Promise.all(upTo(40).map(() => numbers.next())), upTo(40));
      },
    },
    {
      name: 'ends at 2^53-1, which is the last number',
      async run({kv, key}) {
        for (const block of [1, 10]) {
          await kv.store(key(`s${block}`), String(most - 2));
          const numbers = sequence(kv, key(`s${block}`), {block});
          assert.equal(await numbers.next(), most - 1);
          assert.equal(await numbers.next(), most);
          const error = await assertFails('KVI_OUT_OF_RANGE', () => numbers.next(), 'there is none after it');
          assert.match(error.message, /has no number after 9007199254740991/);
          assert.equal(await kv.get(key(`s${block}`)), String(most));
        }
      },
    },
    {
      name: 'does not go on from what is no number of a sequence',
      async run({kv, key}) {
        for (const block of [1, 10]) {
          const numbers = sequence(kv, key('s'), {block});
          for (const text of ['x', '-1', '0.5', '']) {
            await kv.store(key('s'), text);
            const error = await assertFails('KVI_INVALID_VALUE', () => numbers.next(), text);
            assert.ok(error.message.includes(JSON.stringify(key('s'))), 'it is named');
            assert.equal(await kv.get(key('s')), text);
          }
          await kv.delete(key('s'));
        }
      },
    },
    {
      name: 'goes on as soon as what is stored is mended, whoever does it',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        for (const block of [1, 10]) {
          const numbers = sequence(kv, key('s'), {block});
          await other.store(key('s'), '-1');
          await assertFails('KVI_INVALID_VALUE', () => numbers.next(), 'it is below 0');
          await other.store(key('s'), String(most));
          await assertFails('KVI_OUT_OF_RANGE', () => numbers.next(), 'it is at its end');
          await other.store(key('s'), '6');
          assert.equal(await numbers.next(), 7);
        }
      },
    },
    {
      name: 'refuses bad input before anything is sent',
      async run(context) {
        const {kv, key} = context;
        const numbers = sequence(kv, key('s'));
        await assertRefused(
          context,
          {
            'no name': () => sequence(kv, ''),
            'no handle': () => sequence(wrong(undefined), 's'),
            'a block of 0': () => sequence(kv, key('s'), {block: 0}),
            'half a block': () => sequence(kv, key('s'), {block: 1.5}),
            'an unknown option': () => sequence(kv, key('s'), wrong({blocks: 2})),
            'options that are none': () => sequence(kv, key('s'), wrong(null)),
            'a block as the options': () => sequence(kv, key('s'), wrong(10)),
            'an unknown option of a call': () => numbers.next(wrong({block: 2})),
            'a timeout of 0': () => numbers.next({timeoutMs: 0}),
          },
          'it is refused',
          {
            'no name': /sequence/,
            'options that are none': /^options must be an object, not null/,
            'a block as the options': /^options must be an object, not 10/,
            'an unknown option': /^unknown option "blocks"/,
            'a block of 0': /^block must be a whole number above 0, not 0/,
          },
        );
      },
    },
    {
      name: 'tells when a number may have been skipped, and skips none if asked to find out',
      async run({open, key}) {
        const connection = unreliable(await open());
        await using client = createKvi(connection.driver);
        const numbers = sequence(client, key('s'));
        for (const fate of ['reply lost', 'request lost'] as const) {
          connection.willBe(fate);
          await assertFails('KVI_UNKNOWN_OUTCOME', () => numbers.next(), fate);
        }
        assert.equal(await numbers.next(), 2, 'the first is lost');
        for (const [i, fate] of (['reply lost', 'request lost', 'delayed'] as const).entries()) {
          connection.willBe(fate);
          assert.equal(await numbers.next({onUnknownOutcome: 'resolve'}), 3 + i, fate);
          await connection.arrive();
        }
      },
    },
    {
      name: 'skips a block whose reservation got no answer, and tells nobody',
      async run({open, key}) {
        const connection = unreliable(await open());
        await using client = createKvi(connection.driver);
        const numbers = sequence(client, key('s'), {block: 10});
        connection.willBe('reply lost', 'request lost');
        assert.equal(await numbers.next(), 11);
        assert.equal(await numbers.next(), 12);
      },
    },
    {
      name: 'reserves again, after a pause, as long as the most patient call waits',
      async run({open, key}) {
        const own = await open();
        let reads = 0;
        let sent = 0;
        await using client = createKvi({
          ...own,
          range(...args) {
            reads += 1;
            return reads === 1
              ? Promise.reject(new KviError('KVI_TIMEOUT', 'made to fail'))
              : own.range(...args);
          },
          txn(...args) {
            sent += 1;
            return sent <= 4
              ? Promise.reject(new KviError('KVI_UNKNOWN_OUTCOME', 'made to fail'))
              : own.txn(...args);
          },
        });
        const numbers = sequence(client, key('s'), {block: 10});
        const patient = numbers.next({timeoutMs: 60_000});
        await assertFails(
          'KVI_TIMEOUT',
          () => numbers.next({timeoutMs: 50}),
          'there is time for others meanwhile',
        );
        assert.ok(sent < 4, `${String(sent)} reservations are tried within 50 ms`);
        assert.equal(await soon(patient, 'it comes'), 1);
      },
    },
    {
      name: 'tells what went wrong with a reservation, and the next call tries again',
      async run({open, key}) {
        const own = await open();
        const failures = [
          new KviError('KVI_UNKNOWN_OUTCOME', 'made to fail', {
            cause: new KviError('KVI_RESOURCE_EXHAUSTED', 'no space'),
          }),
          new KviError('KVI_PERMISSION_DENIED', 'made to fail'),
        ];
        await using client = createKvi({
          ...own,
          txn(...args) {
            const failure = failures.shift();
            return failure === undefined ? own.txn(...args) : Promise.reject(failure);
          },
        });
        const numbers = sequence(client, key('s'), {block: 10});
        await assertFails('KVI_UNKNOWN_OUTCOME', () => numbers.next(), 'there may be no space');
        await assertFails('KVI_PERMISSION_DENIED', () => numbers.next(), 'it was refused');
        assert.equal(await numbers.next(), 1);
      },
    },
    {
      name: 'leaves the numbers of a block to others when a call ends before it has one',
      async run({open, key}) {
        const held = heldRequests(await open(), 'txn');
        held.hold();
        await using client = createKvi(held.driver);
        const numbers = sequence(client, key('s'), {block: 5});
        const controller = new AbortController();
        const ended = assertFails(
          'KVI_ABORTED',
          () => numbers.next({signal: controller.signal}),
          'it was aborted',
        );
        const late = assertFails('KVI_TIMEOUT', () => numbers.next({timeoutMs: 20}), 'it took too long');
        controller.abort();
        await ended;
        await late;
        const served = numbers.next();
        held.letGo();
        assert.equal(await soon(served, 'the block is not lost'), 1);
        assert.equal(await numbers.next(), 2);
      },
    },
  ],
};
