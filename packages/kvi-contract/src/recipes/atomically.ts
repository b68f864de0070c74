import assert from 'node:assert/strict';
import {createKvi, isKviError} from 'kvi-core';
import {atomically, type UnitOfWork} from 'kvi-core/recipes';
import type {ContractGroup} from '../suite.ts';
import {assertFails, contents, grantLease, leaseOf, storeAll} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import {assertEnded, observed} from './atomically-helpers.ts';

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
      name: 't is refused once its function has ended, and a read that was not awaited is ignored',
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
            'store of a number': () => atomically(kv, (t) => t.store(wrong(5), 'v')),
          },
          'a unit refuses it',
          {
            'no function': /^work must/,
            'maxAttempts of 0': /^maxAttempts must/,
            'get of a number': /^key must/,
            'store of a number': /^key must/,
            'store without a value': /^value must/,
            'a deletion of a prefix': /^key must/,
          },
        );
        const aborted = atomically(kv, nothing, {signal: AbortSignal.abort('no')});
        await assertFails('KVI_ABORTED', () => aborted, 'a signal that has aborted');
      },
    },
  ],
};

function codeOf(error: unknown): string {
  return isKviError(error) ? error.code : String(error);
}
