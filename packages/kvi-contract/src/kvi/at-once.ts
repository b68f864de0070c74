import assert from 'node:assert/strict';
import type {Kvi} from 'kvi-core';
import type {ContractGroup} from '../suite.ts';
import {assertFails, keysOf, soon} from './helpers.ts';

const callers = 100;

/** Calls on keys that nobody else uses, one after the other. */
async function useAlone(kv: Kvi, own: string, n: number): Promise<void> {
  const value = `value ${String(n)} `.repeat(n % 7);
  await kv.store(`${own}/a`, value);
  assert.equal(await kv.get(`${own}/a`), value, 'a read returns the value of its own key');
  assert.equal(await kv.get(`${own}/absent`), undefined, 'an absent key is absent');
  assert.equal(await kv.tas(`${own}/a`, value, 'taken'), true, 'the value is as it was stored');
  assert.equal(await kv.tas(`${own}/a`, value, 'again'), false, 'the value was replaced');
  assert.equal(await kv.transaction(`${own}/a`, '=', 'taken', `${own}/b`, 'then', `${own}/c`, 'else'), true);
  const found = (await kv.getRange({prefix: `${own}/`})).map((entry) => `${entry.key}=${entry.value}`);
  assert.deepEqual(found, [`${own}/a=taken`, `${own}/b=then`], 'a range returns its own keys, and no others');
  await assertFails(
    'KVI_LEASE_NOT_FOUND',
    () => kv.store(`${own}/d`, 'v', {lease: 'abc'}),
    'an error is told to the caller whose it is',
  );
  assert.equal(await kv.delete(`${own}/b`), true, 'the key existed');
  assert.equal(await kv.delete(`${own}/b`), false, 'the key is gone');
}

/** What the calls of many callers, on one handle, do to each other: nothing. */
export const callsAtOnce: ContractGroup = {
  name: 'calls at once',
  cases: [
    {
      name: 'many callers of one handle get their own answers, and their own errors',
      async run({kv, key, prefix}) {
        await Promise.all(Array.from({length: callers}, (_, n) => useAlone(kv, key(String(n)), n)));
        assert.equal((await keysOf(kv, {prefix})).length, callers, 'each caller has left one key');
      },
    },
    {
      name: 'a key that many callers of one handle set at once is set by one of them, and counted by all',
      async run({kv, key}) {
        const taken = await Promise.all(
          Array.from({length: callers}, (_, n) => kv.tas(key('one'), null, String(n))),
        );
        assert.equal(taken.filter(Boolean).length, 1, 'one of them has created the key');
        assert.equal(await kv.get(key('one')), String(taken.indexOf(true)), 'it holds the value of that one');
        await Promise.all(Array.from({length: callers}, (_, n) => kv.store(key('many'), String(n))));
        assert.equal((await kv.getKeyValue(key('many')))?.version, callers, 'each write is one');
      },
    },
    {
      name: 'handles that take and give back one lock again and again take turns, and none waits for ever',
      async run({kv, openKvi, key, prefix}) {
        const handles = [kv, await openKvi(), await openKvi()];
        let turns = 0;
        await Promise.all(
          handles.map(async (handle) => {
            for (let n = 0; n < 20; n += 1) {
              const lock = await soon(handle.distLock(key('turns')), 'its turn comes');
              turns += 1;
              await lock.release();
            }
          }),
        );
        assert.equal(turns, 60);
        assert.deepEqual(await keysOf(kv, {prefix}), []);
      },
    },
    {
      name: 'locks that one handle takes at once have tokens that differ, and hold each for itself',
      async run({kv, key, prefix}) {
        const locks = await Promise.all(
          Array.from({length: callers}, (_, n) => kv.distLock(key(`lock ${String(n)}`))),
        );
        assert.equal(
          new Set(locks.map(({token}) => token)).size,
          callers,
          'no two have a revision in common',
        );
        await Promise.all(locks.map((lock) => lock.release()));
        let holders = 0;
        await Promise.all(
          Array.from({length: callers}, async () => {
            const lock = await kv.distLock(key('same'));
            holders += 1;
            assert.equal(holders, 1, 'one holds it at a time');
            await kv.store(key('done'), 'v');
            holders -= 1;
            await lock.release();
          }),
        );
        assert.deepEqual(await keysOf(kv, {prefix}), ['done'], 'nothing is left of the locks');
      },
    },
  ],
};
