import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {borrow, get, rejects, revisionOf, write} from './steps.ts';

/** The effect of a put on a key, its history and its lease. */
export const put: ContractGroup = {
  name: 'a put',
  cases: [
    {
      name: 'is one revision each, and counts the versions of the key since it was created',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const before = await revisionOf(driver);
        const steps = [
          {op: k.put('a', '1'), created: 1, version: 1},
          {op: k.put('a', '2'), created: 1, version: 2},
          {op: k.put('a', '2'), created: 1, version: 3},
          {op: k.deleteRange('a'), created: 0, version: 0},
          {op: k.put('a', '3'), created: 5, version: 1},
        ];
        for (const [i, {op, created, version}] of steps.entries()) {
          const revision = await write(driver, op);
          assert.equal(revision, before + i + 1, 'each change is one revision, a put of the same value too');
          if (op.type !== 'put') continue;
          const expected = `create ${String(before + created)} mod ${String(revision)} version ${String(version)} lease 0`;
          assert.equal(
            k.whole(await get(driver, k.key('a'))).replace(/^\S+ /, ''),
            expected,
            'a key is created once, until it is deleted; then it begins anew',
          );
        }
      },
    },
    {
      name: 'returns the previous key-value on request',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const answers: string[] = [];
        for (const op of [
          k.put('a', '1', {prevKv: true}),
          k.put('a', '2', {prevKv: true}),
          k.put('a', '3'),
          k.deleteRange('a', undefined, {prevKv: true}),
          k.put('a', '4', {prevKv: true}),
        ]) {
          const {responses} = await driver.txn({success: [op]});
          answers.push(...k.responses(responses).map((text) => text.replace(/@\d+ ?/, '')));
        }
        assert.deepEqual(
          answers,
          ['put -> ', 'put -> was a=1', 'put -> ', 'deleteRange -> deleted 1 was a=3', 'put -> '],
          'prevKv is the key as it was, and absent where there was none or nobody asked',
        );
      },
    },
    {
      name: 'returns prevKv with all its metadata',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await using lease = await borrow(driver);
        const created = await write(driver, k.put('a', '1'));
        const changed = await write(driver, k.put('a', '2', {lease: lease.id}));
        const {responses} = await driver.txn({success: [k.put('a', '3', {prevKv: true})]});
        const [response] = responses;
        assert.equal(
          response?.type === 'put' ? k.whole(response.prevKv) : response,
          `a=2 create ${String(created)} mod ${String(changed)} version 2 lease ${lease.id}`,
          'prevKv is the whole key-value, with revisions, version and lease',
        );
      },
    },
    {
      name: 'attaches its lease, moves the key to another, and without one detaches it',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await using one = await borrow(driver);
        await using other = await borrow(driver);
        const keysOf = async (id: string) => {
          const {keys} = await driver.leaseTimeToLive({id, keys: true});
          return k.names(keys);
        };
        const state = async () => ({
          key: (await get(driver, k.key('a')))?.lease,
          one: await keysOf(one.id),
          other: await keysOf(other.id),
        });

        await write(driver, k.put('a', '1', {lease: one.id}));
        assert.deepEqual(
          await state(),
          {key: one.id, one: 'a', other: ''},
          'a put with a lease attaches the key',
        );
        await write(driver, k.put('a', '2', {lease: one.id}));
        assert.deepEqual(
          await state(),
          {key: one.id, one: 'a', other: ''},
          'a put with the same lease changes nothing',
        );
        await write(driver, k.put('a', '3', {lease: other.id}));
        assert.deepEqual(
          await state(),
          {key: other.id, one: '', other: 'a'},
          'a put with another lease moves the key',
        );
        await write(driver, k.put('a', '4'));
        assert.deepEqual(
          await state(),
          {key: '0', one: '', other: ''},
          'a put without a lease detaches the key',
        );
        await write(driver, k.put('a', '5', {lease: one.id}));
        await write(driver, k.put('a', '6', {lease: '0'}));
        assert.deepEqual(await state(), {key: '0', one: '', other: ''}, 'lease 0 is no lease');
        await write(driver, k.put('a', '7', {lease: one.id}));
        await write(driver, k.deleteRange('a'));
        assert.deepEqual(await state(), {key: undefined, one: '', other: ''}, 'a deletion detaches the key');
      },
    },
    {
      name: 'with ignoreValue keeps the value, and with ignoreLease the lease',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await using lease = await borrow(driver);
        const created = await write(driver, k.put('a', '1'));
        const state = async (modRevision: number, version: number) => {
          const whole = k.whole(await get(driver, k.key('a')));
          return whole.replace(
            ` create ${String(created)} mod ${String(modRevision)} version ${String(version)}`,
            '',
          );
        };

        const leased = await write(driver, {
          type: 'put',
          key: k.key('a'),
          ignoreValue: true,
          lease: lease.id,
        });
        assert.equal(
          await state(leased, 2),
          `a=1 lease ${lease.id}`,
          'ignoreValue keeps the value and takes the lease',
        );
        const changed = await write(driver, k.put('a', '2', {ignoreLease: true}));
        assert.equal(
          await state(changed, 3),
          `a=2 lease ${lease.id}`,
          'ignoreLease keeps the lease and takes the value',
        );
        const touched = await write(driver, {
          type: 'put',
          key: k.key('a'),
          ignoreValue: true,
          ignoreLease: true,
        });
        assert.equal(await state(touched, 4), `a=2 lease ${lease.id}`, 'with both, only the version is new');
        const detached = await write(driver, {type: 'put', key: k.key('a'), ignoreValue: true});
        assert.equal(await state(detached, 5), 'a=2 lease 0', 'ignoreValue without a lease detaches the key');
      },
    },
    {
      name: 'fails without an effect if the lease, or the key whose value or lease to keep, does not exist',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const {id: gone} = await driver.leaseGrant({ttlSeconds: 60});
        await driver.leaseRevoke(gone);
        const before = await write(driver, k.put('a', '1'));

        await rejects(
          write(driver, k.put('a', '2', {lease: gone})),
          'KVI_LEASE_NOT_FOUND',
          'a key cannot be put under a lease that is over',
        );
        for (const ignored of [{ignoreValue: true, value: undefined}, {ignoreLease: true}]) {
          await rejects(
            write(driver, k.put('b', '2', ignored)),
            'KVI_KEY_NOT_FOUND',
            `${JSON.stringify(ignored)} on an absent key has nothing to keep`,
          );
        }
        await rejects(
          write(driver, {type: 'put', key: k.key('b'), ignoreValue: true, lease: gone}),
          'KVI_KEY_NOT_FOUND',
          'the key whose value to keep is checked before the lease',
        );
        const {kvs, revision} = await driver.range(k.all);
        assert.equal(k.kvs(kvs), 'a=1', 'what failed wrote nothing');
        assert.equal(revision, before, 'what failed made no revision');
      },
    },
    {
      name: 'accepts any bytes, and does not modify them',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const key = k.key('view');
        const memory = Buffer.concat([
          Buffer.from('before'),
          key,
          Buffer.from('value'),
          Buffer.from('after'),
        ]);
        const copy = Buffer.from(memory);
        // Views of the middle of a larger buffer, and not Buffers.
        const view = (start: number, length: number) =>
          new Uint8Array(memory.buffer, memory.byteOffset + start, length);
        const keyView = view(6, key.length);
        await driver.txn({
          compare: [{key: keyView, result: '=', target: 'version', version: 0}],
          success: [{type: 'put', key: keyView, value: view(6 + key.length, 5)}],
        });
        const {kvs} = await driver.range({key: keyView});
        assert.equal(k.kvs(kvs), 'view=value', 'a view of a larger memory is only what it shows');
        assert.deepEqual(memory, copy, 'bytes that go in are not changed');
      },
    },
  ],
};
