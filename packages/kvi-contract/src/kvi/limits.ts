import assert from 'node:assert/strict';
import type {Compare, RequestOp, TxnRequest} from 'kvi-core/driver';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {assertFails, contents, keysOf, put} from './helpers.ts';

function puts({key}: Pick<CaseContext, 'key'>, count: number, name = 'k'): RequestOp<string>[] {
  return Array.from({length: count}, (_, i) => put(key(name + String(i))));
}

function compares({key}: Pick<CaseContext, 'key'>, count: number): Compare<string>[] {
  return Array.from({length: count}, (_, i) => ({
    key: key(String(i)),
    target: 'version',
    result: '=',
    version: 0,
  }));
}

/** Asserts that transactions are refused and nothing is applied. */
async function assertRefused(
  {kv, prefix}: Pick<CaseContext, 'kv' | 'prefix'>,
  requests: readonly TxnRequest<string>[],
  promise: string,
): Promise<void> {
  for (const request of requests) await assertFails('KVI_INVALID_ARGUMENT', () => kv.txn(request), promise);
  assert.deepEqual(await keysOf(kv, {prefix}), [], `${promise}: nothing is written`);
}

/** etcd's limits. */
export const limits: ContractGroup = {
  name: 'limits',
  cases: [
    {
      name: 'a transaction may have 128 operations; 129 are refused, not split',
      async run({kv, key, prefix}) {
        await assertRefused(
          {kv, prefix},
          [{success: puts({key}, 129)}, {failure: puts({key}, 129)}],
          'a branch has at most 128 operations, taken or not',
        );
        const {responses} = await kv.txn({success: puts({key}, 128), failure: puts({key}, 128)});
        assert.equal(responses.length, 128, '128 operations fit');
      },
    },
    {
      name: 'a transaction may have 128 compares; 129 are refused',
      async run({kv, key, prefix}) {
        await assertRefused(
          {kv, prefix},
          [{compare: compares({key}, 129), success: puts({key}, 1)}],
          'at most 128 compares',
        );
        const {succeeded} = await kv.txn({compare: compares({key}, 128), success: puts({key}, 1)});
        assert.equal(succeeded, true, '128 compares fit');
      },
    },
    {
      name: 'transactions nest 32 levels deep, and no deeper',
      async run({kv, key, prefix}) {
        const nested = (levels: number): TxnRequest<string> =>
          levels === 1 ? {success: puts({key}, 1)} : {success: [{type: 'txn', ...nested(levels - 1)}]};
        await assertRefused({kv, prefix}, [nested(33), nested(1000)], 'at most 32 levels');
        await kv.txn(nested(32));
        assert.equal((await keysOf(kv, {prefix})).length, 1, '32 levels run');
      },
    },
    {
      name: 'a key too large for any request is refused by reads, watches and locks as well',
      async run({kv, prefix}) {
        const huge = prefix + 'x'.repeat(1.6 * 1024 * 1024);
        const calls = {
          get: () => kv.get(huge),
          getRange: () => kv.getRange(huge, '\0'),
          watch: () => kv.watch(huge, {timeoutMs: 1_000}),
          changes: () => kv.changes({prefix: huge}).created,
          distTimedLock: () => kv.distTimedLock(0, huge),
        };
        for (const [name, call] of Object.entries(calls)) {
          await assertFails('KVI_INVALID_ARGUMENT', call, `${name}: no key is longer than a request`);
        }
      },
    },
    {
      name: 'a nested transaction may use what the outer one leaves of the limit',
      async run({kv, key, prefix}) {
        const nest = (count: number): TxnRequest<string> => ({
          success: [...puts({key}, 27), {type: 'txn', failure: puts({key}, count, 'nested')}],
        });
        await assertRefused({kv, prefix}, [nest(101)], 'the levels share the limit');
        assert.equal((await kv.txn(nest(100))).responses.length, 28, '28 operations leave 100');
      },
    },
    {
      name: 'a key may be put only once in a transaction, wherever the puts are',
      async run({kv, key, prefix}) {
        const k = put(key('k'));
        await assertRefused(
          {kv, prefix},
          [
            {success: [k, k]},
            {failure: [k, put(key('k'), 'other')]},
            {success: [k, {type: 'deleteRange', key: key('x')}, k]},
            {success: [k, {type: 'txn', success: [k]}]},
            {success: [k, {type: 'txn', failure: [k]}]},
            {
              success: [
                {type: 'txn', success: [k]},
                {type: 'txn', success: [k]},
              ],
            },
            {
              success: [
                {type: 'txn', success: [k]},
                {type: 'txn', success: [{type: 'txn', failure: [k]}]},
              ],
            },
            {success: [{type: 'txn', success: [k, k]}]},
          ],
          'a key changes once in a revision',
        );
        await kv.txn({success: [{type: 'txn', success: [k], failure: [k]}], failure: [k]});
        assert.deepEqual(
          await contents(kv, {prefix}),
          ['k=v'],
          'branches that exclude each other may put the same key',
        );
      },
    },
    {
      name: 'a key may not be both put and deleted in a transaction, in either order',
      async run({kv, key, prefix}) {
        const k = put(key('k'));
        const remove = {type: 'deleteRange', key: key('k')} as const;
        const removeAround = {type: 'deleteRange', key: key('j'), rangeEnd: key('l')} as const;
        await assertRefused(
          {kv, prefix},
          [
            {success: [k, remove]},
            {success: [remove, k]},
            {success: [removeAround, k]},
            {success: [{type: 'deleteRange', key: key('j'), rangeEnd: '\0'}, k]},
            {success: [removeAround, {type: 'txn', success: [k]}]},
            {success: [{type: 'txn', failure: [remove]}, k]},
          ],
          'a key changes once in a revision',
        );
        await kv.txn({success: [k, {type: 'deleteRange', key: key('a'), rangeEnd: key('k')}]});
        assert.deepEqual(await contents(kv, {prefix}), ['k=v'], 'a range ends before its end');
        await kv.txn({success: [remove, removeAround, remove]});
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'deleting twice is one change');
      },
    },
    {
      name: 'a value over the request limit of 1.5 MiB is refused, and one just under it is stored',
      async run({kv, key, prefix}) {
        const limit = 1.5 * 1024 * 1024;
        const promise = 'a request has at most 1.5 MiB';
        const big = 'x'.repeat(limit);
        await assertFails('KVI_INVALID_ARGUMENT', () => kv.store(key('k'), big), promise);
        await assertFails('KVI_INVALID_ARGUMENT', () => kv.tas(key('k'), null, big), promise);
        await assertFails('KVI_INVALID_ARGUMENT', () => kv.tas(key('k'), big, 'x'), promise);
        await assertFails('KVI_INVALID_ARGUMENT', () => kv.tempKey(key('k'), {value: big}), promise);
        await assertFails('KVI_INVALID_ARGUMENT', () => kv.distLock(key('k'), {value: big}), promise);
        await assertFails('KVI_INVALID_ARGUMENT', () => kv.store(key(big), 'x'), promise);
        const halves = [put(key('a'), 'x'.repeat(limit / 2)), put(key('b'), 'x'.repeat(limit / 2))];
        await assertRefused(
          {kv, prefix},
          [{success: halves}, {success: halves.slice(1), failure: halves.slice(0, 1)}],
          promise,
        );
        const most = 'x'.repeat(limit - 1024);
        await kv.store(key('k'), most);
        assert.equal(await kv.get(key('k')), most, 'what is under the limit is stored whole');
      },
    },
    {
      name: 'a handle can be given the limits of an etcd that was started with other ones',
      async run({openKvi, key, prefix}) {
        const kv = await openKvi({maxTxnOps: 2, maxRequestBytes: 1000});
        await assertRefused(
          {kv, prefix},
          [{success: puts({key}, 3)}, {success: [put(key('k'), 'x'.repeat(1000))]}],
          'the limits are those of the handle',
        );
        await kv.txn({success: puts({key}, 2)});
      },
    },
  ],
};
