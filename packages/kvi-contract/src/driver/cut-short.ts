import assert from 'node:assert/strict';
import {type Bytes, isKviError, type TxnRequest} from 'kvi-core/driver';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {calls, someLease} from './calls.ts';
import {keyspace} from './keyspace.ts';
import {get, within} from './steps.ts';

/** The code of a call that was cut short, if it is known that nothing was changed. */
type CutShort = 'KVI_ABORTED' | 'KVI_CLOSED' | 'KVI_TIMEOUT';

/** What is known about a call that may have been cut short. */
async function outcomeOf(call: Promise<unknown>, code: CutShort): Promise<'done' | 'not done' | 'unknown'> {
  try {
    await within(call, () => 'a call that is cut short comes to an end');
    return 'done';
  } catch (error) {
    if (isKviError(error, code)) return 'not done';
    // That the store lacks the lease or the revision, or already has the lease, is an answer.
    if (isKviError(error, 'KVI_LEASE_NOT_FOUND', 'KVI_LEASE_EXISTS', 'KVI_COMPACTED')) return 'done';
    assert.ok(
      isKviError(error, 'KVI_UNKNOWN_OUTCOME') && isKviError(error.cause, code),
      `what is cut short ends with ${code}, or with KVI_UNKNOWN_OUTCOME because of it, not with ${String(error)}`,
    );
    return 'unknown';
  }
}

/** Cuts writes short, and checks that each reports its outcome correctly. */
async function tellsTheTruth(
  {driver, ...context}: CaseContext,
  code: CutShort,
  write: (request: TxnRequest<Bytes>) => Promise<unknown>,
): Promise<void> {
  const k = keyspace(context);
  const names = Array.from({length: 20}, (_, i) => String(i));
  const outcomes = await Promise.all(
    names.map((name) => outcomeOf(write({success: [k.put(name, '')]}), code)),
  );
  for (const [i, name] of names.entries()) {
    const kv = await get(driver, k.key(name));
    if (outcomes[i] === 'done') assert.ok(kv, 'a write that succeeded is there');
    if (outcomes[i] === 'not done') assert.equal(kv, undefined, `${code} promises that nothing was changed`);
    assert.ok(!kv || kv.version === 1, 'a driver sends no write twice');
  }
}

/** The result of a call that was ended by its signal, its timeout or its handle. */
export const cutShort: ContractGroup = {
  name: 'a call that is cut short',
  cases: [
    {
      name: 'by its signal reports correctly what it did',
      async run(context) {
        await tellsTheTruth(context, 'KVI_ABORTED', (request) => {
          const controller = new AbortController();
          const writing = context.driver.txn(request, {signal: controller.signal});
          controller.abort();
          return writing;
        });
      },
    },
    {
      name: 'by its timeout reports correctly what it did',
      async run(context) {
        await tellsTheTruth(context, 'KVI_TIMEOUT', (request) => context.driver.txn(request, {timeoutMs: 1}));
      },
    },
    {
      name: 'by the end of its handle reports correctly what it did',
      async run(context) {
        const closing = await context.open();
        const closed = new Promise(setImmediate).then(() => closing.close());
        await tellsTheTruth(context, 'KVI_CLOSED', (request) => closing.txn(request));
        await closed;
      },
    },
    {
      name: 'always ends, and its outcome is never unknown if it does not write',
      async run(context) {
        const {driver} = context;
        const {key} = keyspace(context);
        for (const {name, isWrite, start} of calls) {
          const closing = await context.open();
          const controller = new AbortController();
          const aborting = outcomeOf(start(closing, key('a'), {signal: controller.signal}), 'KVI_ABORTED');
          controller.abort();
          const outcomes = [await aborting];
          const cut = outcomeOf(start(closing, key('a')), 'KVI_CLOSED');
          await closing.close();
          outcomes.push(await cut);
          if (!isWrite) {
            assert.ok(!outcomes.includes('unknown'), `${name} changes nothing that could be unknown`);
          }
        }
        await outcomeOf(driver.leaseRevoke(someLease), 'KVI_ABORTED');
      },
    },
    {
      name: 'does not affect the others, nor does a limit that is not reached',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const controller = new AbortController();
        const options = {timeoutMs: 25_000, signal: controller.signal};
        await driver.txn({success: [k.put('a', '1')]}, options);
        const others = Array.from({length: 20}, () => driver.range(k.all));
        const aborting = outcomeOf(driver.range(k.all, options), 'KVI_ABORTED');
        controller.abort();
        await aborting;
        for (const {kvs} of await Promise.all(others)) {
          assert.equal(k.kvs(kvs), 'a=1', 'another call answers as if nothing had happened');
        }
      },
    },
  ],
};
