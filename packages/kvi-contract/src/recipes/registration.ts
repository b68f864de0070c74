import assert from 'node:assert/strict';
import {isKviError} from 'kvi-core/driver';
import {discover, register} from 'kvi-core/recipes';
import {
  abortOf,
  assertFails,
  changesFrom,
  describeChanges,
  eventually,
  keysOf,
  leaseOf,
  soon,
  takeChanges,
} from '../kvi/helpers.ts';
import type {ContractGroup} from '../suite.ts';
import {abortEverywhere} from './abort-everywhere.ts';
import {goValues, addrsOf, goValue, nextState, one, untilAddrs} from './discovery-helpers.ts';

/** `register`. */
export const registration: ContractGroup = {
  name: 'a registered instance',
  cases: [
    {
      name: 'a registration is the key and the bytes that the Go client would write, under a lease',
      async run({kv, key}) {
        for (const [metadata, stored] of goValues) {
          await using entry = await register(kv, key('checkout'), {addr: one, metadata});
          assert.equal(entry.key, `${key('checkout')}/${one}`, 'the key is <target>/<addr>');
          assert.equal(entry.addr, one, 'the entry says its address');
          assert.equal(await kv.get(entry.key), stored, 'the value is what Go writes, byte for byte');
          assert.notEqual(await leaseOf(kv, entry.key), '0', 'it ends with a lease');
        }
      },
    },
    {
      name: 'an instance whose key is deleted or overwritten by hand is gone, and its signal says so',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        await using instances = discover(other, key('checkout'));
        const spoil: ((entryKey: string) => Promise<unknown>)[] = [
          (entryKey) => other.delete(entryKey),
          (entryKey) => other.store(entryKey, 'garbage'),
        ];
        for (const spoiling of spoil) {
          const entry = await register(kv, key('checkout'), {addr: one});
          await untilAddrs(instances, [one], 'it is listed');
          await spoiling(entry.key);
          await untilAddrs(instances, [], 'what is not an instance any more is gone');
          await abortOf(entry.signal, 'the registration is told');
          assert.ok(isKviError(entry.signal.reason, 'KVI_KEY_LOST'), 'that it was taken away');
          await entry.close();
        }
        assert.equal(await kv.get(`${key('checkout')}/${one}`), 'garbage', 'closing leaves it to the other');
      },
    },
    {
      name: 'registering an address again replaces it without a gap, on another handle and on the same one, and the loser is told',
      async run({kv, openKvi, key}) {
        for (const winner of [await openKvi(), kv]) {
          const entryKey = `${key('checkout')}/${one}`;
          await using changes = await changesFrom(winner, entryKey);
          await using instances = discover(winner, key('checkout'));
          await untilAddrs(instances, [], 'nobody is there');
          const first = await register(kv, key('checkout'), {addr: one, metadata: 1});
          await untilAddrs(instances, [one], 'the first is listed');
          const second = await register(winner, key('checkout'), {addr: one, metadata: 2});
          await abortOf(first.signal, 'the loser is told');
          assert.ok(isKviError(first.signal.reason, 'KVI_KEY_LOST'), 'that it was replaced');
          await first.close();
          const replaced = await nextState(instances, 'other metadata is a change');
          assert.deepEqual(replaced.get(one)?.metadata, 2, 'the second one is listed');
          assert.equal(second.signal.aborted, false, 'closing the first does not touch the second');
          await second.close();
          assert.deepEqual(
            describeChanges(await takeChanges(changes, 3, 'each write is a change'), '').map(
              (change) => change.split(' ')[0],
            ),
            ['put', 'put', 'delete'],
            'it was listed all the time',
          );
        }
      },
    },
    {
      name: 'of ten registrations of one address at a time one is left, and the others are told',
      async run({kv, key}) {
        await using lease = await kv.lease({ttlSeconds: 60});
        for (const options of [{}, {lease}]) {
          const calls = Array.from({length: 10}, (_, i) =>
            register(kv, key('checkout'), {addr: one, metadata: i, ...options}),
          );
          const results = await soon(Promise.allSettled(calls), 'each call ends');
          const entries = results.flatMap((result) => {
            if (result.status === 'fulfilled') return [result.value];
            assert.ok(isKviError(result.reason, 'KVI_KEY_LOST'), `a loser is told: ${String(result.reason)}`);
            return [];
          });
          const stored = await kv.get(`${key('checkout')}/${one}`);
          assert.match(stored ?? '', /"Metadata":\d/, 'one is left');
          const kept = () => entries.filter(({signal}) => !signal.aborted).length;
          await eventually(() => Promise.resolve(kept() <= 1), 'all but one are told');
          assert.equal(kept(), 1, 'and the one that is left is not');
          for (const entry of entries) await entry.close();
          assert.deepEqual(await addrsOf(kv, key('checkout')), [], 'closing it takes it off the list');
        }
      },
    },
    {
      name: 'a registration under a lease of the caller is replaced too, and goes with the lease',
      async run({kv, driver, key}) {
        await using lease = await kv.lease({ttlSeconds: 60});
        const own = await register(kv, key('checkout'), {addr: one, metadata: 0});
        const first = await register(kv, key('checkout'), {addr: one, metadata: 1, lease});
        await abortOf(own.signal, 'a loser under another lease is told');
        const second = await register(kv, key('checkout'), {addr: one, metadata: 2, lease});
        assert.ok(isKviError(first.signal.reason, 'KVI_KEY_LOST'), 'the loser is told');
        await first.close();
        assert.equal(await leaseOf(kv, second.key), lease.id, 'the second one is listed, under the lease');
        await second.close();
        const [early, late] = await Promise.allSettled(
          [3, 4].map((metadata) => register(kv, key('checkout'), {addr: one, metadata, lease})),
        );
        assert.ok(
          early?.status === 'rejected' && isKviError(early.reason, 'KVI_KEY_LOST'),
          'a loser may be told at once',
        );
        assert.ok(late?.status === 'fulfilled' && !late.value.signal.aborted, 'and does not take it back');
        await late.value.close();
        const third = await register(kv, key('checkout'), {addr: one, lease});
        await driver.leaseRevoke(lease.id);
        await abortOf(third.signal, 'it goes with its lease');
        assert.ok(isKviError(third.signal.reason, 'KVI_KEY_LOST'), 'and is told of the loss');
        assert.deepEqual(await addrsOf(kv, key('checkout')), [], 'it is off the list');
        await assertFails(
          'KVI_LEASE_NOT_FOUND',
          () => register(kv, key('checkout'), {addr: one, lease}),
          'a lease that has ended lists nobody',
        );
      },
    },
    {
      name: 'an instance is listed again when its lease is lost',
      async run({kv, driver, key}) {
        await using instances = discover(kv, key('checkout'));
        await using entry = await register(kv, key('checkout'), {addr: one, ttlSeconds: 60});
        await untilAddrs(instances, [one], 'it is listed');
        await using changes = await changesFrom(kv, entry.key);
        await driver.leaseRevoke((await leaseOf(kv, entry.key)) ?? '0');
        const [gone, back] = await takeChanges(changes, 2, 'it is put back');
        assert.deepEqual([gone?.type, back?.value], ['delete', goValue(one)], 'with its value');
        assert.equal(entry.signal.aborted, false, 'which is no loss');
      },
    },
    {
      name: 'closing the handle takes its instances off the list, and ends what follows them',
      async run({kv, openKvi, key}) {
        const own = await openKvi();
        const entry = await register(own, key('checkout'), {addr: one});
        const instances = discover(own, key('checkout'));
        await untilAddrs(instances, [one], 'it is listed');
        const waiting = instances.next();
        waiting.catch(() => undefined);
        await own.close();
        assert.ok(isKviError(entry.signal.reason, 'KVI_CLOSED'), 'the registration is told');
        assert.deepEqual(await addrsOf(kv, key('checkout')), [], 'the instance is gone at once');
        await assertFails('KVI_CLOSED', () => waiting, 'a wait for the next state ends');
        assert.equal((await instances.next()).done, true, 'after its error, the iteration is over');
        await assertFails('KVI_CLOSED', () => register(own, key('checkout'), {addr: one}), 'it is closed');
        await assertFails('KVI_CLOSED', () => discover(own, key('checkout')).next(), 'it is closed');
      },
    },
    {
      name: 'register can be aborted at each of its calls, and leaves nothing behind',
      async run({kv, open, key, prefix}) {
        for (const isTaken of [false, true]) {
          await abortEverywhere(
            {open},
            async (own, signal) => {
              if (isTaken) await register(own, key('checkout'), {addr: one, metadata: 1});
              await register(own, key('checkout'), {addr: one, metadata: 2, signal});
            },
            async () => assert.deepEqual(await keysOf(kv, {prefix}), [], 'nothing is listed'),
          );
        }
      },
    },
  ],
};
