import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {atomically, type UnitOfWork} from 'kvi-core/recipes';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {assertFails, contents, keysOf, storeAll} from '../kvi/helpers.ts';
import {unreliable} from '../kvi/unknown-outcome.ts';
import {abortEverywhere} from './abort-everywhere.ts';
import {assertEnded} from './atomically-helpers.ts';

/** Units of work at their limits, and in trouble. */
export const unitsInTrouble: ContractGroup = {
  name: 'units of work in trouble',
  cases: [
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
  ],
};
