import assert from 'node:assert/strict';
import {createKvi, type Kvi, type KviOptions} from 'kvi-core';
import {type Bytes, type Driver, KviError, type TxnRequest} from 'kvi-core/driver';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {assertFails, contents, put} from './helpers.ts';

/** What the network does to a write. */
type Fate = 'answered' | 'reply lost' | 'request lost' | 'delayed';

/** A connection whose writes meet the given fates, one after the other; further writes are answered. */
export function unreliable(driver: Driver) {
  const fates: Fate[] = [];
  const delayed: TxnRequest<Bytes>[] = [];
  let happen: () => Promise<void> = () => Promise.resolve();

  async function txn(...[request, options]: Parameters<Driver['txn']>) {
    const fate = fates.shift() ?? 'answered';
    if (fate === 'answered') return driver.txn(request, options);
    if (fate === 'reply lost') await driver.txn(request, options);
    if (fate === 'delayed') delayed.push(request);
    await happen();
    throw new KviError('KVI_UNKNOWN_OUTCOME', `made to fail: ${fate}`);
  }

  return {
    driver: {...driver, txn},
    willBe: (...next: Fate[]) => {
      fates.splice(0, fates.length, ...next);
    },
    /** Called before a loss is noticed. */
    onLoss: (next: () => Promise<void>) => {
      happen = next;
    },
    /** Delivers delayed writes. */
    async arrive(): Promise<void> {
      for (const request of delayed.splice(0)) await driver.txn(request).catch(() => undefined);
    },
  };
}

async function resolvingClient({open}: Pick<CaseContext, 'open'>, options: KviOptions = {}) {
  const connection = unreliable(await open());
  const client = createKvi(connection.driver, {onUnknownOutcome: 'resolve', ...options});
  return {client, connection};
}

/** The expected result and effect of each call, whatever happens to the first answer. */
function calls(
  client: Kvi,
  key: CaseContext['key'],
): {call: () => Promise<unknown>; result: unknown; leaves: string[]}[] {
  const k = key('k');
  return [
    {call: () => client.store(k, '1'), result: undefined, leaves: ['k=1']},
    {call: () => client.tas(k, 'x', '2'), result: false, leaves: ['k=1']},
    {call: () => client.tas(k, '1', '2'), result: true, leaves: ['k=2']},
    {call: () => client.tas(k, null, '3'), result: false, leaves: ['k=2']},
    {
      call: () => client.transaction(k, '=', '2', k, '3', key('l'), 'else'),
      result: true,
      leaves: ['k=3'],
    },
    {
      call: () => client.transaction(k, '=', '2', k, '4', key('l'), 'else'),
      result: false,
      leaves: ['k=3', 'l=else'],
    },
    {
      call: async () =>
        (
          await client.txn({
            compare: [{key: k, target: 'value', result: '=', value: '3'}],
            success: [
              put(k, '5'),
              {
                type: 'txn',
                compare: [{key: key('l'), target: 'value', result: '=', value: '3'}],
                success: [put(key('l'), 'then')],
                failure: [put(key('m'), 'nested')],
              },
            ],
          })
        ).responses.map((response) => (response.type === 'txn' ? response.succeeded : response.type)),
      result: ['put', false],
      leaves: ['k=5', 'l=else', 'm=nested'],
    },
  ];
}

