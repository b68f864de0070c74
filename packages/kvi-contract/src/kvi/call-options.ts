import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {type Driver, type DriverCallOptions, eventBuffer, KviError, sleep} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {everyCall, unknownCall} from './calls.ts';
import {assertFails, keysOf} from './helpers.ts';

/** A driver whose reads and transactions are never answered; `cause` tells how long they waited. */
function hanging(driver: Driver): Driver {
  async function hang({timeoutMs = Infinity, signal}: DriverCallOptions = {}): Promise<never> {
    await sleep(driver.clock, timeoutMs, signal);
    throw new KviError('KVI_TIMEOUT', 'made to hang', {cause: timeoutMs});
  }
  return {...driver, range: (_, options) => hang(options), txn: (_, options) => hang(options)};
}

/** An `AbortSignal` like those of jsdom and happy-dom: not an instance of Node's class, nor of Node's event target. */
function foreignController() {
  const own = new AbortController();
  const signal: unknown = {
    get aborted() {
      return own.signal.aborted;
    },
    get reason() {
      return own.signal.reason as unknown;
    },
    throwIfAborted: () => own.signal.throwIfAborted(),
    addEventListener: own.signal.addEventListener.bind(own.signal),
    removeEventListener: own.signal.removeEventListener.bind(own.signal),
  };
  return {signal: signal as AbortSignal, abort: (reason: unknown) => own.abort(reason)};
}

