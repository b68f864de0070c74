import assert from 'node:assert/strict';
import {createKvi, noRetries} from 'kvi-core';
import {type Driver, KviError, type KviErrorCode} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {everyCall, unknownCall} from './calls.ts';
import {assertFails} from './helpers.ts';

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
