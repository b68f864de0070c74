import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {contents} from './helpers.ts';

/** `tas`. */
export const tas: ContractGroup = {
  name: 'tas',
  cases: [
    {
      name: 'it sets a key that has the tested value, and leaves one that does not',
      async run({kv, key, prefix}) {
        await kv.store(key('k'), 'a');
        assert.equal(await kv.tas(key('k'), 'a', 'b'), true, 'the test holds');
        assert.equal(await kv.tas(key('k'), 'a', 'c'), false, 'the test does not hold any more');
        assert.equal(await kv.tas(key('k'), '', 'c'), false, 'a value is not empty');
        assert.deepEqual(await contents(kv, {prefix}), ['k=b'], 'only the test that held has set the key');
      },
    },
    {
      name: 'on an absent key it is false for any tested value, and writes nothing',
      async run({kv, key, prefix}) {
        assert.equal(await kv.tas(key('k'), 'a', 'b'), false, 'an absent key holds no value');
        assert.equal(await kv.tas(key('k'), '', 'b'), false, 'an absent key is not empty');
        assert.deepEqual(await contents(kv, {prefix}), [], 'a test that failed wrote nothing');
      },
    },
    {
      name: 'with null it creates a key, and leaves one that exists',
      async run({kv, key, prefix}) {
        assert.equal(await kv.tas(key('k'), null, 'a'), true, 'the key did not exist');
        assert.equal(await kv.tas(key('k'), null, 'b'), false, 'the key exists');
        await kv.store(key('e'), '');
        assert.equal(await kv.tas(key('e'), null, 'b'), false, 'an empty key exists');
        await kv.delete(key('k'));
        assert.equal(await kv.tas(key('k'), null, 'c'), true, 'a deleted key does not exist');
        assert.deepEqual(await contents(kv, {prefix}), ['e=', 'k=c'], 'only an absent key is created');
      },
    },
    {
      name: 'an empty value can be tested for, and set',
      async run({kv, key}) {
        await kv.store(key('k'), '');
        assert.equal(await kv.tas(key('k'), '', 'a'), true, 'an empty value is equal to ""');
        assert.equal(await kv.tas(key('k'), 'a', ''), true, 'an empty value can be set');
        assert.equal(await kv.get(key('k')), '', 'and is set');
      },
    },
    {
      name: 'values are compared as bytes',
      async run({kv, key}) {
        await kv.store(key('k'), Buffer.from([0xff]));
        assert.equal(await kv.tas(key('k'), '\ufffd', 'x'), false, 'a byte that is not text is not U+FFFD');
        assert.equal(await kv.tas(key('k'), Buffer.from([0xff]), 'é'), true, 'the same bytes are equal');
        assert.equal(await kv.tas(key('k'), 'e\u0301', 'x'), false, 'nothing is normalized');
      },
    },
    {
      name: 'if many handles create a key at the same time, one succeeds',
      async run({kv, openKvi, key}) {
        const handles = [kv, await openKvi(), await openKvi()];
        const won = await Promise.all(
          Array.from({length: 30}, async (_, i) => handles[i % 3]?.tas(key('k'), null, String(i))),
        );
        assert.equal(won.filter((one) => one === true).length, 1, 'exactly one of them creates the key');
        assert.equal(await kv.get(key('k')), String(won.indexOf(true)), 'and its value is there');
      },
    },
    {
      name: 'a counter incremented by many handles loses no increment',
      async run({kv, openKvi, key}) {
        await kv.store(key('k'), '0');
        async function raise(handle: typeof kv) {
          for (;;) {
            const value = (await handle.get(key('k'))) ?? '';
            if (await handle.tas(key('k'), value, String(Number(value) + 1))) return;
          }
        }
        const handles = [kv, await openKvi(), await openKvi(), await openKvi()];
        await Promise.all(
          handles.map(async (handle) => {
            for (let i = 0; i < 10; i += 1) await raise(handle);
          }),
        );
        assert.equal(await kv.get(key('k')), '40', 'each tas that said true was counted');
      },
    },
  ],
};
