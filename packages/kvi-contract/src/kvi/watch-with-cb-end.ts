import assert from 'node:assert/strict';
import {createKvi, type WatchHandle} from 'kvi-core';
import {eventBuffer} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {type Callback, endsWithDeletion, notes, startWatch} from './callbacks.ts';
import {assertFails, eventually, soon} from './helpers.ts';

/** The end of `watchWithCB`, and `watchCBCancel`. */
export const watchWithCBEnd: ContractGroup = {
  name: 'the end of watchWithCB',
  cases: [
    {
      name: 'it ends if the callback returns false or a promise of false, and for no other result',
      async run({kv, key}) {
        for (const enough of [() => false, () => Promise.resolve(false)]) {
          const results = [undefined, null, 0, '', true, Promise.resolve(undefined)];
          let calls = 0;
          const handle = await startWatch(kv, key('k'), 'put', () => {
            calls += 1;
            return calls > results.length ? enough() : results[calls - 1];
          });
          for (let i = 0; i < results.length + 3; i += 1) await kv.store(key('k'), String(i));
          await soon(handle.ended, 'a watch ends when its callback returns false');
          assert.equal(calls, results.length + 1, 'only false ends it, and then at once');
        }
      },
    },
    {
      name: 'once watchCBCancel has resolved the callback is not called again, and cancelling twice is harmless',
      async run({kv, openKvi, key}) {
        const {calls, callback} = notes();
        const handle = await startWatch(kv, key('k'), 'put', callback);
        await kv.store(key('k'), '1');
        await eventually(() => Promise.resolve(calls.length === 1), 'the put is told');
        await kv.watchCBCancel(handle);
        await soon(handle.ended, 'a cancelled watch ends at once, not with the next change');
        await kv.store(key('k'), '2');
        await kv.watchCBCancel(handle);
        await kv.bytes.watchCBCancel(handle);
        await (await openKvi()).watchCBCancel(handle);
        await kv.delete(key('k'));
        await kv.get(key('k'));
        assert.deepEqual(calls, ['put 1'], 'a cancelled watch tells nothing');
        assert.deepEqual(handle.errors, [], 'cancelling is no error');
      },
    },
    {
      name: 'a callback may cancel its own watch, and is not called for changes that have already arrived',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        const seen: unknown[] = [];
        const handle: WatchHandle = await kv.watchWithCB(key('k'), 'put', async (_key, value) => {
          seen.push(value);
          await kv.watchCBCancel(handle);
        });
        const storing = Array.from({length: 20}, (_, i) => other.store(key('k'), String(i)));
        await soon(handle.ended, 'a watch that is cancelled ends');
        await Promise.all(storing);
        assert.equal(seen.length, 1, 'after the cancellation the callback is not called');
      },
    },
    {
      name: 'a watch ends where it should even if many changes arrive in one message',
      async run({kv, open, key}) {
        for (const name of ['cancel', 'false', 'throw']) {
          await kv.store(key('k'), 'v');
          const {kvs} = await kv.bytes.range(key('k'));
          const events = [...kvs, ...kvs, ...kvs].map((kv) => ({type: 'put' as const, kv}));
          const buffer = eventBuffer({onEnd: () => undefined});
          buffer.created(1);
          const client = createKvi({...(await open()), watch: () => buffer.watch});
          let calls = 0;
          const handle = await startWatch(client, key('k'), 'put', async () => {
            calls += 1;
            if (name === 'cancel') await client.watchCBCancel(handle);
            if (name === 'throw') throw new Error('made to fail');
            return name !== 'false';
          });
          buffer.push({revision: events[0]?.kv.modRevision ?? 0, events});
          await soon(handle.ended, `${name} ends the watch`);
          assert.equal(calls, 1, `${name}: the callback is not called for the rest of the message`);
        }
      },
    },
    {
      name: 'a callback that throws ends its own watch, is reported to onError, and affects nothing else',
      async run({kv, key}) {
        const problem = new Error('made to fail');
        const failures: [unknown, Callback][] = [
          [
            problem,
            () => {
              throw problem;
            },
          ],
          [problem, () => Promise.reject(problem)],
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a callback may throw anything
          ['no error object', () => Promise.reject('no error object')],
        ];
        for (const [thrown, callback] of failures) {
          const {calls, callback: noted} = notes();
          const healthy = await startWatch(kv, key('k'), 'put', noted);
          let failed = 0;
          const broken = await startWatch(kv, key('k'), 'put', (...args) => {
            failed += 1;
            return callback(...args);
          });
          await kv.store(key('k'), '1');
          await soon(broken.ended, 'a watch whose callback throws ends');
          await kv.store(key('k'), '2');
          await kv.delete(key('k'));
          await soon(healthy.ended, endsWithDeletion);
          assert.deepEqual(broken.errors, [thrown], 'what was thrown is reported once');
          assert.equal(failed, 1, 'the callback that threw is not called again');
          assert.deepEqual(calls, ['put 1', 'put 2'], 'other watches go on');
          assert.equal(await kv.get(key('k')), undefined, 'and so does the handle');
        }
      },
    },
    {
      name: 'an onError that throws affects nothing else either',
      async run({kv, key}) {
        const handle = await kv.watchWithCB(
          key('k'),
          'put',
          () => {
            throw new Error('made to fail');
          },
          undefined,
          {
            onError: () => {
              throw new Error('made to fail as well');
            },
          },
        );
        await kv.store(key('k'), 'v');
        await soon(handle.ended, 'the watch ends');
        assert.equal(await kv.get(key('k')), 'v', 'the handle works on');
      },
    },
    {
      name: 'a value that is not text ends a text watch, and is reported',
      async run({kv, key}) {
        const {calls, callback} = notes();
        const handle = await startWatch(kv, key('k'), 'put', callback);
        const bytes: unknown[] = [];
        const bytesHandle = await kv.bytes.watchWithCB(key('k'), 'put', (_key, value) => {
          bytes.push(Buffer.from(value ?? []).toString('hex'));
          return false;
        });
        await kv.store(key('k'), Buffer.from([0xff]));
        await soon(Promise.all([handle.ended, bytesHandle.ended]), 'both watches end');
        const [error] = handle.errors;
        await assertFails(
          'KVI_NOT_TEXT',
          () => {
            throw error;
          },
          'bytes are not shown as text',
        );
        assert.deepEqual([calls, bytes], [[], ['ff']], 'a watch through kv.bytes gets them');
      },
    },
  ],
};
