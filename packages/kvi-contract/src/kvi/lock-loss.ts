import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {type Driver, eventBuffer} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {breakableClient, missed} from './connection.ts';
import {
  abortOf,
  assertFails,
  contents,
  eventually,
  keysOf,
  leaseOf,
  shortTtlSeconds,
  soon,
} from './helpers.ts';
import {contendersOf, untilWaiting} from './lock-waiters.ts';

/** A driver that can delay the answer to a put under a lease until the lease is gone and its keepalive has noticed. */
function lateAnswers(own: Driver): {driver: Driver; beLate: () => void} {
  let isLate = false;
  let notice: () => void = () => undefined;
  return {
    beLate() {
      isLate = true;
    },
    driver: {
      ...own,
      async txn(request, options) {
        const response = await own.txn(request, options);
        const [put] = request.success ?? [];
        if (!isLate || put?.type !== 'put' || put.lease === undefined) return response;
        isLate = false;
        const noticed = new Promise<void>((resolve) => (notice = resolve));
        await own.leaseRevoke(put.lease);
        await noticed;
        return response;
      },
      async leaseKeepAlive(...args) {
        try {
          return await own.leaseKeepAlive(...args);
        } catch (error) {
          setImmediate(notice);
          throw error;
        }
      },
    },
  };
}

