import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {rejects, revisionOf, write} from './steps.ts';

/** Reads of the past, and the revisions of responses. */
export const revisions: ContractGroup = {
  name: 'a revision',
  cases: [
    {
      name: 'of the past is read as it was',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const r1 = await write(driver, k.put('a', '1'));
        const r2 = await write(driver, k.put('b', '2'));
        const r3 = await write(driver, k.put('a', '3'), k.deleteRange('b'));
        const r4 = await write(driver, k.put('b', '4'));
        const r5 = await write(driver, k.deleteRange('a'));
        const expected = [
          {revision: r1, kvs: 'a=1'},
          {revision: r2, kvs: 'a=1 b=2'},
          {revision: r3, kvs: 'a=3'},
          {revision: r4, kvs: 'a=3 b=4'},
          {revision: r5, kvs: 'b=4'},
          {revision: 0, kvs: 'b=4'},
        ];
        for (const {revision, kvs} of expected) {
          const response = await driver.range({...k.all, revision});
          assert.equal(k.kvs(response.kvs), kvs, `the store as it was at revision ${String(revision)}`);
          assert.equal(response.count, response.kvs.length, 'the count is that of then too');
          assert.equal(
            response.revision,
            r5,
            'the revision of an answer is the present one, whatever was asked for',
          );
        }
        const {kvs} = await driver.range({...k.all, revision: r4});
        assert.deepEqual(
          kvs.map(k.whole),
          [
            `a=3 create ${String(r1)} mod ${String(r3)} version 2 lease 0`,
            `b=4 create ${String(r4)} mod ${String(r4)} version 1 lease 0`,
          ],
          'metadata are those of then',
        );
      },
    },
    {
      name: 'of the past can be ordered, limited and counted like the present',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('a', '1'));
        const revision = await write(driver, k.put('b', '2'), k.put('c', '3'));
        await write(driver, k.deleteRange('a', 'z'));
        const last = await driver.range({
          ...k.all,
          revision,
          sortTarget: 'value',
          sortOrder: 'descend',
          limit: 1,
        });
        assert.deepEqual(
          {kvs: k.kvs(last.kvs), more: last.more, count: last.count},
          {kvs: 'c=3', more: true, count: 3},
          'order and limit work on the keys of then',
        );
        const {count} = await driver.range({...k.all, revision, countOnly: true});
        assert.equal(count, 3, 'countOnly counts the keys of then');
        const recent = await driver.range({...k.all, revision, minModRevision: revision, keysOnly: true});
        assert.equal(k.kvs(recent.kvs), 'b= c=', 'bounds work on the keys of then');
      },
    },
    {
      name: 'of the future cannot be read',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const now = await write(driver, k.put('a', '1'));
        for (const revision of [now + 1, now + 1_000_000]) {
          await rejects(
            driver.range({...k.all, revision}),
            'KVI_FUTURE_REVISION',
            `revision ${String(revision)} is ahead of the store, which is at ${String(now)}`,
          );
        }
        const {kvs} = await driver.range({...k.all, revision: now});
        assert.equal(k.kvs(kvs), 'a=1', 'the present revision can be named');
      },
    },
    {
      name: 'is told by every answer: that of the store once the request was carried out',
      async run(context) {
        const {driver, leaseRevisions} = context;
        const k = keyspace(context);
        const first = await write(driver, k.put('a', '1'));
        const {id, ...granted} = await driver.leaseGrant({ttlSeconds: 60});
        assert.equal(granted.revision, first + leaseRevisions, 'leaseGrant');
        const second = await write(driver, {...k.put('a', '2'), lease: id});
        for (const [call, {revision}] of Object.entries({
          leaseKeepAlive: await driver.leaseKeepAlive(id),
          leaseTimeToLive: await driver.leaseTimeToLive({id}),
          leaseLeases: await driver.leaseLeases(),
          compact: await driver.compact({revision: second}),
          status: await driver.status(),
        })) {
          assert.equal(revision, second, call);
        }
        const revoked = await driver.leaseRevoke(id);
        assert.equal(revoked.revision, second + 1, 'a revocation that deletes keys is a revision');
        assert.equal(await revisionOf(driver), second + 1, 'and the last one');
      },
    },
    {
      name: 'is created by a change of a key, and by nothing else',
      async run(context) {
        const {driver, open, leaseRevisions} = context;
        const k = keyspace(context);
        const before = await write(driver, k.put('a', '1'));
        await driver.range(k.all);
        const {id} = await driver.leaseGrant({ttlSeconds: 60});
        await driver.leaseKeepAlive(id);
        await driver.leaseTimeToLive({id, keys: true});
        await driver.leaseLeases();
        await driver.status();
        await driver.leaseRevoke(id);
        const watch = driver.watch(k.all);
        await watch.created;
        await watch.return();
        const other = await open();
        await other.close();
        assert.equal(
          await revisionOf(driver),
          before + 2 * leaseRevisions,
          'reads, leases without keys, watches, opening and closing change no key',
        );
      },
    },
  ],
};