/** Writes without an answer, on a handle that determines their outcome. */
export const unknownOutcome: ContractGroup = {
  name: 'unknown outcomes',
  cases: [
    ...(['answered', 'reply lost', 'request lost', 'delayed'] as const).map((fate) => ({
      name: `with onUnknownOutcome 'resolve' a write tells the truth, and is applied once: ${fate}`,
      async run(context: CaseContext) {
        const {kv, key, prefix} = context;
        const {client, connection} = await resolvingClient(context);
        for (const {call, result, leaves} of calls(client, key)) {
          const before = await revisionOf(kv, key('k'));
          connection.willBe(fate);
          assert.deepEqual(await call(), result, 'the result is that of the write that was applied');
          assert.deepEqual(await contents(kv, {prefix}), leaves, 'it was applied');
          const after = await revisionOf(kv, key('k'));
          await connection.arrive();
          assert.deepEqual(await contents(kv, {prefix}), leaves, 'what arrives late has no effect');
          assert.equal(await revisionOf(kv, key('k')), after, 'a write is applied once');
          assert.ok(after >= before, 'revisions grow');
        }
        await client.close();
        assert.deepEqual(
          await kv.getRange({prefix: 'kvi/outcome/'}),
          [],
          'a closed handle leaves no outcome key',
        );
      },
    })),
    {
      name: 'queries whose answers are lost are repeated',
      async run(context) {
        const {kv, key} = context;
        const {client, connection} = await resolvingClient(context);
        await client.store(key('k'), '0');
        const lost: Fate[] = ['reply lost', 'request lost'];
        for (const [i, question] of lost.entries()) {
          connection.willBe('reply lost', question, question);
          const test = String(2 * i);
          assert.equal(await client.tas(key('k'), test, String(2 * i + 1)), true, 'it was applied');
          connection.willBe('request lost', question, question);
          assert.equal(await client.tas(key('k'), String(2 * i + 1), String(2 * i + 2)), true, 'sent again');
        }
        assert.equal(await kv.get(key('k')), '4', 'each was applied once');
        await client.close();
      },
    },
    {
      name: 'a write that is still on its way has no effect after the handle is closed either',
      async run(context) {
        const {kv, key} = context;
        const {client, connection} = await resolvingClient(context, {timeoutMs: 200});
        connection.willBe(...Array.from({length: 50}, () => 'delayed' as const));
        const error = await assertFails(
          'KVI_UNKNOWN_OUTCOME',
          () => client.store(key('k'), 'v'),
          'where no question is answered, nothing is known',
        );
        assert.equal(error.applied, undefined, 'and the error does not say that it was applied');
        connection.willBe();
        await client.close();
        await connection.arrive();
        assert.equal(await kv.get(key('k')), undefined, 'its outcome key has ended with the handle');
      },
    },
    {
      name: 'a response with what was read or deleted is lost, and the error says that the write was applied',
      async run(context) {
        const {kv, key} = context;
        const {client, connection} = await resolvingClient(context);
        await kv.store(key('k'), 'v');
        for (const [call, value] of [
          [() => client.txn({success: [put(key('k'), 'w'), {type: 'range', key: key('k')}]}), 'w'],
          [() => client.txn({success: [{type: 'put', key: key('k'), value: 'x', prevKv: true}]}), 'x'],
          [() => client.delete(key('k')), undefined],
        ] as const) {
          connection.willBe('reply lost');
          const error = await assertFails('KVI_UNKNOWN_OUTCOME', call, 'the response cannot be had again');
          assert.equal(error.applied, true, 'the error says that the write was applied');
          assert.equal(await kv.get(key('k')), value, 'it was');
          connection.willBe('request lost');
          await call();
        }
        await client.close();
      },
    },
    {
      name: 'if the outcome keys were lost with their lease, the outcome stays unknown; the next write has new ones',
      async run(context) {
        const {kv, driver, key} = context;
        const {client, connection} = await resolvingClient(context);
        await client.store(key('k'), 'before');
        connection.onLoss(async () => {
          const [outcomeKey] = await kv.getRange({prefix: 'kvi/outcome/'});
          await driver.leaseRevoke(outcomeKey?.lease ?? '0');
        });
        connection.willBe('reply lost');
        await assertFails('KVI_UNKNOWN_OUTCOME', () => client.store(key('k'), 'during'), 'nobody can know');
        await client.store(key('k'), 'after');
        assert.equal(await kv.get(key('k')), 'after', 'the handle takes another lease');
        await client.close();
      },
    },
    {
      name: "without it, or with 'throw' for a call, the error is thrown at once",
      async run(context) {
        const {key} = context;
        const connection = unreliable(await context.open());
        const plain = createKvi(connection.driver);
        connection.willBe('reply lost');
        await assertFails('KVI_UNKNOWN_OUTCOME', () => plain.store(key('k'), 'v'), 'by default it throws');
        connection.willBe('reply lost');
        await plain.store(key('k'), 'v', {onUnknownOutcome: 'resolve'});
        const {client, connection: other} = await resolvingClient(context);
        other.willBe('reply lost');
        await assertFails(
          'KVI_UNKNOWN_OUTCOME',
          () => client.store(key('k'), 'v', {onUnknownOutcome: 'throw'}),
          'a call decides for itself',
        );
        await plain.close();
        await client.close();
      },
    },
    {
      name: 'a fenced transaction of a lock tells the truth too',
      async run(context) {
        const {kv, key} = context;
        const {client, connection} = await resolvingClient(context);
        const lock = await client.distLock(key('lock'));
        connection.willBe('reply lost');
        const {succeeded} = await lock.guard({success: [put(key('k'), '1')]});
        assert.equal(succeeded, true, 'the lock was held');
        await kv.delete(lock.key);
        connection.willBe('reply lost');
        await assertFails('KVI_LOCK_LOST', () => lock.guard({success: [put(key('k'), '2')]}), 'it is lost');
        assert.equal(await kv.get(key('k')), '1', 'nothing was written without the lock');
        await client.close();
      },
    },
    {
      name: 'a write whose outcome key was lost is sent again, even if it is not known at once whose lease is gone',
      async run({kv, open, key}) {
        const own = await open();
        let lease: string | undefined;
        let isLost = false;
        let hasLooked = false;
        await using client = createKvi(
          {
            ...own,
            async leaseGrant(...args) {
              const granted = await own.leaseGrant(...args);
              lease = granted.id;
              return granted;
            },
            async txn(...args) {
              if (!isLost && lease !== undefined) {
                isLost = true;
                await own.leaseRevoke(lease);
              }
              return own.txn(...args);
            },
            async leaseTimeToLive(...args) {
              if (hasLooked) return own.leaseTimeToLive(...args);
              hasLooked = true;
              throw new KviError('KVI_TIMEOUT', 'made to fail');
            },
          },
          {onUnknownOutcome: 'resolve'},
        );
        await client.store(key('k'), 'v');
        assert.equal(await kv.get(key('k')), 'v', 'the write names no lease, and is told of none');
      },
    },
    {
      name: 'errors of the request itself are still reported',
      async run(context) {
        const {key} = context;
        const {client} = await resolvingClient(context);
        await assertFails('KVI_INVALID_ARGUMENT', () => client.store('', 'v'), 'an empty key');
        await assertFails(
          'KVI_LEASE_NOT_FOUND',
          () => client.store(key('k'), 'v', {lease: '7fffffffffffffff'}),
          'a lease that is none',
        );
        await assertFails(
          'KVI_KEY_NOT_FOUND',
          () => client.txn({success: [{type: 'put', key: key('k'), ignoreValue: true}]}),
          'a key that is none',
        );
        assert.equal(await client.tas(key('k'), null, 'v'), true, 'and the next write works');
        await client.close();
      },
    },
  ],
};

async function revisionOf(kv: Kvi, key: string): Promise<number> {
  const [found] = await kv.getRange(key);
  return found?.modRevision ?? 0;
}
