import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {rejects, within, write} from './steps.ts';
import {watchReader} from './watch-reader.ts';

/** Watches that are ended by their consumer, signal or handle. */
export const watchEnd: ContractGroup = {
  name: 'the end of a watch',
  cases: [
    {
      name: 'comes with return(): pending calls end, nothing is delivered afterwards, and others continue',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const ended = driver.watch(k.all);
        const other = driver.watch(k.all);
        await Promise.all([ended.created, other.created]);
        const waiting = ended.next();
        assert.deepEqual(await ended.return(), {done: true, value: undefined}, 'return() ends it');
        const law = 'a watch that was ended delivers nothing';
        assert.equal((await within(waiting, () => law)).done, true, law);
        const revision = await write(driver, k.put('a', '1'));
        assert.equal((await within(ended.next(), () => law)).done, true, law);
        assert.equal((await ended.return()).done, true, 'ending it twice is fine');
        assert.deepEqual(
          await watchReader(k, other).take(1),
          [`@${String(revision)} put a=1`],
          'another watch goes on',
        );
      },
    },
    {
      name: 'comes with return() even for events that were not read yet',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const first = await write(driver, k.put('a', '1'));
        await write(driver, k.put('a', '2'));
        const changes = driver.watch({...k.all, startRevision: first});
        const witness = driver.watch({...k.all, startRevision: first});
        await watchReader(k, witness).take(2);
        await changes.return();
        assert.equal((await changes.next()).done, true, 'nothing is delivered after return()');
      },
    },
    {
      name: 'comes when a loop over it is left',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const changes = driver.watch(k.all);
        await changes.created;
        await write(driver, k.put('a', '1'));
        const seen: string[] = [];
        for await (const {events} of changes) {
          seen.push(...events.map(k.event));
          break;
        }
        assert.deepEqual(seen, ['put a=1'], 'a loop is given the responses');
        await write(driver, k.put('a', '2'));
        assert.equal((await changes.next()).done, true, 'the loop has ended the watch');
      },
    },
    {
      name: 'comes before it is created, if return() is called at once',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const changes = driver.watch(k.all);
        await changes.return();
        await within(
          changes.created.catch(() => 0),
          () => 'created is settled, one way or the other, when the watch has ended',
        );
        assert.equal((await changes.next()).done, true, 'a watch that was ended delivers nothing');
      },
    },
    {
      name: 'comes with KVI_ABORTED and the reason when its signal aborts',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const controller = new AbortController();
        const changes = driver.watch(k.all, {signal: controller.signal});
        const other = driver.watch(k.all);
        await Promise.all([changes.created, other.created]);
        const waiting = rejects(changes.next(), 'KVI_ABORTED', 'what waits is over when the signal aborts');
        const reason = new Error('enough');
        controller.abort(reason);
        assert.equal((await waiting).cause, reason, 'the cause is the reason of the signal');
        const revision = await write(driver, k.put('a', '1'));
        assert.deepEqual(
          await watchReader(k, other).take(1),
          [`@${String(revision)} put a=1`],
          'another watch goes on',
        );
      },
    },
    {
      name: 'comes at once if its signal has already aborted',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const reason = new Error('enough');
        const changes = driver.watch(k.all, {signal: AbortSignal.abort(reason)});
        const early = await rejects(changes.created, 'KVI_ABORTED', 'it is never in place');
        const error = await rejects(changes.next(), 'KVI_ABORTED', 'it reports why it ended');
        assert.deepEqual(
          [early.cause, error.cause],
          [reason, reason],
          'the cause is the reason of the signal',
        );
      },
    },
    {
      name: 'comes with KVI_CLOSED when its handle is closed, and with no other handle',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const closing = await open();
        const ended = closing.watch(k.all);
        const unread = closing.watch(k.all);
        const other = driver.watch(k.all);
        await Promise.all([ended.created, unread.created, other.created]);
        const waiting = rejects(ended.next(), 'KVI_CLOSED', 'what waits is over when the handle is closed');
        await closing.close();
        await waiting;
        await rejects(unread.next(), 'KVI_CLOSED', 'a watch reports that its handle is closed');
        const revision = await write(driver, k.put('a', '1'));
        assert.deepEqual(
          await watchReader(k, other).take(1),
          [`@${String(revision)} put a=1`],
          'a watch of another handle goes on',
        );
      },
    },
    {
      name: 'comes at once on a handle that is closed, without a throw',
      async run(context) {
        const {open} = context;
        const k = keyspace(context);
        const closed = await open();
        await closed.close();
        const changes = closed.watch(k.all);
        await rejects(changes.created, 'KVI_CLOSED', 'it is never in place');
        await rejects(changes.next(), 'KVI_CLOSED', 'it reports why it ended');
      },
    },
  ],
};
