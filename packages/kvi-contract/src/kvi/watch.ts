import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {breakableClient} from './connection.ts';
import {assertFails, soon} from './helpers.ts';

/** `watch`. */
export const watch: ContractGroup = {
  name: 'watch',
  cases: [
    {
      name: 'it resolves with the first change after the call, a put with its value and history',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        await kv.store(key('k'), 'before');
        const watched = kv.watch(key('k'));
        await kv.get(key('k'));
        await kv.store(key('k'), 'first');
        await other.store(key('k'), 'second');
        const change = await soon(watched, 'a put is a change');
        const [past] = await kv.getRange(key('k'), undefined, {revision: change.modRevision});
        assert.deepEqual(change, {type: 'put', ...past}, 'a put is told as the key-value that it made');
        assert.equal(
          change.value,
          'first',
          'the first change is told, not the last, nor one before the call',
        );
      },
    },
    {
      name: 'a deletion is a change, without a value',
      async run({kv, key}) {
        await kv.store(key('k'), 'v');
        const watched = kv.watch(key('k'));
        await kv.delete(key('k'));
        const {revision} = await kv.range(key('k'));
        assert.deepEqual(
          await soon(watched, 'a deletion is a change'),
          {type: 'delete', key: key('k'), value: undefined, modRevision: revision},
          'a deletion has a revision and no value',
        );
      },
    },
    {
      name: 'the same value again is a change, and so is the end of a lease',
      async run({kv, driver, key}) {
        const {id: lease} = await driver.leaseGrant({ttlSeconds: 60});
        await kv.store(key('k'), 'v', {lease});
        const watched = kv.watch(key('k'));
        await kv.store(key('k'), 'v', {lease});
        assert.equal(
          (await soon(watched, 'the same value again is a change')).type,
          'put',
          'every put is a change',
        );
        const ended = kv.watch(key('k'));
        // A call of the driver does not wait for the watch, and neither does the expiry of a lease.
        await kv.store(key('other'), 'v');
        await driver.leaseRevoke(lease);
        assert.equal(
          (await soon(ended, 'a key that goes with its lease changes')).type,
          'delete',
          'a deletion is told',
        );
      },
    },
    {
      name: 'a change that the handle makes right after the call is never missed, though the call was not awaited',
      async run({kv, key}) {
        for (let i = 0; i < 200; i += 1) {
          const watched = kv.watch(key('k'));
          const stored = kv.store(key('k'), String(i));
          const {value} = await soon(watched, 'a write after watch() is never missed');
          assert.equal(value, String(i), 'the first change after the call is told');
          await stored;
        }
      },
    },
    {
      name: 'this holds however long the watch takes to be created: the write waits',
      async run({kv, open, key}) {
        const {client, connection} = await breakableClient({open});
        connection.disconnect();
        const watched = client.watch(key('k'));
        const stored = client.store(key('k'), 'v');
        await kv.store(key('other'), 'v');
        assert.equal(await kv.get(key('k')), undefined, 'a write waits for the watches before it');
        connection.reconnect();
        const {value} = await soon(watched, 'a write after watch() is never missed');
        assert.equal(value, 'v', 'the change is told');
        await stored;
      },
    },
    {
      name: 'this holds for every kind of write, and for many watches at once',
      async run({kv, key}) {
        const writes = [
          () => kv.delete(key('k')),
          () => kv.tas(key('k'), null, '1'),
          () => kv.transaction(key('k'), '=', '1', key('k'), '2', key('k'), '3'),
          () => kv.txn({success: [{type: 'put', key: key('k'), value: '4'}]}),
          () => kv.bytes.store(key('k'), '5'),
          () => kv.delete({prefix: key('k')}),
          () => kv.tempKey(key('k')),
        ];
        await kv.store(key('k'), '0');
        for (const write of writes) {
          const watched = Array.from({length: 5}, (_, i) => (i % 2 === 0 ? kv : kv.bytes).watch(key('k')));
          const written = write();
          const changes = await soon(Promise.all(watched), 'a write after watch() is never missed');
          assert.equal(
            new Set(changes.map(({modRevision}) => modRevision)).size,
            1,
            'all watches see the same change',
          );
          await written;
        }
      },
    },
    {
      name: 'changes of other keys do not end it',
      async run({kv, key}) {
        const watched = kv.watch(key('k'));
        for (const name of ['k\0', 'k1', 'j', '']) await kv.store(key(name), 'other');
        await kv.store(key('k'), 'v');
        assert.equal((await soon(watched, 'a put is a change')).key, key('k'), 'one key alone is watched');
      },
    },
    {
      name: 'a watch that gave up does not block the handle',
      async run({kv, key}) {
        const controller = new AbortController();
        const watched = kv.watch(key('k'), {signal: controller.signal});
        controller.abort();
        await assertFails('KVI_ABORTED', () => watched, 'the signal ends the wait');
        await soon(kv.store(key('k'), 'v'), 'a write does not wait for a watch that has ended');
        assert.equal(await kv.get(key('k')), 'v', 'the handle works on');
      },
    },
  ],
};