/** Timeouts and signals. */
export const callOptions: ContractGroup = {
  name: 'signals and timeouts',
  cases: [
    {
      name: 'a signal that has aborted ends every call before it begins, with its reason, and nothing is written',
      async run({kv, open, key, prefix}) {
        const reason = new Error('no longer wanted');
        const driver = await open();
        const sent: string[] = [];
        const client = createKvi({
          ...driver,
          range: (...args) => (sent.push('range'), driver.range(...args)),
          txn: (...args) => (sent.push('txn'), driver.txn(...args)),
          compact: (...args) => (sent.push('compact'), driver.compact(...args)),
          leaseGrant: (...args) => (sent.push('leaseGrant'), driver.leaseGrant(...args)),
          leaseTimeToLive: (...args) => (sent.push('leaseTimeToLive'), driver.leaseTimeToLive(...args)),
          leaseLeases: (...args) => (sent.push('leaseLeases'), driver.leaseLeases(...args)),
          watch: (...args) => (sent.push('watch'), driver.watch(...args)),
        });
        const calls = everyCall(client, {key, prefix}, {signal: AbortSignal.abort(reason)});
        for (const [name, call] of Object.entries(calls)) {
          const error = await assertFails('KVI_ABORTED', call, `${name} is ended by its signal`);
          assert.equal(error.cause, reason, `${name}: the cause is the signal's reason`);
        }
        assert.deepEqual(sent, [], 'an aborted call asks the backend for nothing');
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'an aborted call writes nothing');
        await kv.store(key('k'), 'v');
      },
    },
    {
      name: 'a signal that aborts during a wait ends it, with its reason',
      async run({kv, openKvi, key, prefix}) {
        const other = await openKvi();
        await using _lock = await other.distLock(key('lock'));
        const controller = new AbortController();
        const {signal} = controller;
        const changes = kv.changes({prefix}, {signal});
        const waits = {
          watch: kv.watch(key('k'), {signal}),
          distLock: kv.distLock(key('lock'), {signal}),
          distTimedLock: kv.distTimedLock(1000, key('lock'), {signal}),
          changes: changes.next(),
        };
        for (const wait of Object.values(waits)) wait.catch(() => undefined);
        await changes.created;
        controller.abort('enough');
        for (const [name, wait] of Object.entries(waits)) {
          const error = await assertFails('KVI_ABORTED', () => wait, `${name} is ended by its signal`);
          assert.equal(error.cause, 'enough', `${name}: the cause is the signal's reason`);
        }
        await kv.store(key('k'), 'v');
        assert.equal(await kv.get(key('k')), 'v', 'the handle works on');
      },
    },
    {
      name: 'a signal that aborts after its call has ended changes nothing',
      async run({kv, key}) {
        const controller = new AbortController();
        const {signal} = controller;
        await kv.store(key('k'), 'v', {signal});
        const temp = await kv.tempKey(key('temp'), {signal});
        const lock = await kv.distLock(key('lock'), {signal});
        let calls = 0;
        const watch = await kv.watchWithCB(key('k'), 'put', () => void (calls += 1), undefined, {signal});
        controller.abort();
        assert.equal(
          temp.signal.aborted,
          false,
          'the signal is that of the call, not of the key that it made',
        );
        assert.equal(lock.signal.aborted, false, 'the signal is that of the wait, not of the lock');
        await kv.store(key('k'), 'w');
        await kv.delete(key('k'));
        await watch.ended;
        assert.equal(calls, 1, 'the signal is that of the call, not of the watch');
        await lock.release();
        await temp.close();
      },
    },
    {
      name: 'a signal of another realm, such as one of jsdom, serves every call, and ends a wait',
      async run({openKvi, key, prefix}) {
        const kv = await openKvi();
        const other = await openKvi();
        const {signal, abort} = foreignController();
        const options = {signal};
        await kv.store(key('k'), 'v', options);
        await kv.getRange({prefix}, options);
        await (await kv.distLock(key('free'), options)).release();
        await (await kv.tempKey(key('temp'), options)).close();
        await using _lock = await other.distLock(key('lock'));
        const changes = kv.changes({prefix}, options);
        const waits = [kv.watch(key('k'), options), kv.distLock(key('lock'), options), changes.next()];
        for (const wait of waits) wait.catch(() => undefined);
        await changes.created;
        abort('enough');
        for (const wait of waits) {
          const error = await assertFails('KVI_ABORTED', () => wait, 'a wait is ended by its signal');
          assert.equal(error.cause, 'enough', "the cause is the signal's reason");
        }
      },
    },
    {
      name: 'watch fails with KVI_TIMEOUT when its timeout expires',
      async run({kv, key}) {
        await assertFails(
          'KVI_TIMEOUT',
          () => kv.watch(key('k'), {timeoutMs: 20}),
          'timeoutMs bounds the wait',
        );
        await kv.store(key('k'), 'v');
      },
    },
    {
      name: 'tempKey and watchWithCB, which wait for the backend, fail when their timeout expires, and leave nothing behind',
      async run({kv, open, key, prefix}) {
        const driver = await open();
        const held = createKvi({
          ...hanging(driver),
          watch: () => eventBuffer({onEnd: () => undefined}).watch,
        });
        const options = {timeoutMs: 20};
        await assertFails(
          'KVI_TIMEOUT',
          () => held.tempKey(key('temp'), options),
          'timeoutMs bounds tempKey',
        );
        await assertFails(
          'KVI_TIMEOUT',
          () => held.watchWithCB(key('k'), 'put', () => undefined, undefined, options),
          'timeoutMs bounds watchWithCB',
        );
        await held.close();
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'a call that gave up leaves nothing');
      },
    },
    {
      name: 'every call has a timeout, by default that of the handle',
      async run({open, key, prefix}) {
        const kv = createKvi(hanging(await open()), {timeoutMs: 20});
        for (const name of ['store', 'get', 'getRange', 'range', 'delete', 'tas', 'transaction', 'txn']) {
          const byHandle = await assertFails(
            'KVI_TIMEOUT',
            everyCall(kv, {key, prefix})[name] ?? unknownCall,
            `${name} ends in time`,
          );
          assert.ok(Number(byHandle.cause) <= 20, `${name} has the time limit of the handle`);
          const own = await assertFails(
            'KVI_TIMEOUT',
            everyCall(kv, {key, prefix}, {timeoutMs: 5})[name] ?? unknownCall,
            `${name} ends in time`,
          );
          assert.ok(Number(own.cause) <= 5, `${name} has its own time limit`);
        }
      },
    },
  ],
};
