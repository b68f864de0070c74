import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {KviError} from 'kvi-core/driver';
import {election} from 'kvi-core/recipes';
import {assertFails, soon} from '../kvi/helpers.ts';
import {untilWaiting} from '../kvi/lock-waiters.ts';
import type {ContractGroup} from '../suite.ts';
import {nextValue, gate} from './election-helpers.ts';
import {endingWatches} from './ending-watches.ts';

/** Who follows an election. */
export const observedElections: ContractGroup = {
  name: 'an election that is observed',
  cases: [
    {
      name: 'tells the present leader first, then each change of the leader or its value, and when nobody leads',
      async run({kv, openKvi, key}) {
        const race = election(kv, key('e'));
        const observed = election(await openKvi(), key('e')).observe();
        assert.equal(await nextValue(observed, 'nobody leads'), undefined);
        const one = await race.campaign('one');
        assert.equal(await nextValue(observed, 'the first leads'), 'one');
        const two = race.campaign('two');
        await untilWaiting(kv, key('e'), 2);
        await one.proclaim('one again');
        assert.equal(await nextValue(observed, 'a proclamation is told'), 'one again');
        await one.resign();
        assert.equal(await nextValue(observed, 'the second leads'), 'two');
        const late = race.observe();
        assert.equal(await nextValue(late, 'who comes late is told at once'), 'two');
        await (await two).resign();
        for (const each of [observed, late]) {
          assert.equal(await nextValue(each, 'nobody leads again'), undefined);
          await each.return(undefined);
        }
      },
    },
    {
      name: 'tells every leader of a hundred in their order, none twice and none wrong',
      async run({kv, openKvi, key}) {
        const race = election(kv, key('e'));
        const observed = election(await openKvi(), key('e')).observe();
        await observed.next();
        const tokens: number[] = [];
        const lead = async (n: number) => {
          await using leadership = await race.campaign(String(n));
          tokens.push(leadership.token);
        };
        const seen: number[] = [];
        const watching = (async () => {
          while (seen.length < 100) {
            const {value} = await soon(observed.next(), 'each leader is told');
            if (value) seen.push(value.token);
          }
        })();
        await Promise.all(Array.from({length: 100}, (_, n) => lead(n)));
        await watching;
        assert.deepEqual(seen, tokens);
        await observed.return(undefined);
      },
    },
    {
      name: 'is followed across a compaction of what has not been told',
      async run({openKvi, open, kv, key, driver}) {
        const own = await open();
        let isHeld = false;
        const held = gate();
        await using slow = createKvi({
          ...own,
          watch(request, options) {
            // The change is compacted before the watch arrives.
            return own.watch(isHeld ? {...request, startRevision: 1} : request, options);
          },
          range: async (...args) => {
            const response = await own.range(...args);
            if (isHeld) await held.opened;
            return response;
          },
        });
        const one = await election(kv, key('e')).campaign('one');
        isHeld = true;
        const observed = election(slow, key('e')).observe();
        const first = nextValue(observed, 'the present leader is told');
        const two = election(await openKvi(), key('e')).campaign('two');
        await untilWaiting(kv, key('e'), 2);
        await one.resign();
        const leading = await two;
        const {revision} = await driver.txn({});
        await driver.compact({revision});
        held.open();
        assert.ok(['one', 'two'].includes((await first) ?? ''), 'what was read is told');
        const again = nextValue(observed, 'the leader of now is told');
        isHeld = false;
        assert.equal(await again, 'two');
        await leading.proclaim('three');
        assert.equal(await nextValue(observed, 'and it goes on'), 'three');
        await observed.return(undefined);
        await leading.resign();
      },
    },
    {
      name: 'is followed past candidates whose values are not text, until one of them leads',
      async run({kv, openKvi, key}) {
        const race = election(kv, key('e'));
        const one = await race.campaign('one');
        const early = election(await openKvi(), key('e')).campaign(Uint8Array.of(0xff));
        await untilWaiting(kv, key('e'), 2);
        const observed = race.observe();
        const inBytes = election(kv.bytes, key('e')).observe();
        assert.equal(await nextValue(observed, 'the leader is told'), 'one');
        assert.deepEqual((await inBytes.next()).value?.value, new Uint8Array(Buffer.from('one')));
        const late = election(await openKvi(), key('e')).campaign(Uint8Array.of(0xfe));
        for (const each of [early, late]) each.catch(() => undefined);
        await untilWaiting(kv, key('e'), 3);
        await one.proclaim('two');
        assert.equal(await nextValue(observed, 'and goes on to be'), 'two');
        await inBytes.next();
        await one.resign();
        await assertFails('KVI_NOT_TEXT', () => observed.next(), 'text was asked for');
        const {value} = await soon(inBytes.next(), 'bytes can be told');
        assert.deepEqual(value?.value, Uint8Array.of(0xff));
        await inBytes.return(undefined);
        await (await early).resign();
        await (await late).resign();
      },
    },
    {
      name: 'ends with KVI_SLOW_CONSUMER, rather than leave out a leader, for who does not keep up',
      async run({open, key}) {
        const {driver, endWatch} = endingWatches(await open());
        await using client = createKvi(driver);
        const observed = election(client, key('e')).observe();
        assert.equal(await nextValue(observed, 'nobody leads'), undefined);
        const next = assertFails('KVI_SLOW_CONSUMER', () => observed.next(), 'it ends');
        await endWatch(new KviError('KVI_SLOW_CONSUMER', 'made to fail'));
        await next;
      },
    },
    {
      name: 'ends with its signal, and with its handle',
      async run({kv, openKvi, key}) {
        const closing = await openKvi();
        const enough = new AbortController();
        const ends = [
          {code: 'KVI_ABORTED', observed: election(kv, key('e')).observe({signal: enough.signal})},
          {code: 'KVI_CLOSED', observed: election(closing, key('e')).observe()},
        ] as const;
        const waits = [];
        for (const {code, observed} of ends) {
          assert.equal(await nextValue(observed, 'nobody leads'), undefined);
          waits.push(assertFails(code, () => observed.next(), 'the wait ends'));
        }
        enough.abort();
        await closing.close();
        await Promise.all(waits);
        const late = election(closing, key('e')).observe();
        await assertFails('KVI_CLOSED', () => late.next(), 'a closed handle follows nothing');
      },
    },
  ],
};
