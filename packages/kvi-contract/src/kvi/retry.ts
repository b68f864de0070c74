import assert from 'node:assert/strict';
import {allOf, createKvi, exponentialBackoff, limitAttempts, noRetries} from 'kvi-core';
import {type Driver, KviError, type KviErrorCode, randomLeaseId} from 'kvi-core/driver';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {everyCall, unknownCall} from './calls.ts';
import {assertFails, keysOf} from './helpers.ts';

/** A driver whose first calls fail; `calls` counts all calls. */
function failing(
  driver: Driver,
  code: KviErrorCode,
  failures: number,
): {driver: Driver; calls: () => number} {
  let calls = 0;
  function attempt<R>(call: () => Promise<R>): Promise<R> {
    calls += 1;
    return calls > failures ? call() : Promise.reject(new KviError(code, 'made to fail'));
  }
  return {
    driver: {
      ...driver,
      range: (...args) => attempt(() => driver.range(...args)),
      txn: (...args) => attempt(() => driver.txn(...args)),
    },
    calls: () => calls,
  };
}

/** A driver that gets no answer to `times` of its writes of each kind after `cut`: the answer is lost, or the request. */
function cutting(driver: Driver, lost: 'answer' | 'request', times: number) {
  const left = {txn: 0, leaseRevoke: 0, compact: 0};
  async function attempt<R>(operation: keyof typeof left, call: () => Promise<R>): Promise<R> {
    if (left[operation] === 0) return call();
    left[operation] -= 1;
    if (lost === 'answer') await call();
    throw new KviError('KVI_UNKNOWN_OUTCOME', `made to fail: the ${lost} was lost`);
  }
  return {
    driver: {
      ...driver,
      txn: (...args) => attempt('txn', () => driver.txn(...args)),
      leaseRevoke: (...args) => attempt('leaseRevoke', () => driver.leaseRevoke(...args)),
      compact: (...args) => attempt('compact', () => driver.compact(...args)),
    } satisfies Driver,
    cut: () => Object.assign(left, {txn: times, leaseRevoke: times, compact: times}),
  };
}

