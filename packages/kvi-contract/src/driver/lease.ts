import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {borrow, rejects, revisionOf, write} from './steps.ts';
import {watchReader} from './watch-reader.ts';

/** Leases that have not ended. */
export const lease: ContractGroup = {
  name: 'a lease',
  cases: [
    {
      name: 'is granted for at least the time asked for, under an id of its own',
      async run(context) {
        const {driver} = context;
        await using one = await borrow(driver, {ttlSeconds: 1});
        await using other = await borrow(driver, {ttlSeconds: 120});
        assert.ok(
          one.ttlSeconds >= 1,
          `a lease of 1 s lasts as long at least, not ${String(one.ttlSeconds)} s`,
        );
        assert.ok(
          other.ttlSeconds >= 120,
          `a lease of 120 s lasts as long at least, not ${String(other.ttlSeconds)} s`,
        );
        for (const {id} of [one, other]) {
          assert.match(
            id,
            /^[1-9a-f][0-9a-f]{0,15}$/,
            'an id is lower-case hexadecimal without leading zeros, and not 0',
          );
        }
        assert.notEqual(one.id, other.id, 'two leases have two ids');
      },
    },
    {
      name: 'is granted under exactly the requested id, if no other has it',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        // A free id, since the backend has just chosen it. It may be above 2 ** 53.
        const {id} = await driver.leaseGrant({ttlSeconds: 60});
        await driver.leaseRevoke(id);
        await using chosen = await borrow(driver, {id});
        assert.equal(chosen.id, id, 'an id that was ended is free again, and is granted as it was asked for');

        await write(driver, k.put('a', '1', {lease: id}));
        const {kvs} = await driver.range(k.range('a'));
        assert.equal(kvs[0]?.lease, id, 'a key tells the lease that it lives under');
        const other = await open();
        for (const handle of [driver, other]) {
          await rejects(
            handle.leaseGrant({ttlSeconds: 60, id}),
            'KVI_LEASE_EXISTS',
            'an id belongs to one lease',
          );
        }
        const {keys} = await driver.leaseTimeToLive({id, keys: true});
        assert.equal(k.names(keys), 'a', 'the refused grant left the lease as it was');
      },
    },
    {
      name: 'may have any id of 63 bits',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        // Neighbours just below the largest id, which are the same number in JavaScript.
        await using one = await borrow(driver, {id: '7ffffffffffffffd'});
        await using other = await borrow(driver, {id: '7ffffffffffffffe'});
        const ids = ['7ffffffffffffffd', '7ffffffffffffffe'];
        assert.deepEqual([one.id, other.id], ids, 'ids are exact');
        await write(driver, k.put('a', '', {lease: one.id}), k.put('b', '', {lease: other.id}));
        const {kvs} = await driver.range(k.all);
        assert.deepEqual(
          kvs.map((kv) => kv.lease),
          ids,
          'keys live under exactly that lease',
        );
        const {leases: listed} = await driver.leaseLeases();
        assert.deepEqual(listed.filter((id) => ids.includes(id)).sort(), ids, 'leases are listed exactly');
      },
    },
    {
      name: 'tells its remaining and its granted TTL, and its keys in order',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await using granted = await borrow(driver, {ttlSeconds: 60});
        const {id} = granted;
        for (const name of ['c', 'a', 'é', 'b', 'd']) await write(driver, k.put(name, '', {lease: id}));
        await write(driver, k.deleteRange('d'), k.put('other', ''));

        const left = await driver.leaseTimeToLive({id, keys: true});
        assert.equal(left.id, id, 'it says which lease it speaks of');
        assert.equal(left.grantedTtlSeconds, granted.ttlSeconds, 'it says what was granted');
        assert.ok(
          left.ttlSeconds > 0 && left.ttlSeconds <= granted.ttlSeconds,
          `something is left of ${String(granted.ttlSeconds)} s, not ${String(left.ttlSeconds)} s`,
        );
        assert.equal(k.names(left.keys), 'a b c é', 'the keys that live under it are told, ascending');
        const {keys} = await driver.leaseTimeToLive({id});
        assert.deepEqual(keys, [], 'keys are told only to who asks');
        const {ttlSeconds} = await driver.leaseKeepAlive(id);
        assert.equal(ttlSeconds, granted.ttlSeconds, 'a keepalive gives the whole time again');
      },
    },
    {
      name: 'that is revoked deletes its keys, in one revision and in key order',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const {id} = await driver.leaseGrant({ttlSeconds: 60});
        for (const name of ['c', 'a', 'b']) await write(driver, k.put(name, '', {lease: id}));
        const before = await write(driver, k.put('free', ''));
        const watch = driver.watch(k.all);
        await watch.created;
        const other = await open();
        await other.leaseRevoke(id);
        const after = before + 1;
        assert.deepEqual(
          await watchReader(k, watch).take(3),
          [`@${String(after)} delete a, delete b, delete c`],
          'the keys of a lease go together, in key order',
        );
        const {kvs, revision} = await driver.range(k.all);
        assert.equal(k.kvs(kvs), 'free=', 'keys without the lease stay');
        assert.equal(revision, after, 'the end of a lease with keys is one revision');
      },
    },
    {
      name: 'without keys ends without a revision',
      async run(context) {
        const {driver, leaseRevisions} = context;
        const k = keyspace(context);
        const {id} = await driver.leaseGrant({ttlSeconds: 60});
        await write(driver, k.put('a', '', {lease: id}));
        const before = await write(driver, k.put('a', ''));
        await driver.leaseRevoke(id);
        assert.equal(
          await revisionOf(driver),
          before + leaseRevisions,
          'nothing changed: the key had been detached',
        );
      },
    },
    {
      name: 'that has ended, or never existed, is not found',
      async run(context) {
        const {driver} = context;
        const {id} = await driver.leaseGrant({ttlSeconds: 60});
        assert.ok((await driver.leaseLeases()).leases.includes(id), 'a lease that lasts is listed');
        await driver.leaseRevoke(id);
        const law = 'a lease that was revoked is not found';
        await rejects(driver.leaseRevoke(id), 'KVI_LEASE_NOT_FOUND', law);
        await rejects(driver.leaseKeepAlive(id), 'KVI_LEASE_NOT_FOUND', law);
        await rejects(driver.leaseTimeToLive({id}), 'KVI_LEASE_NOT_FOUND', law);
        await rejects(driver.leaseTimeToLive({id, keys: true}), 'KVI_LEASE_NOT_FOUND', law);
        assert.ok(
          !(await driver.leaseLeases()).leases.includes(id),
          'a lease that was revoked is not listed',
        );
      },
    },
    {
      name: 'is listed in the order of the ids, whenever it was granted and however long it lasts',
      async run(context) {
        const {driver} = context;
        const ids = ['10', '2', 'a1b2', 'f'];
        await using _one = await borrow(driver, {id: 'f', ttlSeconds: 60});
        await using _two = await borrow(driver, {id: '2', ttlSeconds: 6000});
        await using _three = await borrow(driver, {id: 'a1b2', ttlSeconds: 600});
        await using _four = await borrow(driver, {id: '10', ttlSeconds: 60});
        const listed = (await driver.leaseLeases()).leases.filter((id) => ids.includes(id));
        assert.deepEqual(listed, ids, 'leases are listed in one order on every member');
      },
    },
    {
      name: 'belongs to the store: other handles see it, and it outlives the one that granted it',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const granting = await open();
        const {id} = await granting.leaseGrant({ttlSeconds: 60});
        await write(granting, k.put('a', '', {lease: id}));
        await granting.close();
        const {keys} = await driver.leaseTimeToLive({id, keys: true});
        assert.equal(k.names(keys), 'a', 'a lease lives on when a handle is closed');
        await driver.leaseRevoke(id);
      },
    },
    {
      name: 'is kept alive along with many others, each answered separately',
      async run(context) {
        const {driver} = context;
        const {id: gone} = await driver.leaseGrant({ttlSeconds: 60});
        await driver.leaseRevoke(gone);
        const leases = await Promise.all(
          Array.from({length: 20}, (_, i) => driver.leaseGrant({ttlSeconds: 60 + i})),
        );
        const twice = [...leases, ...leases];

        const unknown = rejects(driver.leaseKeepAlive(gone), 'KVI_LEASE_NOT_FOUND', 'this one is over');
        const answers = await Promise.all(twice.map(({id}) => driver.leaseKeepAlive(id)));
        await unknown;
        await Promise.all(leases.map(({id}) => driver.leaseRevoke(id)));
        assert.deepEqual(
          answers.map(({ttlSeconds}) => ttlSeconds),
          twice.map(({ttlSeconds}) => ttlSeconds),
          'each is given its own time, also when it is kept alive twice at once',
        );
      },
    },
  ],
};
