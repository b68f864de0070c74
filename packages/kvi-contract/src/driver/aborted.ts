import assert from 'node:assert/strict';
import type {ContractCase, ContractGroup} from '../suite.ts';
import {type PortCall, calls} from './calls.ts';
import {keyspace} from './keyspace.ts';
import {borrow, get, rejects, write} from './steps.ts';

function doesNotBegin({name, start}: PortCall): ContractCase {
  return {
    name: `ends with KVI_ABORTED and the reason: ${name}`,
    async run({driver, ...context}) {
      const key = keyspace(context).key('a');
      const reason = new Error('enough');
      const call = start(driver, key, {signal: AbortSignal.abort(reason)});
      const error = await rejects(call, 'KVI_ABORTED', 'an aborted call does not begin');
      assert.equal(error.cause, reason, 'the cause is the reason of the signal');
      assert.equal(await get(driver, key), undefined, 'an aborted call writes nothing');
    },
  };
}

/** Calls with a signal that has already aborted. */
export const aborted: ContractGroup = {
  name: 'a call whose signal has aborted',
  cases: [
    ...calls.map(doesNotBegin),
    {
      name: 'leaves leases and history alone',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await using lease = await borrow(driver);
        const first = await write(driver, k.put('a', '1', {lease: lease.id}));
        const second = await write(driver, k.put('a', '2', {lease: lease.id}));
        const {leases: before} = await driver.leaseLeases();
        const options = {signal: AbortSignal.abort()};
        for (const call of [
          driver.compact({revision: second}, options),
          driver.leaseRevoke(lease.id, options),
          driver.leaseGrant({ttlSeconds: 60}, options),
        ]) {
          await rejects(call, 'KVI_ABORTED', 'an aborted call does not begin');
        }
        const {kvs} = await driver.range({...k.all, revision: first});
        assert.equal(k.kvs(kvs), 'a=1', 'the history was not compacted');
        assert.equal((await get(driver, k.key('a')))?.lease, lease.id, 'the lease was not revoked');
        const {leases: after} = await driver.leaseLeases();
        assert.deepEqual(after, before, 'no lease was granted');
      },
    },
  ],
};
