import assert from 'node:assert/strict';
import {createKvi, isKviError, type Kvi} from 'kvi-core';
import {atomically, type UnitOfWork} from 'kvi-core/recipes';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {assertFails, contents, grantLease, keysOf, leaseOf, soon, storeAll} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import {unreliable} from '../kvi/unknown-outcome.ts';
import {abortEverywhere} from './abort-everywhere.ts';

/** A client, what it asks of its backend, how long it waits, and what happens after each of its commits. */
async function observed({open}: Pick<CaseContext, 'open'>) {
  const driver = await open();
  const {clock} = driver;
  const calls: string[] = [];
  const delays: number[] = [];
  const afterCommit: (() => Promise<void>)[] = [];
  let skippedMs = 0;
  const client = createKvi({
    ...driver,
    clock: {
      now: () => clock.now() + skippedMs,
      setTimer: (delayMs, callback) => (delays.push(delayMs), clock.setTimer(delayMs, callback)),
    },
    range: (...args) => (calls.push('range'), driver.range(...args)),
    async txn(...args) {
      calls.push('txn');
      const response = await driver.txn(...args);
      await afterCommit.shift()?.();
      return response;
    },
  });
  const skip = (ms: number) => void (skippedMs += ms);
  return {client, calls, delays, afterCommit, skip};
}

/** Runs a unit that reads and then writes `result`; the first time, `change` comes in between. */
async function runsOf(
  kv: Kvi,
  key: CaseContext['key'],
  read: (t: UnitOfWork) => Promise<unknown>,
  change: () => Promise<unknown>,
): Promise<number> {
  return atomically(kv, async (t) => {
    await read(t);
    if (t.attempt === 1) await change();
    t.store(key('result'), 'v');
    return t.attempt;
  });
}

/** What may happen to `a`, `b` and `c` meanwhile; only `a` and `b` exist. */
function changesOf(kv: Kvi, key: CaseContext['key']) {
  return {
    'a change': () => kv.store(key('x/a'), 'other'),
    'the same value again': () => kv.store(key('x/a'), 'X/A'),
    'a deletion': () => kv.delete(key('x/b')),
    'a new key': () => kv.store(key('x/c'), 'new'),
    async 'a key deleted and put back'() {
      await kv.delete(key('x/a'));
      await kv.store(key('x/a'), 'X/A');
    },
    async 'a key created and deleted again'() {
      await kv.store(key('x/c'), 'new');
      await kv.delete(key('x/c'));
    },
    'a change elsewhere': () => kv.store(key('y'), 'other'),
  };
}

/** Those of {@link changesOf} after which nothing is as it was read. */
const conflicts: {
  name: string;
  read: (t: UnitOfWork, key: CaseContext['key']) => Promise<unknown>;
  with: string[];
}[] = [
  {
    name: 'a key that was read',
    read: (t, key) => t.get(key('x/a')),
    with: ['a change', 'the same value again', 'a key deleted and put back'],
  },
  {name: 'another key that was read', read: (t, key) => t.get(key('x/b')), with: ['a deletion']},
  {name: 'a key that did not exist', read: (t, key) => t.get(key('x/c')), with: ['a new key']},
  {
    name: 'a range',
    read: (t, key) => t.getRange({prefix: key('x/')}),
    with: ['a change', 'the same value again', 'a deletion', 'a new key', 'a key deleted and put back'],
  },
  {
    name: 'a range that was empty',
    read: (t, key) => t.getRange({start: key('x/c'), end: key('x/d')}),
    with: ['a new key'],
  },
  {
    name: 'a range that no key can be in',
    read: (t, key) => t.getRange({start: key('x/d'), end: key('x/a')}),
    with: [],
  },
  {name: 'a range of one key', read: (t, key) => t.getRange(key('x/b')), with: ['a deletion']},
];

