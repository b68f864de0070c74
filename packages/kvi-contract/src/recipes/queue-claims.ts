import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {type Bytes, type Driver, KviError, type LeaseId, type TxnRequest} from 'kvi-core/driver';
import {assertFails, eventually, leaseOf, soon} from '../kvi/helpers.ts';
import {unreliable} from '../kvi/unknown-outcome.ts';
import type {ContractGroup} from '../suite.ts';
import {countedEvents} from './counted-events.ts';
import {countedRequests} from './counted-requests.ts';
import {addAll, assertEmpty, drain, jobsOf, takeSoon} from './queue-helpers.ts';

/** Whether a transaction takes a job: it nests, first. */
function takes({success = []}: TxnRequest<Bytes>): boolean {
  return success[0]?.type === 'txn';
}

/** How a consumer gets its items, and what else happens to those it wanted. */
export const queueClaims: ContractGroup = {
  name: 'a claim of a job of a queue',
  cases: [
    {
      name: 'that the store refuses is told to who waits, and leaves nothing behind',
      async run(context) {
        const {kv, open} = context;
        const own = await open();
        let refused = 2;
        await using client = createKvi({
          ...own,
          txn(request, options) {
            if (takes(request)) refused -= 1;
            return takes(request) && refused >= 0
              ? Promise.reject(new KviError('KVI_PERMISSION_DENIED', 'made to fail'))
              : own.txn(request, options);
          },
        });
        const jobs = jobsOf(client, context);
        await addAll(jobs, ['a', 'b']);
        await assertFails('KVI_PERMISSION_DENIED', () => jobs.take(), 'it is told');
        refused = 1;
        const batch = await soon(jobs.takeBatch({max: 2}), 'one of the two is taken all the same');
        assert.equal(batch.length, 1, 'who gets something is not told what else was refused');
        for (const item of batch) await item.ack();
        assert.equal((await drain(jobsOf(kv, context), 1)).length, 1);
      },
    },
    {
      name: 'whose answer was lost uses its lease for nothing else, as a request may arrive late',
      async run(context) {
        const {kv, driver, open} = context;
        const connection = unreliable(await open());
        await using client = createKvi(connection.driver);
        const jobs = jobsOf(client, context);
        await jobs.add('a');
        // What is ready is read first.
        connection.willBe('answered', 'reply lost');
        const item = await takeSoon(jobs);
        const lease = (await leaseOf(kv, item.key)) ?? assert.fail('it has a lease');
        await item.ack();
        await assertFails('KVI_LEASE_NOT_FOUND', () => driver.leaseTimeToLive({id: lease}), 'it is revoked');
        await jobs.add('b');
        const next = await takeSoon(jobs);
        const other = (await leaseOf(kv, next.key)) ?? assert.fail('it has a lease');
        await next.ack();
        await driver.leaseTimeToLive({id: other});
      },
    },
    {
      name: 'comes in the order of the jobs, whoever else takes some of them meanwhile',
      async run(context) {
        const {kv, open} = context;
        const own = await open();
        const rival = jobsOf(kv, context);
        let claims = 0;
        let letGo: () => void = () => undefined;
        const secondDone = new Promise<void>((resolve) => (letGo = resolve));
        const reordering: Driver = {
          ...own,
          async txn(request, options) {
            if (!takes(request)) return own.txn(request, options);
            claims += 1;
            const number = claims;
            if (number === 1) await secondDone;
            if (number !== 2) return own.txn(request, options);
            await (await takeSoon(rival, 'the rival is first')).ack();
            const response = await own.txn(request, options);
            letGo();
            return response;
          },
        };
        await using client = createKvi(reordering);
        for (const value of ['0', '1', '2', '3']) await rival.add(value);
        const batch = await soon(jobsOf(client, context).takeBatch({max: 2}), 'a batch');
        assert.deepEqual(
          batch.map(({value}) => value),
          ['1', '2'],
        );
        for (const item of batch) await item.ack();
        await drain(rival, 1);
      },
    },
    {
      name: 'ends with the signal of who waits, whatever time is left',
      async run(context) {
        const jobs = jobsOf(context.kv, context);
        for (const call of [
          (signal: AbortSignal) => jobs.take({signal, timeoutMs: 60_000}),
          (signal: AbortSignal) => jobs.takeBatch({max: 2, signal, timeoutMs: 60_000}),
        ]) {
          const controller = new AbortController();
          const waiting = assertFails('KVI_ABORTED', () => call(controller.signal), 'it is aborted');
          controller.abort();
          await waiting;
        }
      },
    },
    {
      name: 'needs no lease before there is a job, nor does a job that is prepared without a delay',
      async run(context) {
        const {kv} = context;
        const jobs = jobsOf(kv, context);
        const before = await kv.leases();
        await kv.txn(await jobs.prepareAdd('a'));
        assert.deepEqual(await kv.leases(), before);
        await drain(jobs, 1);
      },
    },
    {
      name: 'is tried when there may be something to take, and not when others only take or wait',
      async run(context) {
        const {kv, open} = context;
        const {driver: counted, requests} = countedRequests(await open());
        const {driver, arrived} = countedEvents(counted);
        await using client = createKvi(driver);
        const waiting = takeSoon(jobsOf(client, context));
        // It looks, watches, and looks again.
        await eventually(() => Promise.resolve(requests() === 2), 'it waits');
        const others = jobsOf(kv, context);
        // Puts a hold, which is no job that can be taken.
        await others.add('later', {delaySeconds: 60});
        await arrived(1);
        assert.equal(requests(), 2);
        await others.add('now');
        const item = await waiting;
        assert.equal(item.value, 'now');
        await item.ack();
        const leases = await kv.leases();
        for (const id of leases) await (await kv.attachLease(id)).revoke().catch(() => undefined);
      },
    },
    {
      name: 'that came too late leaves its lease to the next',
      async run(context) {
        const {kv, open} = context;
        const own = await open();
        const rival = jobsOf(kv, context);
        const leases: LeaseId[] = [];
        let wasLate = false;
        await using client = createKvi({
          ...own,
          async leaseGrant(...args) {
            const granted = await own.leaseGrant(...args);
            leases.push(granted.id);
            return granted;
          },
          async txn(request, options) {
            if (takes(request) && !wasLate) {
              wasLate = true;
              await (await takeSoon(rival, 'the rival is first')).ack();
            }
            return own.txn(request, options);
          },
        });
        await rival.add('a');
        const waiting = jobsOf(client, context).take();
        await eventually(() => Promise.resolve(wasLate), 'it takes the first');
        await rival.add('b');
        const item = await soon(waiting, 'the next one is his');
        assert.equal(item.value, 'b');
        assert.deepEqual([await leaseOf(kv, item.key)], leases, 'under the only lease');
        await item.ack();
      },
    },
    {
      name: 'takes another lease if the one that was to be used again was revoked',
      async run(context) {
        const {kv, driver} = context;
        const jobs = jobsOf(kv, context);
        await jobs.add('a');
        const first = await takeSoon(jobs);
        const lease = (await leaseOf(kv, first.key)) ?? assert.fail('it has a lease');
        await first.ack();
        await driver.leaseRevoke(lease);
        await jobs.add('b');
        const second = await takeSoon(jobs);
        assert.equal(second.attempt, 1);
        assert.notEqual(await leaseOf(kv, second.key), lease);
        await second.ack();
      },
    },
    {
      name: 'uses the lease of an item that is done',
      async run(context) {
        const {kv, driver} = context;
        const jobs = jobsOf(kv, context);
        const before = (await driver.leaseLeases()).leases.length;
        for (let n = 0; n < 5; n += 1) {
          await jobs.add(String(n));
          const item = await takeSoon(jobs);
          assert.equal((await driver.leaseLeases()).leases.length, before + 1);
          await (n % 2 === 0 ? item.ack() : item.nack().then(() => drain(jobs, 1)));
        }
        await assertEmpty(kv, context, 'nothing is left');
      },
    },
  ],
};