/** What is retried, and what never is. */
export const retries: ContractGroup = {
  name: 'retries',
  cases: [
    {
      name: 'a read or a write that the backend did not apply is retried',
      async run({kv, open, key}) {
        const flaky = failing(await open(), 'KVI_UNAVAILABLE', 2);
        const client = createKvi(flaky.driver);
        await client.store(key('k'), 'v');
        assert.equal(flaky.calls(), 3, 'KVI_UNAVAILABLE promises that trying again is safe');
        assert.equal(await kv.get(key('k')), 'v', 'and then it is written');

        const flakyRead = failing(await open(), 'KVI_UNAVAILABLE', 2);
        assert.equal(await createKvi(flakyRead.driver).get(key('k')), 'v', 'a read is tried again');
      },
    },
    {
      name: 'a lock and a temporary key are obtained even if the answer to their lease grant was lost',
      async run({open, key}) {
        const driver = await open();
        let lost = 0;
        await using client = createKvi({
          ...driver,
          async leaseGrant(...args) {
            const granted = await driver.leaseGrant(...args);
            lost += 1;
            if (lost % 2 === 1) throw new KviError('KVI_UNKNOWN_OUTCOME', 'the answer was lost');
            return granted;
          },
        });
        await using lock = await client.distTimedLock(5, key('lock'));
        await using temp = await client.tempKey(key('k'));
        assert.equal(lock.isHeld(), true, 'a lease of one id is one lease, whichever request granted it');
        assert.equal(await client.get(key('k')), '', 'the temporary key is there');
        assert.equal(temp.signal.aborted, false, 'and kept');
      },
    },
    ...(['answer', 'request'] as const).map((lost) => ({
      name: `locks, temporary keys and leases are given up at once even if connections are cut: the ${lost} is lost`,
      async run({kv, open, key, prefix}: CaseContext) {
        const {driver, cut} = cutting(await open(), lost, 2);
        await using client = createKvi(driver);
        const lease = await client.lease();
        for (const options of [{}, {lease}]) {
          const lock = await client.distLock(key('lock'), options);
          cut();
          await lock.release();
          assert.deepEqual(await keysOf(kv, {prefix}), [], 'the lock is free');
          const temp = await client.tempKey(key('temp'), options);
          cut();
          await temp.close();
          assert.deepEqual(await keysOf(kv, {prefix}), [], 'the temporary key is gone');
        }
        await client.store(key('k'), 'v', {lease: lease.id});
        cut();
        await lease.revoke();
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'the keys of the lease are gone');
      },
    })),
    ...(['answer', 'request'] as const).map((lost) => ({
      name: `a compaction is repeated if connections are cut: the ${lost} is lost`,
      async run({kv, open, key}: CaseContext) {
        await kv.store(key('k'), 'v');
        await kv.store(key('k'), 'w');
        const revision = (await kv.getKeyValue(key('k')))?.modRevision ?? 0;
        const {driver, cut} = cutting(await open(), lost, 2);
        cut();
        await using client = createKvi(driver);
        await client.compact(revision);
        await assertFails('KVI_COMPACTED', () => kv.get(key('k'), {revision: revision - 1}), 'it was done');
        await assertFails('KVI_COMPACTED', () => client.compact(revision), 'again, it is an error');
      },
    })),
    {
      name: 'the calls about leases and the history follow the retry policy of the call',
      async run({open}) {
        const driver = await open();
        let calls = 0;
        const fail = () => {
          calls += 1;
          return Promise.reject(new KviError('KVI_UNAVAILABLE', 'made to fail'));
        };
        await using client = createKvi({
          ...driver,
          leaseGrant: fail,
          leaseKeepAlive: fail,
          leaseTimeToLive: fail,
          leaseLeases: fail,
          compact: fail,
        });
        const options = {retryPolicy: allOf(exponentialBackoff(), limitAttempts(2))};
        for (const call of [
          () => client.lease(options),
          () => client.lease({id: randomLeaseId(), ...options}),
          () => client.attachLease(randomLeaseId(), options),
          () => client.attachLease(randomLeaseId(), {keepAlive: true, ...options}),
          () => client.leases(options),
          () => client.compact(1, options),
        ]) {
          calls = 0;
          await assertFails('KVI_UNAVAILABLE', call, `${String(call)} fails`);
          assert.equal(calls, 2, `${String(call)} is tried as often as its policy says`);
        }
      },
    },
    {
      name: 'distLock waits through an outage',
      async run({open, key}) {
        const driver = await open();
        let outage = 3;
        await using client = createKvi(
          {
            ...driver,
            leaseGrant(...args) {
              outage -= 1;
              return outage >= 0
                ? Promise.reject(new KviError('KVI_UNAVAILABLE', 'nobody answers'))
                : driver.leaseGrant(...args);
            },
          },
          {retryPolicy: noRetries},
        );
        await assertFails(
          'KVI_UNAVAILABLE',
          () => client.distTimedLock(0, key('lock')),
          'trying once is trying once',
        );
        await using lock = await client.distLock(key('lock'));
        assert.equal(lock.isHeld(), true, 'distLock waits as long as it takes');
      },
    },
    {
      name: 'a write of unknown outcome is never sent again',
      async run({kv, open, key, prefix}) {
        const driver = await open();
        for (const name of ['store', 'delete', 'tas', 'transaction', 'txn']) {
          const flaky = failing(driver, 'KVI_UNKNOWN_OUTCOME', 1);
          const call = everyCall(createKvi(flaky.driver), {key, prefix})[name] ?? unknownCall;
          await assertFails('KVI_UNKNOWN_OUTCOME', call, `${name} says that its outcome is not known`);
          assert.equal(flaky.calls(), 1, `${name} may have been applied, so it is not sent again`);
        }
        assert.equal(await kv.get(key('k')), undefined, 'nothing sent it behind the back of its caller');
      },
    },
    {
      name: 'retries end with the timeout of the call',
      async run({open, key}) {
        const down = failing(await open(), 'KVI_UNAVAILABLE', Infinity);
        const client = createKvi(down.driver);
        await assertFails(
          'KVI_UNAVAILABLE',
          () => client.store(key('k'), 'v', {timeoutMs: 60}),
          'the time is bounded',
        );
        const controller = new AbortController();
        const storing = client.store(key('k'), 'v', {signal: controller.signal});
        controller.abort();
        await assertFails('KVI_ABORTED', () => storing, 'a signal ends it too');
      },
    },
  ],
};