/** Units of work: `atomically`. */
export const unitsOfWork: ContractGroup = {
  name: 'units of work',
  cases: [
    {
      name: 'a unit reads one state, writes in one revision, and returns what its function returns',
      async run({kv, key, prefix}) {
        await storeAll(kv, {key}, ['a', 'c', 'x/1', 'x/2']);
        const before = await kv.range({prefix});
        const count = await atomically(kv, async (t) => {
          const a = await t.get(key('a'));
          t.store(key('b'), a ?? '');
          t.store(key('d'), 'd');
          t.delete(key('c'));
          return (await t.getRange({prefix: key('x/')})).length;
        });
        assert.equal(count, 2, 'the result is that of the function');
        assert.deepEqual(await contents(kv, {prefix}), ['a=A', 'b=A', 'd=d', 'x/1=X/1', 'x/2=X/2']);
        const after = await kv.range({prefix});
        assert.equal(after.revision, before.revision + 1, 'all writes are one revision');
      },
    },
    {
      name: 'what is read is the store as it was at the first read',
      async run({kv, key}) {
        await storeAll(kv, {key}, ['a', 'b', 'x/1']);
        const seen = await atomically(kv, async (t) => {
          const first = await t.get(key('a'));
          await kv.txn({
            success: [
              {type: 'put', key: key('a'), value: 'later'},
              {type: 'put', key: key('b'), value: 'later'},
              {type: 'put', key: key('x/2'), value: 'later'},
            ],
          });
          const range = await t.getRange({prefix: key('x/')});
          return [first, await t.get(key('a')), await t.get(key('b')), range.map(({value}) => value)];
        });
        assert.deepEqual(seen, ['A', 'A', 'B', ['X/1']], 'nothing later is seen');
      },
    },
    {
      name: 'reads in parallel are of one state too, though the first fails',
      async run({kv, key}) {
        await kv.bytes.store(key('bytes'), Uint8Array.of(0xff));
        await storeAll(kv, {key}, ['a', 'b', 'c']);
        const names = ['a', 'b', 'c', 'none'];
        const read = await atomically(kv, async (t) => Promise.all(names.map((name) => t.get(key(name)))));
        assert.deepEqual(read, ['A', 'B', 'C', undefined]);
        const settled = await atomically(kv, (t) =>
          Promise.allSettled([t.get(''), t.get(key('bytes')), t.get(key('a')), t.get(key('b'))]),
        );
        assert.deepEqual(
          settled.map((one) => (one.status === 'fulfilled' ? one.value : codeOf(one.reason))),
          ['KVI_INVALID_ARGUMENT', 'KVI_NOT_TEXT', 'A', 'B'],
          'a read that fails spoils no other',
        );
      },
    },
    {
      name: 'a unit sees its own writes: in a read, after a deletion, in ranges, and the last of several',
      async run({kv, key, prefix}) {
        await storeAll(kv, {key}, ['x/b', 'x/d', 'x/f', 'y']);
        const short = (entries: {key: string; value: string}[]) =>
          entries.map((entry) => `${entry.key.slice(prefix.length)}=${entry.value}`);
        await atomically(kv, async (t) => {
          t.store(key('x/c'), 'new');
          t.store(key('x/b'), 'lost');
          t.delete(key('x/b'));
          assert.equal(await t.get(key('x/b')), undefined, 'a deleted key is gone');
          t.delete(key('x/d'));
          t.store(key('x/d'), 'back');
          assert.equal(await t.get(key('x/d')), 'back', 'a key that was put back is there');
          t.store(key('x/\u{10000}'), 'last');
          t.store(key('x/\uffff'), 'last but one');
          assert.deepEqual(
            short(await t.getRange({prefix: key('x/')})),
            ['x/c=new', 'x/d=back', 'x/f=X/F', 'x/\uffff=last but one', 'x/\u{10000}=last'],
            'a range holds the own writes, in the order of the bytes of its keys',
          );
          assert.deepEqual(short(await t.getRange(key('x/c'), key('x/f'))), ['x/c=new', 'x/d=back']);
          assert.deepEqual(short(await t.getRange(key('x/c'))), ['x/c=new'], 'a range of one own key');
          const begun = t.getRange({prefix: key('y')});
          t.store(key('y'), 'later');
          assert.deepEqual(
            short(await begun),
            ['y=Y'],
            'a read sees the writes before it, not those after it',
          );
        });
        assert.deepEqual(await contents(kv, {prefix}), [
          'x/c=new',
          'x/d=back',
          'x/f=X/F',
          'x/\uffff=last but one',
          'x/\u{10000}=last',
          'y=later',
        ]);
      },
    },
    {
      name: 'a unit stores under a lease',
      async run({kv, driver, key}) {
        const lease = await grantLease(driver);
        await atomically(kv, (t) => t.store(key('k'), 'v', {lease}));
        assert.equal(await leaseOf(kv, key('k')), lease);
        await driver.leaseRevoke(lease);
        await assertFails(
          'KVI_LEASE_NOT_FOUND',
          () =>
            atomically(kv, (t) => {
              t.store(key('k'), 'v', {lease});
              t.store(key('l'), 'v');
            }),
          'a lease that has ended',
        );
        assert.equal(await kv.get(key('l')), undefined, 'nothing is written');
      },
    },
    {
      name: 'a handle of bytes reads bytes, and so does a copy of it; a text handle refuses what is not text',
      async run({kv, key}) {
        const bytes = Uint8Array.of(0xff);
        await kv.bytes.store(key('k'), bytes);
        for (const view of [kv.bytes, {...kv.bytes}]) {
          const read = await atomically(view, async (t) => {
            t.store(Buffer.from(key('l')), bytes);
            return [await t.get(key('k')), await t.get(key('l')), ...(await t.getRange({prefix: key('')}))];
          });
          const plain = (k: string) => ({key: Uint8Array.from(Buffer.from(key(k))), value: bytes});
          assert.deepEqual(read, [bytes, bytes, plain('k'), plain('l')]);
        }
        await assertFails('KVI_NOT_TEXT', () => atomically(kv, (t) => t.get(key('k'))), 'a value');
        await assertFails(
          'KVI_NOT_TEXT',
          () =>
            atomically({...kv}, async (t) => {
              t.store(key('m'), bytes);
              return t.get(key('m'));
            }),
          'an own value',
        );
        assert.equal(await kv.get(key('m')), undefined, 'nothing is written');
      },
    },
    ...conflicts.map(({name, read, with: expected}) => ({
      name: `a unit is run again if what it read has changed, and only then: ${name}`,
      async run({kv, openKvi, key}: CaseContext) {
        const other = await openKvi();
        for (const [what, change] of Object.entries(changesOf(other, key))) {
          await kv.delete(key('x/c'));
          await storeAll(kv, {key}, ['x/a', 'x/b']);
          assert.equal(
            await runsOf(kv, key, (t) => read(t, key), change),
            expected.includes(what) ? 2 : 1,
            `${name}: the number of runs after ${what}`,
          );
        }
      },
    })),
    {
      name: 'a key that was only written is no conflict, nor is anything for a unit that only reads',
      async run({kv, key}) {
        let runs = 0;
        await atomically(kv, async (t) => {
          runs += 1;
          t.store(key('k'), 'own');
          assert.equal(await t.get(key('k')), 'own');
          await kv.store(key('k'), 'other');
        });
        assert.equal(await kv.get(key('k')), 'own', 'it is overwritten');
        await atomically(kv, async (t) => {
          runs += 1;
          assert.equal(await t.get(key('k')), 'own');
          await kv.store(key('k'), 'other');
        });
        assert.equal(runs, 2, 'each ran once');
      },
    },
    {
      name: 'the second run begins with what the failed commit read, at one revision; a later one reads anew',
      async run(context) {
        const {kv, key} = context;
        const {client, calls, afterCommit} = await observed(context);
        await storeAll(kv, {key}, ['a', 'b', 'c', 'x/1']);
        const seen: unknown[] = [];
        afterCommit.push(
          () => kv.store(key('c'), 'after the first'),
          () => kv.store(key('a'), 'after the second'),
        );
        await atomically(client, async (t) => {
          const own = [await t.get(key('a'))];
          if (t.attempt === 1) {
            await t.get(key('b'));
            await kv.store(key('a'), '2');
            await kv.delete(key('x/1'));
            await kv.store(key('x/2'), '2');
          }
          own.push(...(await t.getRange({prefix: key('x/')})).map(({value}) => value));
          if (t.attempt > 1) own.push(await t.get(key('c')));
          calls.push('end');
          seen.push(own);
          t.store(key('result'), 'v');
        });
        assert.deepEqual(seen, [
          ['A', 'X/1'],
          ['2', '2', 'C'],
          ['after the second', '2', 'after the first'],
        ]);
        assert.equal(
          calls.join(' '),
          'range range range end txn range end txn range range range end txn',
          'the second run reads only what the first one did not',
        );
        await client.close();
      },
    },
    {
      name: 'a unit waits longer before each run from the third on',
      async run(context) {
        const {kv, key} = context;
        const {client, delays} = await observed(context);
        await atomically(
          client,
          async (t) => {
            await t.get(key('k'));
            if (t.attempt < 6) await kv.store(key('k'), String(t.attempt));
            t.store(key('k'), 'mine');
          },
          {timeoutMs: 60_000},
        );
        const waits = delays.filter((delay) => delay < 500);
        assert.equal(waits.length, 4, 'none before the second run');
        for (const [i, wait] of waits.entries()) {
          const longest = 5 * 2 ** i;
          assert.ok(wait >= longest / 2 && wait <= longest, `wait ${String(i + 1)}: ${String(wait)} ms`);
        }
        await client.close();
      },
    },
    {
      name: 'timeoutMs bounds all runs of a unit together',
      async run(context) {
        const {kv, key} = context;
        const {client, delays, skip} = await observed(context);
        await atomically(
          client,
          async (t) => {
            await t.get(key('k'));
            if (t.attempt === 1) {
              await kv.store(key('k'), 'other');
              skip(40_000);
            }
            t.store(key('k'), 'mine');
          },
          {timeoutMs: 60_000},
        );
        const [first = 0, second = 0] = delays;
        assert.ok(first > 20_001 && second < 20_001, `the second run has the rest: ${String(delays)}`);
        await client.close();
      },
    },
    {
      name: 'a unit costs a round trip for each read and one to commit; without writes, or without anything, none',
      async run(context) {
        const {key} = context;
        const {client, calls} = await observed(context);
        const costs: [cost: string[], work: (t: UnitOfWork) => unknown][] = [
          [[], () => 'nothing'],
          [['txn'], (t) => t.store(key('a'), '1')],
          [['txn'], (t) => t.delete(key('a'))],
          [['range', 'range'], (t) => Promise.all([t.get(key('a')), t.getRange({prefix: key('x/')})])],
          [
            ['range', 'txn'],
            async (t) => {
              await t.get(key('a'));
              await t.get(key('a'));
              t.store(key('a'), '2');
            },
          ],
        ];
        for (const [cost, work] of costs) {
          calls.length = 0;
          await atomically(client, work);
          assert.deepEqual(calls, cost);
        }
        await client.close();
      },
    },
    {
      name: 'after maxAttempts conflicts a unit fails with KVI_CONFLICT, and has written nothing',
      async run({kv, key, prefix}) {
        for (const maxAttempts of [1, 3]) {
          let runs = 0;
          await assertFails(
            'KVI_CONFLICT',
            () =>
              atomically(
                kv,
                async (t) => {
                  runs += 1;
                  assert.equal(t.attempt, runs, 'attempt counts the runs');
                  await t.get(key('k'));
                  await kv.store(key('k'), String(runs));
                  t.store(key('k'), 'mine');
                  t.store(key('l'), 'mine');
                },
                {maxAttempts},
              ),
            'it gives up',
          );
          assert.deepEqual([runs, await contents(kv, {prefix})], [maxAttempts, [`k=${String(maxAttempts)}`]]);
        }
      },
    },
    {
      name: 'a function that throws leaves nothing and is not run again, even if it read what has changed',
      async run({kv, key, prefix}) {
        const failure = new Error('made to fail');
        for (const fail of [
          () => {
            throw failure;
          },
          () => Promise.reject(failure),
        ]) {
          let runs = 0;
          const failing = atomically(kv, async (t) => {
            runs += 1;
            await t.get(key('k'));
            t.store(key('l'), 'mine');
            await kv.store(key('k'), 'other');
            return fail();
          });
          await assert.rejects(failing, (error) => error === failure, 'it fails with what was thrown');
          assert.deepEqual([runs, await contents(kv, {prefix})], [1, ['k=other']]);
        }
        const sync = atomically(kv, (t) => {
          t.store(key('l'), 'mine');
          throw failure;
        });
        await assert.rejects(sync, (error) => error === failure, 'also if it throws at once');
        assert.deepEqual(await contents(kv, {prefix}), ['k=other']);
      },
    },
    {
      name: 'a unit whose snapshot is compacted is run again, whatever its function makes of that',
      async run({kv, key}) {
        await storeAll(kv, {key}, ['a', 'b']);
        const functions: Record<string, (read: Promise<unknown>) => Promise<unknown>> = {
          'it throws the error': (read) => read,
          'it throws another': (read) => read.catch(() => assert.fail('cannot read')),
          'it goes on': (read) => read.catch(() => 'default'),
        };
        for (const [name, meet] of Object.entries(functions)) {
          const runs = await atomically(kv, async (t) => {
            await t.get(key('a'));
            if (t.attempt === 1) {
              await kv.store(key('c'), 'v');
              await kv.store(key('c'), 'w');
              await kv.compact((await kv.range(key('c'))).revision);
            }
            assert.equal(await meet(t.get(key('b'))), 'B', name);
            t.store(key('result'), name);
            return t.attempt;
          });
          assert.deepEqual([runs, await kv.get(key('result'))], [2, name]);
        }
      },
    },
    {
      name: 'a unit that needs more compares or writes than a transaction may have fails at the call that exceeds them',
      async run({kv, openKvi, key, prefix}) {
        const small = await openKvi({maxTxnOps: 4});
        await storeAll(kv, {key}, ['x/1', 'x/2', 'x/3']);
        for (const [onUnknownOutcome, most] of [
          ['throw', 4],
          ['resolve', 3],
        ] as const) {
          await atomically(
            small,
            async (t) => {
              for (let i = 1; i <= most; i += 1) await t.get(key(`k${String(i)}`));
              await t.get(key('k1'));
              await assertFails('KVI_INVALID_ARGUMENT', () => t.get(key('more')), 'one key more');
              await assertFails('KVI_INVALID_ARGUMENT', () => t.getRange(key('more')), 'one range more');
              for (let i = 1; i <= most; i += 1) t.store(key(`k${String(i)}`), 'v');
              t.delete(key('k1'));
              for (const write of [() => t.store(key('more'), 'v'), () => t.delete(key('more'))]) {
                assert.throws(write, {code: 'KVI_INVALID_ARGUMENT'}, 'one write more');
              }
            },
            {onUnknownOutcome},
          );
          await kv.delete({prefix: key('k')});
        }
        await atomically(small, async (t) => {
          assert.equal((await t.getRange({prefix: key('x/')})).length, 3);
          assert.equal(await t.get(key('x/1')), 'X/1', 'a key of the range is compared with it');
          await assertFails('KVI_INVALID_ARGUMENT', () => t.getRange({prefix}), 'another range');
          t.store(key('x/4'), 'X/4');
        });
        await assertFails(
          'KVI_INVALID_ARGUMENT',
          () => atomically(small, (t) => t.getRange({prefix: key('x/')})),
          'a range of as many keys as there may be compares',
        );
        await small.close();
      },
    },
    {
      name: 'a unit of as many compares, reads and writes as etcd takes by default commits, or is run again',
      async run({kv, openKvi, key}) {
        const names = Array.from({length: 127}, (_, i) => `x/${String(i)}`);
        await kv.txn({success: names.map((name) => ({type: 'put', key: key(name), value: 'v'}))});
        const runs = await atomically(kv, async (t) => {
          const found = await t.getRange({prefix: key('x/')});
          if (t.attempt === 1) await kv.store(key('x/0'), 'other');
          for (const entry of found) t.store(entry.key, `${entry.value}!`);
          t.store(key('result'), 'v');
          return t.attempt;
        });
        assert.deepEqual([runs, await kv.get(key('x/0')), await kv.get(key('x/126'))], [2, 'other!', 'v!']);
        const resolving = await openKvi({onUnknownOutcome: 'resolve'});
        await kv.delete(key('x/0'));
        await atomically(resolving, async (t) => {
          for (const {key: name} of await t.getRange({prefix: key('x/')})) t.delete(name);
          t.store(key('result'), 'w');
        });
        assert.deepEqual(await keysOf(kv, {prefix: key('')}), ['result']);
        await resolving.close();
      },
    },
    {
      name: 'a commit larger than a request may be is refused, and nothing is written',
      async run({openKvi, key, kv, prefix}) {
        const small = await openKvi({maxRequestBytes: 1000});
        const half = 'x'.repeat(500);
        await assertFails(
          'KVI_INVALID_ARGUMENT',
          () =>
            atomically(small, (t) => {
              t.store(key('a'), half);
              assert.throws(() => t.store(key('b'), half), {code: 'KVI_INVALID_ARGUMENT'});
              t.store(key('c'), half.slice(250));
              return Promise.all(Array.from({length: 5}, (_, i) => t.get(key(String(i)))));
            }),
          'the reads make it too large',
        );
        assert.deepEqual(await keysOf(kv, {prefix}), []);
        await small.close();
      },
    },
    {
      name: 'a commit of unknown outcome fails with KVI_UNKNOWN_OUTCOME, and is not run again',
      async run({kv, open, key}) {
        for (const fate of ['reply lost', 'request lost'] as const) {
          const connection = unreliable(await open());
          const client = createKvi(connection.driver);
          let runs = 0;
          connection.willBe(fate);
          const error = await assertFails(
            'KVI_UNKNOWN_OUTCOME',
            () =>
              atomically(client, async (t) => {
                runs += 1;
                t.store(key('k'), String(Number((await t.get(key('k'))) ?? '0') + 1));
              }),
            'nobody knows',
          );
          assert.equal(error.applied, undefined);
          assert.deepEqual([runs, await kv.get(key('k'))], [1, '1'], `${fate}: it ran once`);
          await client.close();
        }
      },
    },
    ...(['answered', 'reply lost', 'request lost', 'delayed'] as const).map((fate) => ({
      name: `with onUnknownOutcome 'resolve' a unit is applied once, and knows it: ${fate}`,
      async run({kv, open, key, prefix}: CaseContext) {
        const connection = unreliable(await open());
        const client = createKvi(connection.driver);
        await storeAll(kv, {key}, ['a', 'b', 'k']);
        const unit = (isLate: boolean) =>
          atomically(
            client,
            async (t) => {
              await t.get(key('a'));
              t.store(key('k'), `${(await t.get(key('k'))) ?? ''}+`);
              t.delete(key('b'));
              if (isLate && t.attempt === 1) await kv.store(key('a'), 'other');
              connection.willBe(fate);
              return t.attempt;
            },
            {onUnknownOutcome: 'resolve'},
          );
        assert.equal(await unit(false), 1, 'it runs once');
        await connection.arrive();
        assert.deepEqual(await contents(kv, {prefix}), ['a=A', 'k=K+'], 'it is applied once');
        assert.equal(await unit(true), 2, 'a conflict is found whatever happens to its answer');
        await connection.arrive();
        assert.deepEqual(await contents(kv, {prefix}), ['a=other', 'k=K++'], 'the second run is applied');
        await client.close();
      },
    })),
    {
      name: 'a function that never ends is ended by its timeout, its signal or close, and writes nothing',
      async run({kv, openKvi, key, prefix}) {
        const handle = await openKvi({timeoutMs: 20});
        const reason = new Error('enough');
        const controller = new AbortController();
        const late: UnitOfWork[] = [];
        const never = (t: UnitOfWork) => {
          late.push(t);
          t.store(key('k'), 'v');
          return new Promise<never>(() => undefined);
        };
        await assertFails('KVI_TIMEOUT', () => atomically(handle, never), "the handle's timeout");
        await assertFails('KVI_TIMEOUT', () => atomically(kv, never, {timeoutMs: 20}), 'its own');
        const aborted = atomically(kv, never, {signal: controller.signal});
        controller.abort(reason);
        const error = await assertFails('KVI_ABORTED', () => aborted, 'its signal');
        assert.equal(error.cause, reason);
        const closed = atomically(handle, never, {timeoutMs: 60_000});
        await handle.close();
        await assertFails('KVI_CLOSED', () => closed, 'close');
        await assertFails('KVI_CLOSED', () => atomically(handle, never), 'a closed handle');
        assert.equal(late.length, 4);
        for (const t of late) await assertEnded(t, key);
        assert.deepEqual(await keysOf(kv, {prefix}), []);
      },
    },
    {
      name: 'a handle that is closed while a unit runs writes nothing for it',
      async run({kv, openKvi, key, prefix}) {
        const handle = await openKvi();
        await assertFails(
          'KVI_CLOSED',
          () =>
            atomically(handle, async (t) => {
              t.store(key('k'), 'v');
              await handle.close();
            }),
          'it fails with the handle',
        );
        assert.deepEqual(await keysOf(kv, {prefix}), []);
      },
    },
    {
      name: 'a unit that is aborted at any of its calls leaves all of its writes or none',
      async run(context) {
        const {kv, key, prefix} = context;
        let runs = 0;
        await abortEverywhere(
          context,
          (client, signal) =>
            atomically(
              client,
              async (t) => {
                runs += 1;
                await t.get(key('a'));
                if (t.attempt < 3) await kv.store(key('a'), String(runs));
                await t.getRange({prefix: key('x/')});
                t.store(key('b'), 'v');
                t.store(key('c'), 'v');
              },
              {signal},
            ),
          async (failed) => {
            const left = (await keysOf(kv, {prefix})).filter((name) => name !== 'a');
            if (left.length > 0) assert.deepEqual(left, ['b', 'c'], 'all or none');
            assert.ok(failed || left.length > 0, 'what succeeded is there');
            await kv.delete({prefix});
          },
        );
      },
    },
    {
      name: 't is refused once its function has ended, and a read that was not awaited counts for nothing',
      async run({kv, open, key, prefix}) {
        await storeAll(kv, {key}, ['a', 'b']);
        const driver = await open();
        let answer: (() => void) | undefined;
        const answered = new Promise<void>((resolve) => (answer = resolve));
        const slow = createKvi({
          ...driver,
          async range(...args) {
            const response = await driver.range(...args);
            if (Buffer.from(args[0].key).toString() === key('b')) await answered;
            return response;
          },
        });
        const seen: unknown[] = [];
        const ts: UnitOfWork[] = [];
        await atomically(slow, async (t) => {
          ts.push(t);
          await t.get(key('a'));
          void t.get(key('b'));
          void t.getRange('');
          seen.push(t.get(key('b')));
          await kv.store(key('b'), 'other');
          t.store(key('c'), String(t.attempt));
        });
        assert.equal(await kv.get(key('c')), '1', 'a change of what nobody waited for is no conflict');
        answer?.();
        await assertFails('KVI_INVALID_ARGUMENT', () => seen[0], 'its answer comes too late');
        const [t] = ts;
        assert.ok(t !== undefined);
        await assertEnded(t, key);
        assert.deepEqual(await contents(kv, {prefix}), ['a=A', 'b=other', 'c=1'], 'nothing is written late');
        await slow.close();
      },
    },
    {
      name: 'a t of an earlier run is refused, and changes nothing in the next one',
      async run({kv, key, prefix}) {
        const ts: UnitOfWork[] = [];
        await atomically(kv, async (t) => {
          ts.push(t);
          await t.get(key('k'));
          if (t.attempt === 1) await kv.store(key('k'), 'other');
          else if (ts[0] !== undefined) await assertEnded(ts[0], key);
          t.store(key('l'), 'v');
        });
        assert.deepEqual(await contents(kv, {prefix}), ['k=other', 'l=v']);
      },
    },
    {
      name: 'what is no handle, no function, no option or no key is refused',
      async run({kv, key, prefix}) {
        const nothing = () => undefined;
        await assertRefused(
          {kv, key, prefix},
          {
            'no handle': () => atomically(wrong({}), nothing),
            'no handle at all': () => atomically(wrong(undefined), nothing),
            'no function': () => atomically(kv, wrong(undefined)),
            'options that are none': () => atomically(kv, nothing, wrong(5)),
            'an unknown option': () => atomically(kv, nothing, wrong({attempts: 3})),
            'maxAttempts of 0': () => atomically(kv, nothing, {maxAttempts: 0}),
            'maxAttempts of 1.5': () => atomically(kv, nothing, {maxAttempts: 1.5}),
            'maxAttempts that is no number': () => atomically(kv, nothing, {maxAttempts: wrong('3')}),
            'timeoutMs of 0': () => atomically(kv, nothing, {timeoutMs: 0}),
            'a signal that is none': () => atomically(kv, nothing, {signal: wrong({})}),
            'an unknown wish': () => atomically(kv, nothing, {onUnknownOutcome: wrong('ask')}),
            'get without a key': () => atomically(kv, (t) => t.get('')),
            'get of a number': () => atomically(kv, (t) => t.get(wrong(5))),
            'getRange of a number': () => atomically(kv, (t) => t.getRange(wrong(5))),
            'getRange with an option': () => atomically(kv, (t) => t.getRange({prefix}, wrong({limit: 1}))),
            'store without a key': () => atomically(kv, (t) => t.store('', 'v')),
            'store without a value': () => atomically(kv, (t) => t.store(key('k'), wrong(undefined))),
            'store under a lease that is none': () =>
              atomically(kv, (t) => t.store(key('k'), 'v', {lease: 'none'})),
            'store with an unknown option': () =>
              atomically(kv, (t) => t.store(key('k'), 'v', wrong({timeoutMs: 5}))),
            'a deletion without a key': () => atomically(kv, (t) => t.delete('')),
            'a deletion of a prefix': () => atomically(kv, (t) => t.delete(wrong({prefix}))),
          },
          'a unit refuses it',
        );
        const aborted = atomically(kv, nothing, {signal: AbortSignal.abort('no')});
        await assertFails('KVI_ABORTED', () => aborted, 'a signal that has aborted');
      },
    },
    {
      name: 'units that run at the same time all succeed, one after the other',
      async run({kv, openKvi, key}) {
        const handles = await Promise.all(Array.from({length: 4}, () => openKvi()));
        const add = (handle: Kvi) =>
          atomically(
            handle,
            async (t) => {
              const count = Number((await t.get(key('count'))) ?? '0') + 1;
              t.store(key('count'), String(count));
              return count;
            },
            {maxAttempts: 100, timeoutMs: 60_000},
          );
        const counts = await soon(
          Promise.all([...handles, ...handles, ...handles].map(add)),
          'they do not hinder each other for ever',
        );
        assert.deepEqual(
          counts.sort((a, b) => a - b),
          Array.from({length: 12}, (_, i) => i + 1),
        );
        assert.equal(await kv.get(key('count')), '12');
      },
    },
  ],
};

function codeOf(error: unknown): string {
  return isKviError(error) ? error.code : String(error);
}

/** Asserts that each call of a unit that has ended is refused. */
async function assertEnded(t: UnitOfWork, key: CaseContext['key']): Promise<void> {
  const calls: Record<string, () => unknown> = {
    get: () => t.get(key('k')),
    getRange: () => t.getRange({prefix: key('')}),
    store: () => t.store(key('k'), 'late'),
    delete: () => t.delete(key('k')),
  };
  for (const [name, call] of Object.entries(calls)) {
    const {message} = await assertFails('KVI_INVALID_ARGUMENT', call, `${name} after the end`);
    assert.match(message, /^the unit of work has ended/);
  }
}
