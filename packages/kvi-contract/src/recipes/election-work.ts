import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {type Driver, eventBuffer, isKviError} from 'kvi-core/driver';
import {election, type Term} from 'kvi-core/recipes';
import {abortOf, assertFails, eventually, keysOf, soon} from '../kvi/helpers.ts';
import {untilWaiting} from '../kvi/lock-waiters.ts';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {abortEverywhere} from './abort-everywhere.ts';
import {gate} from './election-helpers.ts';

/** A driver whose watches are created, but receive nothing. */
function deaf(own: Driver): Driver {
  return {
    ...own,
    watch(_, options) {
      const buffer = eventBuffer({...options, onEnd: () => undefined});
      buffer.created(1);
      return buffer.watch;
    },
  };
}

/** Work that only a leader does. */
export const workOfLeaders: ContractGroup = {
  name: 'a function that runs as the leader',
  cases: [
    {
      name: 'runs while it leads; what it returns or throws is passed on, and it resigns',
      async run(context) {
        const {kv, key} = context;
        const race = election(kv, key('e'));
        const result = await race.runAsLeader('v', async ({token, signal, proclaim, isLeading}) => {
          assert.deepEqual(await race.leader(), {value: 'v', key: (await race.leader())?.key, token});
          await proclaim('w');
          assert.equal((await race.leader())?.value, 'w');
          assert.equal(signal.aborted || !isLeading(), false);
          return 'done';
        });
        assert.equal(result, 'done');
        const failure = new Error('it fails');
        const failing = race.runAsLeader('v', () => {
          throw failure;
        });
        await assert.rejects(failing, (error) => error === failure);
        assert.deepEqual(await keysOf(kv, context), [], 'it has resigned');
      },
    },
    {
      name: 'is told of a loss, and runs again, with a higher token, once it has ended and leads again',
      async run({kv, openKvi, key}) {
        const race = election(kv, key('e'));
        for (const end of ['returns', 'throws']) {
          const terms: Term[] = [];
          const mayEnd = gate();
          const running = race.runAsLeader('v', async (term) => {
            terms.push(term);
            if (terms.length === 2) return 'done';
            await kv.delete(term.key);
            await abortOf(term.signal, 'it is told');
            await mayEnd.opened;
            if (end === 'throws') throw new Error('its result is ignored after the loss');
            return 'too early';
          });
          await eventually(() => Promise.resolve(terms[0]?.signal.aborted === true), 'the loss is told');
          assert.ok(isKviError(terms[0]?.signal.reason, 'KVI_LEADERSHIP_LOST'));
          const other = await soon(election(await openKvi(), key('e')).campaign('other'), 'another leads');
          mayEnd.open();
          await untilWaiting(kv, key('e'), 2);
          assert.equal(terms.length, 1, 'it does not run while another leads');
          await other.resign();
          assert.equal(await soon(running, 'it runs again'), 'done', end);
          assert.ok((terms[1]?.token ?? 0) > other.token);
        }
      },
    },
    {
      name: 'is aborted by the signal of its caller, who hears of it once it has ended',
      async run(context) {
        const {kv, key} = context;
        const race = election(kv, key('e'));
        const controller = new AbortController();
        const started = gate();
        const mayEnd = gate();
        let hasEnded = false;
        const running = race.runAsLeader(
          'v',
          async ({signal}) => {
            started.open();
            await abortOf(signal, 'it is told');
            await mayEnd.opened;
            hasEnded = true;
          },
          {signal: controller.signal},
        );
        await started.opened;
        const over = assertFails('KVI_ABORTED', () => running, 'it was aborted');
        controller.abort(new Error('enough'));
        assert.equal(await keysOf(kv, context).then((keys) => keys.length), 1, 'it leads until it has ended');
        mayEnd.open();
        await over;
        assert.equal(hasEnded, true);
        assert.deepEqual(await keysOf(kv, context), [], 'it has resigned');
      },
    },
    {
      name: 'runs again if it fails because of a loss that its signal has not told yet',
      async run({kv, open, key, prefix}) {
        await using client = createKvi(deaf(await open()));
        const race = election(client, key('e'));
        const tokens: number[] = [];
        const running = race.runAsLeader('v', async ({key: leaderKey, token, signal, proclaim}) => {
          tokens.push(token);
          if (tokens.length === 2) return 'done';
          await kv.delete(leaderKey);
          assert.equal(signal.aborted, false, 'nobody has told the leader');
          await proclaim('w');
          return assert.fail('a leader that lost its key proclaims nothing');
        });
        assert.equal(await soon(running, 'it campaigns again'), 'done');
        assert.equal(tokens.length, 2);
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'it has resigned');
      },
    },
    {
      name: 'keeps neither the handle from closing, nor the next from leading, though it never ends',
      async run({kv, openKvi, key}: CaseContext) {
        const closing = await openKvi();
        const mayEnd = gate();
        const started = gate();
        const running = election(closing, key('e')).runAsLeader('v', async () => {
          started.open();
          await mayEnd.opened;
        });
        await started.opened;
        const next = election(kv, key('e')).campaign('next');
        await untilWaiting(kv, key('e'), 2);
        await soon(closing.close(), 'the handle closes');
        await (await soon(next, 'the next one leads')).resign();
        mayEnd.open();
        await assertFails('KVI_CLOSED', () => running, 'it is over when the function has ended');
      },
    },
    {
      name: 'leaves nothing behind wherever it is aborted, and neither does who only looks',
      async run(context) {
        const {kv, key} = context;
        await abortEverywhere(
          context,
          async (client, signal) => {
            const race = election(client, key('e'));
            await race.runAsLeader('v', ({proclaim}) => proclaim('w', {signal}), {signal});
            await race.leader({signal});
            for await (const leader of race.observe({signal})) {
              assert.equal(leader, undefined);
              return;
            }
          },
          async () => assert.deepEqual(await keysOf(kv, context), [], 'nobody is left in the queue'),
        );
      },
    },
    {
      name: 'is aborted when the handle closes',
      async run({openKvi, key}: CaseContext) {
        const closing = await openKvi();
        const started = gate();
        const running = election(closing, key('e')).runAsLeader('v', async ({signal}) => {
          started.open();
          await abortOf(signal, 'it is told');
        });
        await started.opened;
        const over = assertFails('KVI_CLOSED', () => running, 'it ends');
        await closing.close();
        await over;
      },
    },
  ],
};
