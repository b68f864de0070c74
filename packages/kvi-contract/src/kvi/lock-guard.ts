import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {abortOf, assertFails, contents, put} from './helpers.ts';

/** `lock.guard` and `lock.isHeld`. */
export const lockGuard: ContractGroup = {
  name: 'writes that a lock guards',
  cases: [
    {
      name: 'a guarded transaction is applied while the lock is held, and returns what txn does',
      async run({kv, key, prefix}) {
        await using lock = await kv.distLock(key('lock'));
        await kv.store(key('a'), '1');
        const yes = await lock.guard({
          compare: [{key: key('a'), target: 'value', result: '=', value: '1'}],
          success: [put(key('b'), '2'), {type: 'range', key: key('a')}],
        });
        assert.equal(yes.succeeded, true, 'the compares of the request held');
        assert.deepEqual(
          yes.responses.map((response) => response.type),
          ['put', 'range'],
          'there is a response to each operation',
        );
        const [range] = yes.responses.filter((response) => response.type === 'range');
        assert.equal(range?.kvs[0]?.value, '1', 'what it read comes as text');
        const {revision} = await kv.range(key('b'));
        assert.equal(yes.revision, revision, 'it tells the revision');
        const no = await lock.guard({
          compare: [{key: key('a'), target: 'value', result: '=', value: 'x'}],
          success: [put(key('c'))],
          failure: [put(key('d'), '4')],
        });
        assert.equal(no.succeeded, false, 'a compare of the request that is false is no lost lock');
        const keys = {start: key('a'), end: key('e')};
        assert.deepEqual(
          await contents(kv, {prefix}, keys),
          ['a=1', 'b=2', 'd=4'],
          'its own branch was taken',
        );
      },
    },
    {
      name: 'through kv.bytes it returns bytes',
      async run({kv, key}) {
        await kv.bytes.store(key('k'), Buffer.from([0xff]));
        await using lock = await kv.bytes.distLock(key('lock'));
        const {responses} = await lock.guard({success: [{type: 'range', key: key('k')}]});
        const [range] = responses;
        assert.equal(range?.type === 'range' && range.kvs[0]?.value[0], 0xff, 'bytes are kept');
      },
    },
    {
      name: 'once the lock is lost nothing is written, even before the holder has noticed',
      async run({kv, openKvi, key, prefix}) {
        const [holder, operator] = [await openKvi(), await openKvi()];
        const lock = await holder.distLock(key('lock'));
        const [deleting, writing] = [operator.delete(lock.key), () => lock.guard({success: [put(key('k'))]})];
        await deleting;
        await assertFails('KVI_LOCK_LOST', writing, 'the backend decides');
        await assertFails('KVI_LOCK_LOST', writing, 'and a lost lock stays lost');
        await using _next = await operator.distLock(key('lock'));
        await assertFails('KVI_LOCK_LOST', writing, 'the hold of another does not count');
        await abortOf(lock.signal, 'the holder learns that its key was deleted');
        const {cause} = await assertFails('KVI_LOCK_LOST', writing, 'a lock that is known to be lost');
        assert.equal(cause, lock.signal.reason, 'the error says how it was lost');
        assert.deepEqual(await contents(kv, {prefix}, key('k')), [], 'nothing was written');
        await assertFails('KVI_LOCK_LOST', () => lock.release(), 'a lost lock is not unlocked silently');
      },
    },
    {
      name: 'after the release nothing is written, and isHeld is false',
      async run({kv, key, prefix}) {
        const lock = await kv.distLock(key('lock'));
        assert.equal(lock.isHeld(), true, 'a lock that was taken is held');
        const releasing = lock.release();
        assert.equal(lock.isHeld(), false, 'a lock that is being released is not');
        await releasing;
        await assertFails(
          'KVI_LOCK_LOST',
          () => lock.guard({success: [put(key('k'))]}),
          'a released lock guards nothing',
        );
        assert.deepEqual(await contents(kv, {prefix}), [], 'nothing was written');
      },
    },
    {
      name: 'an invalid transaction is refused, and nothing is written',
      async run({kv, key}) {
        await using lock = await kv.distLock(key('lock'));
        for (const bad of [put(key('a')), [put(key('a'))], [], null, undefined, 'put']) {
          await assertFails('KVI_INVALID_ARGUMENT', () => lock.guard(bad as never), 'it is no transaction');
        }
        assert.equal(await kv.get(key('a')), undefined, 'nothing was written');
        assert.equal(lock.isHeld(), true, 'the lock is held as before');
      },
    },
    {
      name: 'a guarded transaction whose compares are false takes its failure branch, whether or not that writes',
      async run({kv, key}) {
        await using lock = await kv.distLock(key('lock'));
        await kv.store(key('a'), 'v');
        const isAbsent = {key: key('a'), target: 'version', result: '=', version: 0} as const;
        const success = [put(key('b'))];
        const read = await lock.guard({
          compare: [isAbsent],
          success,
          failure: [{type: 'range', key: key('a')}],
        });
        assert.equal(read.succeeded, false, 'the compare is false');
        assert.equal(read.responses.length, 1, 'one response to one operation');
        const [response] = read.responses;
        assert.equal(response?.type === 'range' && response.kvs[0]?.value, 'v', 'what was read');
        const none = await lock.guard({compare: [isAbsent], success});
        assert.deepEqual([none.succeeded, none.responses], [false, []], 'no response to no operation');
        const written = await lock.guard({compare: [isAbsent], success, failure: [put(key('c'))]});
        assert.deepEqual([written.succeeded, written.responses.length], [false, 1], 'the failure branch ran');
        assert.deepEqual(
          [await kv.get(key('b')), await kv.get(key('c'))],
          [undefined, 'v'],
          'and nothing else',
        );
      },
    },
    {
      name: 'a guarded transaction is checked and limited like any other',
      async run({kv, openKvi, key}) {
        const small = await openKvi({maxTxnOps: 2});
        await using lock = await small.distLock(key('lock'));
        const exists = {key: key('a'), target: 'version', result: '>', version: 0} as const;
        await lock.guard({success: [put(key('a'))]});
        await lock.guard({compare: [exists], success: [put(key('a'))]});
        await assertFails(
          'KVI_INVALID_ARGUMENT',
          () => lock.guard({compare: [exists, exists], success: [put(key('b'))]}),
          'the fence takes one of the compares',
        );
        await assertFails('KVI_INVALID_ARGUMENT', () => lock.guard({success: [put('')]}), 'an empty key');
        const signal = AbortSignal.abort('enough');
        await assertFails('KVI_ABORTED', () => lock.guard({}, {signal}), 'it takes a signal');
        assert.equal(await kv.get(key('b')), undefined, 'nothing was written');
      },
    },
  ],
};
