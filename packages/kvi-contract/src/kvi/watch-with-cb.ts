import assert from 'node:assert/strict';
import type {WatchHandle} from 'kvi-core';
import type {ContractGroup} from '../suite.ts';
import {endsWithDeletion, notes, startWatch} from './callbacks.ts';
import {soon} from './helpers.ts';

/** `watchWithCB` and `watchCBCancel`. */
export const watchWithCB: ContractGroup = {
  name: 'watchWithCB',
  cases: [
    {
      name: 'once it has resolved, the callback is called for each put, in order, until the key is deleted',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        const {calls, callback} = notes();
        const handle = await startWatch(kv, key('k'), 'put', callback);
        const values = Array.from({length: 50}, (_, i) => String(i));
        for (const value of values) await other.store(key('k'), value);
        await other.delete(key('k'));
        await soon(handle.ended, endsWithDeletion);
        assert.deepEqual(
          calls,
          values.map((value) => `put ${value}`),
          'every put is told once, in order',
        );
        assert.deepEqual(handle.errors, [], 'a deletion is no error');
      },
    },
    {
      name: 'with delete, puts are not reported; the deletion is, and ends the watch',
      async run({kv, key}) {
        const {calls, callback} = notes();
        const handle = await startWatch(kv, key('k'), 'delete', callback);
        await kv.store(key('k'), '1');
        await kv.store(key('k'), '2');
        await kv.delete(key('k'));
        await kv.store(key('k'), '3');
        await soon(handle.ended, endsWithDeletion);
        await kv.delete(key('k'));
        await kv.get(key('k'));
        assert.deepEqual(calls, ['delete'], 'one kind of change is told, until the first deletion');
      },
    },
    {
      name: 'each put is reported: the same value again, a burst, and many puts at once',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        const {calls, callback} = notes();
        const handle = await startWatch(kv, key('k'), 'put', callback);
        for (let i = 0; i < 5; i += 1) await other.store(key('k'), 'same');
        await Promise.all(Array.from({length: 100}, (_, i) => other.store(key('k'), String(i))));
        await other.delete(key('k'));
        await soon(handle.ended, endsWithDeletion);
        assert.equal(calls.length, 105, 'every put is an event');
        assert.equal(new Set(calls).size, 101, 'each put is told with its own value');
      },
    },
    {
      name: 'the callback gets the key, the value, the kind and the user data',
      async run({kv, key}) {
        const userData = {name: 'mine'};
        const calls: unknown[][] = [];
        await kv.store(key('k'), 'before');
        const put = await kv.watchWithCB(key('k'), 'put', (...args) => calls.push(args), userData);
        const deleted = await kv.watchWithCB(key('k'), 'delete', (...args) => calls.push(args), userData);
        await kv.store(key('k'), 'v');
        await kv.delete(key('k'));
        await soon(Promise.all([put.ended, deleted.ended]), endsWithDeletion);
        assert.deepEqual(
          calls,
          [
            [key('k'), 'v', 'put', userData],
            [key('k'), undefined, 'delete', userData],
          ],
          'the callback is told what happened',
        );
        assert.equal(calls[0]?.[3], userData, 'the user data is handed on as it is');
      },
    },
    {
      name: 'the callbacks of a watch run one at a time, each after the promise of the previous one',
      async run({kv, key}) {
        let running = 0;
        let most = 0;
        const seen: string[] = [];
        const handle = await startWatch(kv, key('k'), 'put', async (_key, value) => {
          running += 1;
          most = Math.max(most, running);
          await kv.get(key('k'));
          seen.push(String(value));
          running -= 1;
        });
        for (let i = 0; i < 10; i += 1) await kv.store(key('k'), String(i));
        await kv.delete(key('k'));
        await soon(handle.ended, endsWithDeletion);
        assert.equal(most, 1, 'one call at a time');
        assert.deepEqual(
          seen,
          Array.from({length: 10}, (_, i) => String(i)),
          'in order',
        );
      },
    },
    {
      name: 'the callback is called only after watchWithCB has resolved, so that it may use the handle',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        for (let i = 0; i < 20; i += 1) {
          const seen: WatchHandle[] = [];
          const errors: unknown[] = [];
          const starting = kv.watchWithCB(
            key('k'),
            'put',
            () => {
              seen.push(handle);
              return false;
            },
            undefined,
            {onError: (error) => errors.push(error)},
          );
          const storing = [other.store(key('k'), '1'), kv.store(key('k'), '2')];
          const handle = await starting;
          await soon(handle.ended, 'the put of the same handle is told');
          assert.deepEqual(
            [seen, errors],
            [[handle], []],
            'the caller has its handle before the callback is called',
          );
          await Promise.all(storing);
        }
      },
    },
  ],
};
