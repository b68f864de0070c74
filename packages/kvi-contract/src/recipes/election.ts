import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {type Driver, eventBuffer, isKviError, noLease} from 'kvi-core/driver';
import {election, type Leader, type Leadership, type Term} from 'kvi-core/recipes';
import {abortOf, assertFails, eventually, keysOf, leaseOf, soon} from '../kvi/helpers.ts';
import {contendersOf, untilWaiting} from '../kvi/lock-waiters.ts';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {abortEverywhere} from './abort-everywhere.ts';

/** The next leader that is observed, by its value. */
async function nextValue(
  observed: AsyncIterator<Leader | undefined, undefined>,
  promise: string,
): Promise<string | undefined> {
  const {value, done} = await soon(observed.next(), promise);
  assert.notEqual(done, true, 'an observation does not end by itself');
  return value?.value;
}

/** A promise, and what resolves it. */
function gate(): {opened: Promise<void>; open: () => void} {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {opened, open};
}

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

/** Campaigns, and who leads. */
export const elections: ContractGroup = {
  name: 'an election',
  cases: [
    {
      name: 'has one leader at a time, first come, first served, each with a higher token',
      async run({kv, openKvi, key}) {
        const name = key('e');
        const first = await election(kv, name).campaign('one');
        const others = [await openKvi(), await openKvi()];
        const waiting: Promise<Leadership>[] = [];
        for (const [i, other] of others.entries()) {
          waiting.push(election(other, name).campaign(String(i)));
          await untilWaiting(kv, name, i + 2);
        }
        assert.equal(first.isLeading(), true);
        assert.equal(first.key.startsWith(`${name}/`), true, "the layout is etcd's");
        let token = first.token;
        await first.resign();
        await first.resign();
        assert.equal(first.isLeading(), false, 'resigning twice is fine');
        for (const [i, next] of waiting.entries()) {
          await using leadership = await soon(next, 'the next one leads');
          assert.equal((await election(kv, name).leader())?.value, String(i));
          assert.ok(leadership.token > token, 'each leader has a higher token');
          ({token} = leadership);
        }
        assert.equal(await election(kv, name).leader(), undefined, 'the end of a block resigns');
      },
    },
    {
      name: 'keeps the third candidate waiting when the second gives up, or is deleted',
      async run({kv, openKvi, key}) {
        const name = key('e');
        for (const how of ['gives up', 'is deleted']) {
          const race = election(kv, name);
          const leading = await race.campaign('first');
          const enough = new AbortController();
          const second = election(await openKvi(), name).campaign('second', {signal: enough.signal});
          second.catch(() => undefined);
          await untilWaiting(kv, name, 2);
          let isElected = false;
          const third = election(await openKvi(), name).campaign('third');
          void third.then(() => (isElected = true));
          await untilWaiting(kv, name, 3);
          if (how === 'gives up') {
            enough.abort();
            await assertFails('KVI_ABORTED', () => second, 'the second gives up');
          } else {
            const {kvs} = await kv.range({prefix: `${name}/`}, {sortTarget: 'create'});
            await kv.delete(kvs[1]?.key ?? '');
          }
          assert.equal((await race.leader())?.value, 'first');
          assert.equal(isElected, false, how);
          await leading.resign();
          await (await soon(third, 'the third leads')).resign();
          // It notices when its turn comes, and queues up again.
          if (how === 'is deleted') await (await soon(second, 'then the second')).resign();
        }
      },
    },
    {
      name: 'is left by a campaign that ends: by its signal, its time or a value that is refused',
      async run(context) {
        const {kv, key} = context;
        const name = key('e');
        const race = election(kv, name);
        await using _leading = await race.campaign('first');
        const controller = new AbortController();
        const waiting = assertFails(
          'KVI_ABORTED',
          () => race.campaign('second', {signal: controller.signal}),
          'the signal ends it',
        );
        await untilWaiting(kv, name, 2);
        controller.abort();
        await waiting;
        const error = await assertFails(
          'KVI_TIMEOUT',
          () => race.campaign('third', {timeoutMs: 20}),
          'in time',
        );
        assert.match(error.message, /was not won within 20 ms/);
        assert.deepEqual((await keysOf(kv, context)).length, 1, 'nobody else is left');
      },
    },
    {
      name: 'tells who leads and what it proclaims, as text or as bytes',
      async run({kv, key}) {
        const race = election(kv, key('e'));
        assert.equal(await race.leader(), undefined);
        await using leadership = await race.campaign('one');
        await leadership.proclaim('two');
        const {token} = leadership;
        assert.deepEqual(await race.leader(), {value: 'two', key: leadership.key, token});
        const leader = await election(kv.bytes, key('e')).leader();
        assert.deepEqual(leader?.value, new Uint8Array(Buffer.from('two')));
        await leadership.proclaim(Uint8Array.of(0xff));
        await assertFails('KVI_NOT_TEXT', () => race.leader(), 'text was asked for');
      },
    },
    {
      name: 'is lost with the key of the leader: its signal, its proclamations and its resignation say so',
      async run({kv, openKvi, key}) {
        const name = key('e');
        const leadership = await election(kv, name).campaign('one');
        const next = election(await openKvi(), name).campaign('two');
        await untilWaiting(kv, name, 2);
        await kv.delete(leadership.key);
        await abortOf(leadership.signal, 'the leader is told');
        assert.ok(isKviError(leadership.signal.reason, 'KVI_LEADERSHIP_LOST'));
        assert.equal(leadership.isLeading(), false);
        await assertFails('KVI_LEADERSHIP_LOST', () => leadership.proclaim('late'), 'it proclaims no more');
        // Somebody puts the key again, under another create revision.
        await kv.store(leadership.key, 'by hand');
        await assertFails('KVI_LEADERSHIP_LOST', () => leadership.proclaim('late'), 'nor then');
        assert.equal(await kv.get(leadership.key), 'by hand', 'nothing was changed');
        await assertFails('KVI_LEADERSHIP_LOST', () => leadership.resign(), 'resigning tells of the loss');
        assert.equal((await soon(next, 'the next one leads')).isLeading(), true);
      },
    },
    {
      name: 'is lost with the lease of the leader, and can be won again under another',
      async run({kv, driver, key}) {
        const race = election(kv, key('e'));
        const leadership = await race.campaign('one', {ttlSeconds: 5});
        const {lease} =
          (await kv.getKeyValue(leadership.key)) ?? assert.fail('the key of the leader is there');
        await driver.leaseRevoke(lease);
        await abortOf(leadership.signal, 'the leader is told');
        assert.ok(isKviError(leadership.signal.reason, 'KVI_LEADERSHIP_LOST'));
        await assertFails('KVI_LEADERSHIP_LOST', () => leadership.resign(), 'resigning tells of the loss');
        await using again = await race.campaign('again');
        assert.notEqual(again.key, leadership.key);
      },
    },
    {
      name: 'goes on when the value of the leader is overwritten by hand',
      async run({kv, key}) {
        const race = election(kv, key('e'));
        await using leadership = await race.campaign('one');
        await kv.store(leadership.key, 'by hand');
        assert.deepEqual((await race.leader())?.value, 'by hand');
        await leadership.proclaim('two');
        assert.deepEqual((await race.leader())?.value, 'two');
        assert.equal(leadership.isLeading(), true);
      },
    },
    {
      name: 'is under the lease of the leader again with the next proclamation, if it was taken from it by hand',
      async run({kv, driver, key, prefix}) {
        const leadership = await election(kv, key('e')).campaign('one');
        const {lease} = (await kv.getKeyValue(leadership.key)) ?? assert.fail('the leader has a key');
        await kv.store(leadership.key, 'by hand');
        assert.equal(await leaseOf(kv, leadership.key), noLease, 'it would outlive a leader that crashes');
        await leadership.proclaim('two');
        assert.equal(await leaseOf(kv, leadership.key), lease);
        await kv.store(leadership.key, 'by hand');
        await driver.leaseRevoke(lease);
        await assertFails('KVI_LEADERSHIP_LOST', () => leadership.proclaim('late'), 'the lease has ended');
        // It fails if the leader has heard of the end of its lease by now.
        await Promise.allSettled([leadership.resign()]);
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'resigning deletes the key, which no lease would');
      },
    },
    {
      name: 'is followed by a candidate that loses its lease, in a place and under a lease that are new',
      async run({kv, openKvi, driver, key}) {
        const race = election(kv, key('e'));
        const leading = await race.campaign('first');
        const second = election(await openKvi(), key('e')).campaign('second');
        await untilWaiting(kv, key('e'), 2);
        const third = election(await openKvi(), key('e')).campaign('third');
        await untilWaiting(kv, key('e'), 3);
        const [, place] = await contendersOf(kv, key('e'));
        await driver.leaseRevoke(place?.lease ?? noLease);
        await untilWaiting(kv, key('e'), 3);
        await leading.resign();
        for (const [value, next] of Object.entries({third, second})) {
          await using leadership = await soon(next, 'everyone has a turn');
          assert.deepEqual(await race.leader(), {value, key: leadership.key, token: leadership.token});
          assert.notEqual(leadership.key, place?.key);
        }
      },
    },
    {
      name: "may be won under a lease of the caller's, which outlives the leadership, and is one candidate",
      async run({kv, key, prefix}) {
        const race = election(kv, key('e'));
        const lease = await kv.lease({ttlSeconds: 30});
        const leadership = await race.campaign('one', {lease});
        assert.equal(leadership.key, `${key('e')}/${lease.id}`);
        const same = await soon(race.campaign('two', {lease}), 'it leads already');
        assert.equal(same.token, leadership.token);
        assert.equal((await race.leader())?.value, 'two', 'and proclaims what it campaigned with');
        await leadership.resign();
        await abortOf(same.signal, 'the one candidate has resigned');
        assert.equal(lease.isAlive(), true);
        const last = await race.campaign('three', {lease});
        await lease.revoke();
        await abortOf(last.signal, 'the lease was ended');
        assert.ok(isKviError(last.signal.reason, 'KVI_CLOSED'), 'which is no loss');
        assert.deepEqual(await keysOf(kv, {prefix}), []);
        await assertFails('KVI_CLOSED', () => race.campaign('four', {lease}), 'a lease that was ended');
      },
    },
    {
      name: 'is given up when the handle closes, and so are campaigns that wait',
      async run({kv, openKvi, key, prefix}) {
        const closing = await openKvi();
        const [one, two] = [election(closing, key('one')), election(closing, key('two'))];
        const leadership = await one.campaign('v');
        const held = await election(kv, key('two')).campaign('v');
        const waiting = assertFails('KVI_CLOSED', () => two.campaign('w'), 'the wait ends');
        await untilWaiting(kv, key('two'), 2);
        await closing.close();
        await waiting;
        assert.ok(isKviError(leadership.signal.reason, 'KVI_CLOSED'), 'it was given up, and not lost');
        assert.equal((await keysOf(kv, {prefix})).length, 1, 'nothing of it is left');
        await leadership.resign();
        await held.resign();
        for (const call of [() => one.campaign('v'), () => one.leader()]) {
          await assertFails('KVI_CLOSED', call, 'a closed handle takes no part');
        }
      },
    },
    {
      name: 'has one leader at a time among a hundred campaigns of one handle',
      async run({kv, key}) {
        const race = election(kv, key('e'));
        const same = [race, election(kv, key('e')), election(kv.bytes, key('e'))];
        let leading = 0;
        let token = 0;
        const lead = async (n: number) => {
          await using leadership = await (same[n % same.length] ?? race).campaign(String(n));
          leading += 1;
          assert.equal(leading, 1, 'nobody else leads');
          assert.ok(leadership.token > token, 'the tokens grow');
          ({token} = leadership);
          assert.equal((await race.leader())?.value, String(n));
          leading -= 1;
        };
        await Promise.all(Array.from({length: 100}, (_, n) => lead(n)));
      },
    },
    {
      name: 'is left clean wherever a campaign is aborted',
      async run(context) {
        const {kv, key} = context;
        await abortEverywhere(
          context,
          async (client, signal) => {
            const leadership = await election(client, key('e')).campaign('v', {signal});
            await leadership.proclaim('w', {signal});
            await leadership.resign();
          },
          async () => assert.deepEqual(await keysOf(kv, context), [], 'nobody is left in the queue'),
        );
      },
    },
    {
      name: 'counts every key below its name as a candidate, as etcd does',
      async run({kv, key}) {
        await using inner = await election(kv, key('a/b')).campaign('inner');
        assert.equal((await election(kv, key('a')).leader())?.key, inner.key);
        await assertFails(
          'KVI_TIMEOUT',
          () => election(kv, key('a')).campaign('v', {timeoutMs: 20}),
          'it leads',
        );
        await using slash = await election(kv, key('s/')).campaign('v');
        assert.ok(slash.key.startsWith(key('s//')), 'a slash at the end is a part of the name');
        await using lock = await kv.distLock(key('l'));
        assert.equal(
          (await election(kv, key('l')).leader())?.token,
          lock.token,
          'a lock has the same layout',
        );
      },
    },
    {
      name: 'refuses bad input before anything is sent',
      async run(context) {
        const {kv, openKvi, key} = context;
        const race = election(kv, key('e'));
        const other = await (await openKvi()).lease();
        const own = await kv.lease();
        const unchecked = race as unknown as Record<keyof typeof race, (...args: unknown[]) => unknown>;
        for (const call of [
          () => election(kv, ''),
          () => election(kv, '\ud800'),
          () => election(undefined as never, 'e'),
          () => election(kv, 1 as never),
          () => unchecked.campaign(),
          () => unchecked.campaign(1),
          () => unchecked.campaign('v', {ttl: 1}),
          () => race.campaign('v', {ttlSeconds: 0}),
          () => race.campaign('v', {timeoutMs: 0}),
          () => race.campaign('v', {lease: other}),
          () => race.campaign('v', {lease: own, ttlSeconds: 5}),
          () => race.campaign('x'.repeat(2_000_000)),
          () => unchecked.runAsLeader('v'),
          () => unchecked.runAsLeader('v', () => 1, {timeoutMs: 5}),
          () => unchecked.observe({timeoutMs: 5}),
          () => unchecked.leader({limit: 2}),
        ]) {
          await assertFails('KVI_INVALID_ARGUMENT', call, `it is refused: ${String(call)}`);
        }
        const {message} = await assertFails('KVI_INVALID_ARGUMENT', () => election(kv, ''), 'it has no name');
        assert.match(message, /election/, 'it says what has no name');
        await other.revoke();
        await own.revoke();
        assert.deepEqual(await keysOf(kv, context), []);
      },
    },
  ],
};

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
      },
    },
  ],
};

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
            if (end === 'throws') throw new Error('what it does after the loss counts for nothing');
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
