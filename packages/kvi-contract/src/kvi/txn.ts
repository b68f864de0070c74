import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {assertFails, changesFrom, contents, describeChanges, grantLease, put, takeSet} from './helpers.ts';

/** `txn`. */
export const txn: ContractGroup = {
  name: 'txn',
  cases: [
    {
      name: 'without compares the first branch runs, and an empty transaction changes nothing',
      async run({kv, key, prefix}) {
        const before = await kv.range({prefix});
        assert.deepEqual(
          await kv.txn({}),
          {revision: before.revision, succeeded: true, responses: []},
          'nothing holds',
        );
        const {succeeded, revision} = await kv.txn({
          success: [put(key('a'), '1')],
          failure: [put(key('b'), '1')],
        });
        assert.deepEqual([succeeded, revision], [true, before.revision + 1], 'no compare holds');
        assert.deepEqual(await contents(kv, {prefix}), ['a=1'], 'the first branch ran');
      },
    },
    {
      name: 'operations run in order: a range sees the puts before it, and not those after it',
      async run({kv, key}) {
        const range = {type: 'range', key: key('k')} as const;
        const {responses} = await kv.txn({
          success: [range, put(key('k'), '1'), range, {type: 'deleteRange', key: key('other')}, range],
        });
        const seen = responses.map((item) =>
          item.type === 'range' ? item.kvs.map(({value}) => value) : item.type,
        );
        assert.deepEqual(
          seen,
          [[], 'put', ['1'], 'deleteRange', ['1']],
          'each range sees the transaction so far',
        );
      },
    },
    {
      name: 'every operation has a response, nested ones too',
      async run({kv, key}) {
        await kv.store(key('a'), '1');
        await kv.store(key('b'), '1');
        const {succeeded, responses, revision} = await kv.txn({
          success: [
            {type: 'put', key: key('a'), value: '2', prevKv: true},
            {type: 'deleteRange', key: key('b'), prevKv: true},
            {
              type: 'txn',
              compare: [{key: key('x'), target: 'version', result: '>', version: 0}],
              failure: [put(key('c'), '1')],
            },
            {type: 'range', key: key('a'), rangeEnd: key('z'), countOnly: true},
          ],
        });
        assert.equal(succeeded, true, 'no compare holds');
        const [a, b, c, d] = responses;
        assert.equal(a?.type === 'put' && a.prevKv?.value, '1', 'a put says what was there before');
        assert.deepEqual(
          b?.type === 'deleteRange' && [b.deleted, b.prevKvs[0]?.value],
          [1, '1'],
          'a deletion too',
        );
        assert.deepEqual(
          c?.type === 'txn' && [c.succeeded, c.responses[0]?.type],
          [false, 'put'],
          'a nested one says its branch',
        );
        assert.equal(d?.type === 'range' && d.count, 2, 'a range counts what is there by then');
        assert.deepEqual(
          (await kv.range(key('c'))).kvs[0]?.modRevision,
          revision,
          'the revision is that of the whole',
        );
      },
    },
    {
      name: 'a transaction is one revision, and its changes come together in order',
      async run({kv, key, prefix}) {
        await kv.store(key('d'), 'x');
        await using changes = await changesFrom(kv, {prefix});
        await kv.txn({
          success: [put(key('b'), '1'), {type: 'deleteRange', key: key('d')}, put(key('a'), '2')],
        });
        const {events, revision} = await takeSet(changes, 'a transaction is a change');
        assert.deepEqual(
          describeChanges(events, prefix),
          ['put b=1', 'delete d', 'put a=2'],
          'its changes come in one set',
        );
        const kvs = await kv.getRange({prefix});
        assert.deepEqual(
          kvs.map(({modRevision}) => modRevision),
          [revision, revision],
          'it is one revision',
        );
      },
    },
    {
      name: 'a transaction applies nothing if one of its operations fails',
      async run({kv, driver, key, prefix}) {
        const lease = await grantLease(driver);
        await driver.leaseRevoke(lease);
        const bad = {type: 'put', key: key('b'), value: '1', lease} as const;
        await assertFails(
          'KVI_LEASE_NOT_FOUND',
          () => kv.txn({success: [put(key('a'), '1'), bad]}),
          'a dead lease takes no key',
        );
        await assertFails(
          'KVI_LEASE_NOT_FOUND',
          () => kv.txn({success: [put(key('a'), '1'), {type: 'txn', success: [bad]}]}),
          'a dead lease takes no key in a nested transaction',
        );
        assert.deepEqual(await contents(kv, {prefix}), [], 'all or nothing');
        await kv.txn({success: [put(key('a'), '1')], failure: [bad]});
        assert.deepEqual(await contents(kv, {prefix}), ['a=1'], 'the branch not taken is not looked at');
      },
    },
    {
      name: 'a range in a transaction may ask for a past revision, and not for a future one',
      async run({kv, key, prefix}) {
        await kv.store(key('k'), '1');
        const {revision} = await kv.range(key('k'));
        await kv.store(key('k'), '2');
        const {responses} = await kv.txn({
          success: [put(key('a'), '1'), {type: 'range', key: key('k'), revision}],
        });
        assert.equal(
          responses[1]?.type === 'range' && responses[1].kvs[0]?.value,
          '1',
          'the past is read as it was',
        );
        const future = {type: 'range', key: key('k'), revision: revision + 1_000_000} as const;
        await assertFails(
          'KVI_FUTURE_REVISION',
          () => kv.txn({success: [put(key('b'), '1'), future]}),
          'the future cannot be read',
        );
        assert.deepEqual(await contents(kv, {prefix}), ['a=1', 'k=2'], 'all or nothing');
      },
    },
    {
      name: 'a put may keep the value or the lease of a key that exists',
      async run({kv, driver, key}) {
        const lease = await grantLease(driver);
        await kv.store(key('k'), '1', {lease});
        await kv.txn({success: [{type: 'put', key: key('k'), value: '2', ignoreLease: true}]});
        const [kept] = await kv.getRange(key('k'));
        assert.deepEqual([kept?.value, kept?.lease], ['2', lease], 'ignoreLease keeps the lease');
        await kv.txn({success: [{type: 'put', key: key('k'), ignoreValue: true}]});
        const [detached] = await kv.getRange(key('k'));
        assert.deepEqual([detached?.value, detached?.lease], ['2', '0'], 'ignoreValue keeps the value');
        await driver.leaseRevoke(lease);
        for (const fields of [{ignoreValue: true}, {value: 'x', ignoreLease: true}]) {
          await assertFails(
            'KVI_KEY_NOT_FOUND',
            () => kv.txn({success: [{type: 'put', key: key('absent'), ...fields}]}),
            'an absent key has nothing to keep',
          );
        }
        assert.equal(await kv.get(key('absent')), undefined, 'a put that failed wrote nothing');
      },
    },
    {
      name: 'bytes are accepted everywhere, and returned by kv.bytes.txn',
      async run({kv, key}) {
        const bytes = Buffer.from([0xff, 0x00]);
        await kv.store(key('k'), bytes);
        const {responses} = await kv.bytes.txn({
          compare: [{key: Buffer.from(key('k')), target: 'value', result: '=', value: bytes}],
          success: [
            {type: 'range', key: key('k')},
            {type: 'deleteRange', key: key('k'), prevKv: true},
          ],
        });
        const [range, deleted] = responses;
        assert.deepEqual(
          range?.type === 'range' && Buffer.from(range.kvs[0]?.value ?? ''),
          bytes,
          'a range gives bytes',
        );
        assert.deepEqual(
          deleted?.type === 'deleteRange' && Buffer.from(deleted.prevKvs[0]?.value ?? ''),
          bytes,
          'what was deleted is given as bytes',
        );
      },
    },
  ],
};