/** Locks that are lost, and locks of other clients. */
export const lockLoss: ContractGroup = {
  name: 'losing a lock, and meeting other clients',
  cases: [
    {
      name: 'the signal aborts with KVI_LOCK_LOST when the key is deleted, and unlocking reports it',
      async run({kv, openKvi, key}) {
        const operator = await openKvi();
        const held = await kv.distLock(key('lock'));
        await operator.delete(held.key);
        await abortOf(held.signal, 'the holder learns that its key was deleted');
        assert.equal((held.signal.reason as {code?: string}).code, 'KVI_LOCK_LOST', 'the signal says why');
        await assertFails(
          'KVI_LOCK_LOST',
          () => kv.distUnlock(key('lock')),
          'a lost lock is not unlocked silently',
        );
        await kv.distUnlock(key('lock'));
        await (await kv.distTimedLock(0, key('lock'))).release();
      },
    },
    {
      name: 'the lease ends as soon as the key is deleted, though nobody unlocks; unlocking still reports the loss',
      async run({kv, driver, key}) {
        const held = await kv.distLock(key('lock'));
        const id = (await leaseOf(kv, held.key)) ?? assert.fail('the holder has a lease');
        await kv.delete(held.key);
        await abortOf(held.signal, 'the holder learns that its key was deleted');
        await eventually(async () => {
          const {leases} = await driver.leaseLeases();
          return !leases.includes(id);
        }, 'nobody keeps the lease alive');
        await assertFails('KVI_LOCK_LOST', () => kv.distUnlock(key('lock')), 'the loss is reported');
        await (await kv.distTimedLock(0, key('lock'))).release();
      },
    },
    {
      name: "releasing a lost lock leaves the key that somebody else put under the caller's lease alone",
      async run({kv, key}) {
        await using lease = await kv.lease();
        const held = await kv.distLock(key('lock'), {lease});
        await kv.delete(held.key);
        await abortOf(held.signal, 'the holder learns that its key was deleted');
        await kv.store(held.key, 'by hand', {lease: lease.id});
        await assertFails('KVI_LOCK_LOST', () => held.release(), 'the loss is reported');
        assert.equal(await kv.get(held.key), 'by hand');
        await kv.delete(held.key);
      },
    },
    {
      name: 'the signal aborts when the lease is revoked, and unlocking reports the loss',
      async run({kv, driver, key}) {
        const held = await kv.distLock(key('lock'));
        await driver.leaseRevoke((await leaseOf(kv, held.key)) ?? '0');
        await abortOf(held.signal, 'the holder learns that its lease was revoked');
        await assertFails('KVI_LOCK_LOST', () => held.release(), 'a lost lock is not unlocked silently');
        await (await kv.distTimedLock(0, key('lock'))).release();
      },
    },
    {
      name: 'unlocking reports the loss even if the signal has not aborted yet',
      async run({open, openKvi, driver, key}) {
        const operator = await openKvi();
        // Its watches are created, but receive nothing.
        const deaf = createKvi({
          ...(await open()),
          watch(_, options) {
            const buffer = eventBuffer({...options, onEnd: () => undefined});
            buffer.created(1);
            return buffer.watch;
          },
        });
        const losses = [
          (lockKey: string) => operator.delete(lockKey),
          async (lockKey: string) => driver.leaseRevoke((await leaseOf(operator, lockKey)) ?? '0'),
        ];
        for (const lose of losses) {
          const held = await deaf.distLock(key('lock'));
          await lose(held.key);
          assert.equal(held.signal.aborted, false, 'nobody has told the holder');
          await assertFails('KVI_LOCK_LOST', () => held.release(), 'a lost lock is not unlocked silently');
        }
      },
    },
    {
      name: 'a compaction while the connection is cut loses no lock, and a later loss is still noticed',
      async run({kv, driver, open, key}) {
        const {client, connection} = await breakableClient({open});
        await using _client = client;
        const held = await client.distLock(key('lock'));
        await missed({kv, driver, key}, connection, () => Promise.resolve());
        await eventually(
          () => Promise.resolve(held.signal.aborted || connection.watches() > 1),
          'the holder looks again',
        );
        assert.equal(held.signal.aborted, false, 'the key is still there');
        await kv.delete(held.key);
        await abortOf(held.signal, 'the holder learns that its key was deleted');
        await assertFails('KVI_LOCK_LOST', () => held.release(), 'a lost lock is not unlocked silently');
      },
    },
    {
      name: 'the signal aborts even if the history of the wait was compacted before the lock was taken',
      async run({kv, openKvi, driver, key}) {
        const other = await openKvi();
        const first = await kv.distLock(key('lock'));
        const waiting = other.distLock(key('lock'));
        await untilWaiting(kv, key('lock'), 2);
        await kv.store(key('k'), '1');
        await kv.store(key('k'), '2');
        await driver.compact({revision: (await kv.range(key('k'))).revision});
        await first.release();
        const held = await soon(waiting, 'a compaction does not end the wait');
        await kv.delete(held.key);
        await abortOf(held.signal, 'the holder learns that its key was deleted');
        await assertFails('KVI_LOCK_LOST', () => held.release(), 'a lost lock is not unlocked silently');
      },
    },
    {
      name: 'once a lock is lost, another client can take it, with a higher token',
      async run({kv, openKvi, key}) {
        const other = await openKvi();
        const lost = await kv.distLock(key('lock'));
        const waiting = other.distLock(key('lock'));
        await untilWaiting(kv, key('lock'), 2);
        await other.delete(lost.key);
        const held = await soon(waiting, 'a lost lock is free');
        assert.ok(held.token > lost.token, 'the token tells the holders apart');
        await assertFails(
          'KVI_LOCK_LOST',
          () => lost.release(),
          'the first learns it at the latest when it releases',
        );
        assert.equal(held.signal.aborted, false, 'the release of a lost lock does not touch the next hold');
        assert.equal((await kv.getRange(held.key)).length, 1, 'nor its key');
        await held.release();
      },
    },
    {
      name: 'a holder that crashed loses the lock within its TTL',
      async run({kv, open, key}) {
        const driver = await open();
        await using crashing = createKvi(driver);
        const lost = await crashing.distLock(key('lock'), {ttlSeconds: 1});
        const waiting = kv.distLock(key('lock'));
        await untilWaiting(kv, key('lock'), 2);
        // As after a crash: without telling the backend.
        await driver.close();
        const held = await soon(waiting, 'the lock of a crashed holder is free within its TTL');
        assert.equal(
          lost.signal.aborted,
          true,
          'and the holder, should it live, knew before anyone else had it',
        );
        await held.release();
      },
    },
    {
      name: 'a lock whose lease ends before its answer comes is not held',
      async run({kv, open, key, prefix}) {
        const late = lateAnswers(await open());
        await using client = createKvi(late.driver);
        late.beLate();
        const held = await client.distLock(key('lock'), {ttlSeconds: shortTtlSeconds});
        assert.equal((await kv.getRange(held.key)).length, 1, 'who waits has the lock by another lease');
        assert.equal(held.isHeld(), true, 'and holds it');
        await held.release();
        late.beLate();
        await assertFails(
          'KVI_UNAVAILABLE',
          () => client.distTimedLock(0, key('lock'), {ttlSeconds: shortTtlSeconds}),
          'who tries once is told that it may try again',
        );
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'who tried left no key');
      },
    },
    {
      name: 'releasing deletes the key even if an operator detached its lease',
      async run({kv, openKvi, key, prefix}) {
        const operator = await openKvi();
        const held = await kv.distLock(key('lock'));
        await operator.store(held.key, '');
        await held.release();
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'a released lock is free');
      },
    },
    {
      name: 'an older contender of another client is waited for, and a younger one is not',
      async run({kv, driver, key}) {
        // Contends as etcdctl lock and the Go client do.
        const contend = async () => {
          const {id} = await driver.leaseGrant({ttlSeconds: 60});
          await driver.txn({
            success: [
              {type: 'put', key: Buffer.from(`${key('lock')}/${id}`), value: Buffer.alloc(0), lease: id},
            ],
          });
          return id;
        };
        const older = await contend();
        await assertFails(
          'KVI_TIMEOUT',
          () => kv.distTimedLock(0, key('lock')),
          'another client holds the lock',
        );
        const waiting = kv.distLock(key('lock'));
        await untilWaiting(kv, key('lock'), 2);
        const younger = await contend();
        await driver.leaseRevoke(older);
        const held = await soon(waiting, 'the lock is free when the other client gives it up');
        assert.deepEqual(
          (await contendersOf(kv, key('lock'))).map((contender) => contender.key),
          [held.key, `${key('lock')}/${younger}`],
          'the other client that came later finds kvi before it',
        );
        await held.release();
        await driver.leaseRevoke(younger);
      },
    },
    {
      name: 'a lock protects writes that compare its token',
      async run({kv, openKvi, key, prefix}) {
        const other = await openKvi();
        const lost = await kv.distLock(key('lock'));
        await other.delete(lost.key);
        const held = await other.distLock(key('lock'));
        const write = (token: number, lockKey: string) => (handle: typeof kv) =>
          handle.txn({
            compare: [{key: lockKey, target: 'create', result: '=', createRevision: token}],
            success: [{type: 'put', key: key('k'), value: String(token)}],
          });
        await write(held.token, held.key)(other);
        const {succeeded} = await write(lost.token, lost.key)(kv);
        assert.equal(succeeded, false, 'a write that compares the token of a lost lock does nothing');
        await held.release();
        await eventually(async () => (await keysOf(kv, {prefix})).length === 1, 'the lock is released');
        assert.deepEqual(
          await contents(kv, {prefix}),
          [`k=${String(held.token)}`],
          'the write under the lock stays',
        );
        await assertFails('KVI_LOCK_LOST', () => lost.release(), 'a lost lock is not unlocked silently');
      },
    },
  ],
};
