import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {isKviError} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {breakableClient, missed} from './connection.ts';
import {
  abortOf,
  assertFails,
  changesFrom,
  describeChanges,
  eventually,
  keysOf,
  leaseOf,
  shortTtlSeconds,
  takeChanges,
  untilLeaseExpired,
} from './helpers.ts';

/** `tempKey`. */
export const tempKey: ContractGroup = {
  name: 'tempKey',
  cases: [
    {
      name: 'the key exists, with its value and under a lease, once tempKey has resolved, and is gone once it is closed',
      async run({kv, openKvi, driver, key, prefix}) {
        const own = await openKvi();
        const temp = await own.tempKey(key('k'), {value: 'v', ttlSeconds: 5});
        assert.equal(await kv.get(key('k')), 'v', 'the key holds its value');
        const lease = (await leaseOf(kv, key('k'))) ?? '0';
        const {grantedTtlSeconds, keys} = await driver.leaseTimeToLive({id: lease, keys: true});
        assert.ok(
          grantedTtlSeconds >= 5,
          'the lease has the TTL that was asked for, or what the backend grants',
        );
        assert.deepEqual(keys.map(String).length, 1, 'the key has a lease of its own');
        await temp.close();
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'the key is gone at once');
        assert.equal(temp.signal.aborted, true, 'the signal says that the key is not kept any more');
        assert.ok(isKviError(temp.signal.reason, 'KVI_CLOSED'), 'and that it was not lost');
        await temp.close();
        await own.close();
        await assertFails(
          'KVI_LEASE_NOT_FOUND',
          () => driver.leaseTimeToLive({id: lease}),
          'its lease ends with the handle',
        );
      },
    },
    {
      name: 'without a value it is empty, and it may hold bytes',
      async run({kv, key}) {
        await using _empty = await kv.tempKey(key('e'));
        assert.equal(await kv.get(key('e')), '', 'the value is empty by default');
        await using _bytes = await kv.bytes.tempKey(Buffer.from(key('b')), {value: Buffer.from([0xff])});
        assert.deepEqual(
          Buffer.from((await kv.bytes.get(key('b'))) ?? []),
          Buffer.from([0xff]),
          'bytes are kept',
        );
      },
    },
    {
      name: 'it is kept beyond its TTL, without a gap',
      async run({kv, driver, key}) {
        await using changes = await changesFrom(kv, key('k'));
        await using temp = await kv.tempKey(key('k'), {value: 'v', ttlSeconds: shortTtlSeconds});
        await untilLeaseExpired(driver, key('other'));
        assert.equal(await kv.get(key('k')), 'v', 'the key outlives its TTL');
        assert.equal(temp.signal.aborted, false, 'and is still kept');
        await temp.close();
        const seen = describeChanges(await takeChanges(changes, 2, 'a temporary key is a key'), '');
        assert.deepEqual(
          seen,
          [`put ${key('k')}=v`, `delete ${key('k')}`],
          'it was put once, and deleted once',
        );
      },
    },
    {
      name: 'it is deleted within its TTL if nobody keeps it alive any more',
      async run({kv, open, key}) {
        const driver = await open();
        await using crashing = createKvi(driver);
        await crashing.tempKey(key('k'), {ttlSeconds: 1});
        await using changes = await changesFrom(kv, key('k'));
        // As after a crash: without telling the backend.
        await driver.close();
        const [gone] = await takeChanges(changes, 1, 'a temporary key ends with its process');
        assert.equal(gone?.type, 'delete', 'the key is deleted when its lease expires');
      },
    },
    {
      name: 'it is put back under a new lease when its lease is lost',
      async run({kv, driver, key}) {
        await using temp = await kv.tempKey(key('k'), {value: 'v', ttlSeconds: 60});
        const lease = (await leaseOf(kv, key('k'))) ?? '0';
        for (let lost = lease, round = 0; round < 2; round += 1) {
          await using changes = await changesFrom(kv, key('k'));
          await driver.leaseRevoke(lost);
          const [gone, back] = await takeChanges(changes, 2, 'a temporary key is put back');
          assert.deepEqual(
            [gone?.type, back?.type, back?.value],
            ['delete', 'put', 'v'],
            'the key is back with its value',
          );
          const found = (await leaseOf(kv, key('k'))) ?? '0';
          assert.ok(found !== lost && found !== '0', 'it lives under a new lease');
          lost = found;
        }
        assert.equal(temp.signal.aborted, false, 'it is still kept');
        await temp.close();
        assert.equal(await kv.get(key('k')), undefined, 'closing deletes it wherever it lives');
      },
    },
    {
      name: 'it is kept through a compaction while the connection is cut, and its deletion is still seen',
      async run({kv, driver, open, key}) {
        const {client, connection} = await breakableClient({open});
        await using _client = client;
        await using temp = await client.tempKey(key('k'), {value: 'v'});
        await eventually(() => Promise.resolve(connection.watches() === 1), 'the key is watched');
        await missed({kv, driver, key}, connection, () => Promise.resolve());
        await eventually(
          () => Promise.resolve(temp.signal.aborted || connection.watches() > 1),
          'the keeper looks again',
        );
        assert.equal(temp.signal.aborted, false, 'the key is still there');
        await kv.delete(key('k'));
        await abortOf(temp.signal, 'the signal says that the key was deleted');
      },
    },
    {
      name: 'deleting the key ends it, and it stays deleted',
      async run({kv, openKvi, key, prefix}) {
        const other = await openKvi();
        for (const deleter of [kv, other]) {
          const temp = await kv.tempKey(key('k'));
          await deleter.delete(key('k'));
          await abortOf(temp.signal, 'the signal says that the key was deleted');
          assert.ok(isKviError(temp.signal.reason, 'KVI_KEY_LOST'), 'the reason says that it was taken away');
          await temp.close();
          assert.deepEqual(await keysOf(kv, {prefix}), [], 'a deleted key is not put back');
        }
      },
    },
    {
      name: 'overwriting the key ends it, and the new value stays',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        const temp = await kv.tempKey(key('k'), {value: 'old'});
        await other.store(key('k'), 'new');
        await abortOf(temp.signal, 'the signal says that the key was overwritten');
        assert.ok(isKviError(temp.signal.reason, 'KVI_KEY_LOST'), 'the reason says that it was taken away');
        await temp.close();
        assert.equal(await kv.get(key('k')), 'new', 'what another stored is not deleted');
        assert.equal(await leaseOf(kv, key('k')), '0', 'and lives under no lease');
      },
    },
    {
      name: 'an existing key is taken over, and can be created again after it ended',
      async run({kv, key}) {
        await kv.store(key('k'), 'before');
        const first = await kv.tempKey(key('k'), {value: 'temp'});
        assert.equal(await kv.get(key('k')), 'temp', 'the value is that of the temporary key');
        await first.close();
        assert.equal(await kv.get(key('k')), undefined, 'it goes as any temporary key');
        await kv.tempKey(key('k'), {value: 'again'});
        assert.equal(await kv.get(key('k')), 'again', 'a closed key can be made again');
        await kv.delete(key('k'));
        await eventually(async () => {
          const third = await kv.tempKey(key('k'), {value: 'third'});
          return !third.signal.aborted && (await kv.get(key('k'))) === 'third';
        }, 'a deleted key can be made again');
      },
    },
    {
      name: 'ten calls for one key share one temporary key, which ends when the last one is closed',
      async run({open, driver, key}) {
        let grants = 0;
        const own = await open();
        await using counted = createKvi({
          ...own,
          leaseGrant: (...args) => {
            grants += 1;
            return own.leaseGrant(...args);
          },
        });
        const calls = Array.from({length: 9}, (_, i) => counted.tempKey(key('k'), {value: String(i)}));
        const temps = await Promise.all(calls);
        temps.push(await counted.bytes.tempKey(Buffer.from(key('k')), {value: 'x'}));
        assert.equal(grants, 1, 'ten calls take one lease');
        assert.equal(await counted.get(key('k')), '0', 'the value is that of the first call');
        const lease = (await leaseOf(counted, key('k'))) ?? '0';
        for (const temp of temps.slice(1)) {
          await temp.close();
          await temp.close();
        }
        assert.equal(await counted.get(key('k')), '0', 'while one call keeps it, it is kept');
        assert.equal(temps[0]?.signal.aborted, false, 'and its signal says so');
        assert.ok(isKviError(temps[1]?.signal.reason, 'KVI_CLOSED'), 'who closed it is done with it');
        await temps[0]?.close();
        assert.equal(await counted.get(key('k')), undefined, 'the last one takes it away');
        await counted.close();
        await assertFails('KVI_LEASE_NOT_FOUND', () => driver.leaseTimeToLive({id: lease}), 'and its lease');
      },
    },
    {
      name: 'a key that was just deleted is created again when it is requested again',
      async run({kv, key}) {
        for (let i = 0; i < 20; i += 1) {
          const first = await kv.tempKey(key('k'));
          await kv.delete(key('k'));
          await using again = await kv.tempKey(key('k'), {value: String(i)});
          assert.equal(await kv.get(key('k')), String(i), 'tempKey resolves when the key is there');
          await first.close();
          assert.equal(
            await kv.get(key('k')),
            String(i),
            'closing the one that was deleted takes nothing away',
          );
          assert.equal(again.signal.aborted, false, 'the second one is kept');
        }
      },
    },
    {
      name: 'of two handles the later one has the key, and the other one reports the loss',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        const first = await kv.tempKey(key('k'), {value: '1'});
        const second = await other.tempKey(key('k'), {value: '2'});
        await abortOf(first.signal, 'the key was overwritten by another handle');
        await first.close();
        assert.equal(await kv.get(key('k')), '2', 'closing the first does not touch the key of the second');
        assert.equal(second.signal.aborted, false, 'the second keeps it');
      },
    },
    {
      name: 'a key ends at the end of its block',
      async run({kv, key}) {
        {
          await using _temp = await kv.tempKey(key('k'));
          assert.equal(await kv.get(key('k')), '', 'the key is there in its block');
        }
        assert.equal(await kv.get(key('k')), undefined, 'and gone after it');
      },
    },
  ],
};
