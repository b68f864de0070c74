import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {type Driver, isKviError, KviError, type TxnRequest} from 'kvi-core/driver';
import {mirrorKeys, namespace} from 'kvi-core/recipes';
import {assertFails, keysOf, soon} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import {unreliable} from '../kvi/unknown-outcome.ts';
import type {ContractGroup} from '../suite.ts';
import {abortEverywhere} from './abort-everywhere.ts';
import {revisionOf, storeMany} from './export-helpers.ts';
import {assertMirrored, folder, mirrorOf, nextStep, stepsUntil} from './mirror-helpers.ts';

/** Keys that are kept elsewhere as they are. */
export const mirrors: ContractGroup = {
  name: 'a mirror',
  cases: [
    {
      name: 'copies what is there, deletes what is not, and then repeats each revision as one',
      async run(context) {
        const {kv, key} = context;
        await kv.store(key('source/a'), '1');
        await kv.store(key('source/b'), '2');
        await kv.store(key('target/old'), 'x');
        await kv.store(key('target/b'), '2');
        let compared = 0;
        const mirror = mirrorOf({source: kv, target: kv}, context, {onCompared: () => (compared += 1)});
        const copied = await nextStep(mirror, 'it copies');
        assert.deepEqual([copied.type, copied.keys], ['copy', 2]);
        assert.equal(compared, 2, 'it tells of each key of the source');
        assert.equal((await kv.getKeyValue(key('target/b')))?.version, 1, 'what is equal is not written');
        await assertMirrored(kv, context, 'it is a copy');
        const {revision} = await kv.txn({
          success: [
            {type: 'put', key: key('source/a'), value: '3'},
            {type: 'put', key: key('source/c'), value: '4'},
            {type: 'deleteRange', key: key('source/b')},
          ],
        });
        const changed = await nextStep(mirror, 'it follows');
        assert.deepEqual(changed, {type: 'changes', revision, keys: 3});
        await assertMirrored(kv, context, 'it follows');
        const [a, c, checkpoint] = await Promise.all(
          ['target/a', 'target/c', 'checkpoint'].map((name) => kv.getKeyValue(key(name))),
        );
        assert.equal(a?.modRevision, c?.modRevision, 'one revision is one transaction');
        assert.equal(a?.modRevision, checkpoint?.modRevision, 'with its checkpoint');
        await mirror.return(undefined);
      },
    },
    {
      name: 'goes on from its checkpoint: each revision since, once, to the same keys',
      async run(context) {
        const {kv, openKvi, key} = context;
        await kv.store(key('source/a'), '1');
        const first = mirrorOf({source: kv, target: kv}, context);
        await nextStep(first, 'it copies');
        await first.return(undefined);
        await kv.store(key('source/b'), '1');
        await kv.store(key('source/b'), '2');
        await kv.delete(key('source/a'));
        const other = await openKvi();
        const second = mirrorOf({source: other, target: other}, context);
        const steps = await stepsUntil(second, await revisionOf(kv));
        assert.deepEqual(
          steps.filter(({keys}) => keys > 0).map(({type, keys}) => [type, keys]),
          [
            ['changes', 1],
            ['changes', 1],
            ['changes', 1],
          ],
        );
        assert.equal((await kv.getKeyValue(key('target/b')))?.version, 2);
        await assertMirrored(kv, context, 'nothing was missed');
        await second.return(undefined);
      },
    },
    {
      name: 'leaves keys under leases alone: to it they do not exist, unless it is asked for them',
      async run(context) {
        const {kv, key} = context;
        const lease = await kv.lease({ttlSeconds: 60});
        await kv.store(key('source/lock'), 'x', {lease: lease.id});
        await kv.store(key('source/a'), '1');
        const mirror = mirrorOf({source: kv, target: kv}, context);
        await nextStep(mirror, 'it copies');
        assert.deepEqual(await folder(kv, context, 'target/'), ['a=1']);
        await kv.store(key('source/a'), '2', {lease: lease.id});
        await nextStep(mirror, 'it follows');
        assert.deepEqual(await folder(kv, context, 'target/'), [], 'it ends with its lease');
        await kv.store(key('source/lock'), 'y');
        await nextStep(mirror, 'it follows');
        assert.deepEqual(await folder(kv, context, 'target/'), ['lock=y'], 'it is there to stay');
        await mirror.return(undefined);
        await kv.delete(key('checkpoint'));
        const all = mirrorOf({source: kv, target: kv}, context, {leased: true});
        await nextStep(all, 'it copies');
        await assertMirrored(kv, context, 'with those under leases');
        assert.equal((await kv.getKeyValue(key('target/a')))?.lease, '0', 'and without their leases');
        await lease.revoke();
        await nextStep(all, 'it follows');
        await assertMirrored(kv, context, 'until they end');
        await all.return(undefined);
      },
    },
    {
      name: 'compares everything again when changes were compacted that it has not seen',
      async run(context) {
        const {kv, key} = context;
        for (const name of ['a', 'b']) await kv.store(key(`source/${name}`), '1');
        const first = mirrorOf({source: kv, target: kv}, context);
        await nextStep(first, 'it copies');
        await first.return(undefined);
        await kv.delete(key('source/a'));
        await kv.store(key('source/c'), '1');
        await kv.compact(await revisionOf(kv));
        const second = mirrorOf({source: kv, target: kv}, context);
        const {type, keys} = await nextStep(second, 'it copies');
        assert.deepEqual([type, keys], ['copy', 2]);
        await assertMirrored(kv, context, 'what vanished in between is gone');
        await second.return(undefined);
      },
    },
    {
      name: 'takes several transactions for a revision that does not fit, and its checkpoint says so until the last',
      async run(context) {
        const {kv, open, key} = context;
        const own = await open();
        const written: TxnRequest<Uint8Array>[] = [];
        await using target = createKvi({
          ...own,
          txn(request, options) {
            written.push(request);
            return own.txn(request, options);
          },
        });
        const mirror = mirrorOf({source: kv, target}, context);
        await nextStep(mirror, 'it copies');
        written.length = 0;
        await storeMany(kv, key('source/'), 128);
        const big = 'x'.repeat(786_000);
        await kv.txn({
          success: ['p', 'q'].map((name) => ({type: 'put', key: key(`source/${name}`), value: big})),
        });
        assert.equal((await nextStep(mirror, 'many keys')).keys, 128);
        assert.equal((await nextStep(mirror, 'large keys')).keys, 2);
        await assertMirrored(kv, context, 'all of them');
        const states = written.map(({success = []}) => {
          const last = success.at(-1);
          const text = last?.type === 'put' ? Buffer.from(last.value ?? []).toString() : '';
          return (JSON.parse(text) as {partial: boolean}).partial;
        });
        assert.deepEqual(states, [true, false, true, false]);
        const largest = 'x'.repeat(1_572_200);
        await kv.store(key('source/r'), largest);
        assert.equal((await nextStep(mirror, 'a key that leaves no room for the checkpoint')).keys, 1);
        assert.equal(await kv.get(key('target/r')), largest);
        assert.equal((await kv.get(key('checkpoint')))?.includes('"partial":false'), true);
        await mirror.return(undefined);
      },
    },
    {
      name: 'is resumed wherever it was aborted, and then nothing is missing',
      async run(context) {
        const {kv, key} = context;
        await storeMany(kv, key('source/'), 5);
        let n = 0;
        const change = async () => {
          n += 1;
          await kv.txn({
            success: [
              {type: 'put', key: key(`source/${String(n)}`), value: String(n)},
              {type: 'deleteRange', key: key(`source/${String(n - 3)}`)},
            ],
          });
        };
        await abortEverywhere(
          context,
          async (client, signal) => {
            const target = await revisionOf(kv);
            const mirror = mirrorOf({source: client, target: client}, context, {signal});
            await stepsUntil(mirror, target);
            await mirror.return(undefined);
          },
          async () => {
            await change();
            const mirror = mirrorOf({source: kv, target: kv}, context);
            await stepsUntil(mirror, await revisionOf(kv));
            await mirror.return(undefined);
            await assertMirrored(kv, context, `after ${String(n)} changes`);
            await change();
          },
        );
      },
    },
    {
      name: 'rides out lost answers and a store that is away, and writes nothing twice',
      async run(context) {
        const {kv, open, key} = context;
        const mark = async () => {
          await kv.store(key('source/mark'), '1');
          return revisionOf(kv);
        };
        for (const fate of ['reply lost', 'request lost', 'delayed'] as const) {
          const connection = unreliable(await open());
          await using target = createKvi(connection.driver);
          const mirror = mirrorOf({source: kv, target}, context);
          await stepsUntil(mirror, await mark());
          connection.willBe(fate);
          await kv.store(key(`source/${fate}`), '1');
          await nextStep(mirror, fate);
          await connection.arrive();
          assert.equal((await kv.getKeyValue(key(`target/${fate}`)))?.version, 1, fate);
          await mirror.return(undefined);
        }
        const own = await open();
        let away = 0;
        const failing: Driver = {
          ...own,
          async txn(...args) {
            away -= 1;
            if (away >= 0) throw new KviError('KVI_UNAVAILABLE', 'made to fail');
            return own.txn(...args);
          },
        };
        await using target = createKvi(failing);
        const mirror = mirrorOf({source: kv, target}, context);
        await stepsUntil(mirror, await mark());
        away = 5;
        await kv.store(key('source/z'), '1');
        await nextStep(mirror, 'the store is back');
        await assertMirrored(kv, context, 'all of it');
        await mirror.return(undefined);
      },
    },
    {
      name: 'is one at a time for each checkpoint',
      async run(context) {
        const {kv, key} = context;
        const one = mirrorOf({source: kv, target: kv}, context);
        await nextStep(one, 'one copies');
        const two = mirrorOf({source: kv, target: kv}, context);
        await kv.store(key('source/a'), '1');
        await stepsUntil(two, await revisionOf(kv));
        const error = await assertFails('KVI_CONFLICT', () => one.next(), 'the other one has gone on');
        assert.match(error.message, /another mirror/);
        await assertMirrored(kv, context, 'by one of them');
        await two.return(undefined);
      },
    },
    {
      name: 'does not go on from the checkpoint of another, nor from what is none',
      async run(context) {
        const {kv, key} = context;
        const mirror = mirrorOf({source: kv, target: kv}, context);
        await nextStep(mirror, 'it copies');
        await mirror.return(undefined);
        for (const options of [{leased: true}, {into: key('elsewhere/')}]) {
          const error = await assertFails(
            'KVI_INVALID_ARGUMENT',
            () => mirrorOf({source: kv, target: kv}, context, options).next(),
            'it is of another mirror',
          );
          assert.match(error.message, /of another mirror/);
        }
        for (const text of [
          '',
          'x',
          'null',
          '{}',
          '{"version":1,"mirror":{},"cluster":"1","revision":"2","partial":false}',
        ]) {
          await kv.store(key('checkpoint'), text);
          const error = await assertFails(
            'KVI_INVALID_ARGUMENT',
            () => mirrorOf({source: kv, target: kv}, context).next(),
            `it is none: ${text}`,
          );
          assert.match(error.message, /holds no checkpoint/);
        }
        assert.deepEqual(await folder(kv, context, 'target/'), []);
      },
    },
    {
      name: 'does not overwrite its checkpoint, which may be among the keys that it writes',
      async run(context) {
        const {kv, key} = context;
        await kv.store(key('source/a'), '1');
        const mirror = mirrorOf({source: kv, target: kv}, context, {checkpoint: key('target/.mirror')});
        await nextStep(mirror, 'it copies');
        await kv.store(key('source/b'), '1');
        await nextStep(mirror, 'it follows');
        assert.deepEqual(
          (await keysOf(kv, context)).filter((name) => name.startsWith('target/')),
          ['target/.mirror', 'target/a', 'target/b'],
        );
        await kv.store(key('source/.mirror'), 'x');
        const error = await assertFails(
          'KVI_INVALID_ARGUMENT',
          () => mirror.next(),
          'it would be overwritten',
        );
        assert.match(error.message, /would become the checkpoint/);
      },
    },
    {
      name: 'goes from one namespace into another, whose keys have the same names',
      async run(context) {
        const {kv, key} = context;
        const [source, target] = [namespace(kv, key('source/')), namespace(kv, key('target/'))];
        await source.store('a', '1');
        const mirror = mirrorKeys(source, target, {prefix: ''}, {checkpoint: 'checkpoint'});
        await nextStep(mirror, 'it copies');
        await source.store('b', '2');
        await nextStep(mirror, 'it follows');
        await mirror.return(undefined);
        await target.delete('checkpoint');
        await assertMirrored(kv, context, 'the whole namespace');
      },
    },
    {
      name: 'ends when it is told to, also while nothing happens',
      async run(context) {
        const {kv, openKvi} = context;
        const controller = new AbortController();
        const mirror = mirrorOf({source: kv, target: kv}, context, {signal: controller.signal});
        await nextStep(mirror, 'it copies');
        const waiting = assertFails('KVI_ABORTED', () => mirror.next(), 'it waits for a change');
        controller.abort();
        await waiting;
        const client = await openKvi();
        const other = mirrorOf({source: kv, target: client}, context);
        await client.close();
        const error = await soon(
          other.next().catch((thrown: unknown) => thrown),
          'the target is closed',
        );
        assert.ok(isKviError(error, 'KVI_CLOSED'), String(error));
      },
    },
    {
      name: 'refuses bad input before anything is sent',
      async run(context) {
        const {kv, key} = context;
        const checkpoint = key('checkpoint');
        const prefix = key('source/');
        const into = key('target/');
        await assertRefused(
          context,
          {
            'no source': () => mirrorKeys(wrong(1), kv, {prefix}, {into, checkpoint}),
            'no target': () => mirrorKeys(kv, wrong(1), {prefix}, {into, checkpoint}),
            'no prefix': () => mirrorKeys(kv, kv, wrong(prefix), {into, checkpoint}),
            'a prefix that is none': () => mirrorKeys(kv, kv, {prefix: wrong(1)}, {into, checkpoint}),
            'no options': () => mirrorKeys(kv, kv, {prefix}, wrong(undefined)),
            'no checkpoint': () => mirrorKeys(kv, kv, {prefix}, wrong({into})),
            'an empty checkpoint': () => mirrorKeys(kv, kv, {prefix}, {into, checkpoint: ''}),
            'an unknown option': () => mirrorKeys(kv, kv, {prefix}, wrong({into, checkpoint, lease: true})),
            'leased that is neither': () =>
              mirrorKeys(kv, kv, {prefix}, {into, checkpoint, leased: wrong(1)}),
            'into itself': () => mirrorKeys(kv, kv, {prefix}, {checkpoint}).next(),
            'into a part of itself': () =>
              mirrorKeys(kv, kv, {prefix}, {into: `${prefix}copy/`, checkpoint}).next(),
            'a part of it into itself': () =>
              mirrorKeys(kv, kv, {prefix: `${into}a/`}, {into, checkpoint}).next(),
            'a checkpoint in the source': () =>
              mirrorKeys(kv, kv, {prefix}, {into, checkpoint: `${prefix}c`}).next(),
          },
          'it is refused',
          {
            'no checkpoint': /checkpoint/,
            'into itself': /same store/,
            'no prefix': /^keys must be \{prefix\}/,
          },
        );
      },
    },
  ],
};
