import assert from 'node:assert/strict';
import {setImmediate as nextTurn} from 'node:timers/promises';
import {type Codec, typed, type TypedChange, type TypedChanges} from 'kvi-core/recipes';
import type {ContractGroup} from '../suite.ts';
import {assertFails, soon} from '../kvi/helpers.ts';
import {assertInvalid, hangingCodec, type Item, items} from './typed-helpers.ts';

/** The next changes, from any number of sets. */
async function take(changes: TypedChanges<Item>, count: number): Promise<TypedChange<Item>[]> {
  const taken: TypedChange<Item>[] = [];
  while (taken.length < count) {
    const {value, done} = await soon(changes.next(), 'changes come');
    if (done === true) assert.fail('the changes ended');
    taken.push(...value.events);
  }
  return taken;
}

/** What happened to which value. */
function describe({type, value, error}: TypedChange<Item>): string {
  if (error !== undefined) return `${type} ${error.code}`;
  return value === undefined ? type : `${type} ${value.n}`;
}

/** `changes` and `watch` of typed views. */
export const typedChanges: ContractGroup = {
  name: 'typed views, changes',
  cases: [
    {
      name: 'changes are those of Kvi.changes, with typed values',
      async run({kv, key, prefix}) {
        const view = typed(kv, items);
        await using changes = view.changes({prefix}, {prevKv: true});
        await using plain = kv.changes({prefix}, {prevKv: true});
        assert.equal(await changes.created, await plain.created, 'created is the first revision');
        await view.store(key('a'), {n: 1});
        await kv.txn({
          success: [
            {type: 'put', key: key('a'), value: '{"n":2}'},
            {type: 'put', key: key('b'), value: '{"n":3}'},
          ],
        });
        await view.delete({prefix});
        const parse = (text: string | undefined) =>
          text === undefined ? undefined : (JSON.parse(text) as Item);
        for (let i = 0; i < 3; i += 1) {
          const {value: set} = await soon(changes.next(), 'a set comes');
          const {value: expected} = await soon(plain.next(), 'a set comes');
          const events = expected?.events.map((event) => ({
            ...event,
            value: parse(event.value),
            ...(event.prevKv && {prevKv: {...event.prevKv, value: parse(event.prevKv.value)}}),
          }));
          assert.deepEqual(set, {...expected, events}, 'only the values differ');
        }
      },
    },
    {
      name: 'a value that cannot be decoded is a change with an error, and the changes go on',
      async run({kv, openKvi, key, prefix}) {
        const view = typed(kv, items);
        await using changes = view.changes({prefix}, {prevKv: true});
        await changes.created;
        const other = await openKvi();
        const k = key('k');
        for (const value of ['{"n":1}', 'by hand', '{"n":-1}', '{"n":2}']) await other.store(k, value);
        await other.delete(k);
        const taken = await take(changes, 5);
        assert.deepEqual(
          taken.map(describe),
          ['put 1', 'put KVI_INVALID_VALUE', 'put KVI_INVALID_VALUE', 'put 2', 'delete'],
          'every change is told',
        );
        assertInvalid(taken[1]?.error, k, 'JSON', 'what is no JSON is told');
        assertInvalid(taken[2]?.error, k, 'n is negative', 'what the codec refuses is told');
        const [, , , before] = taken;
        assert.equal(before?.error, undefined, 'the change itself is good');
        assertInvalid(before?.prevKv?.error, k, 'n is negative', 'the value before has an error of its own');
        assert.deepEqual(taken[4]?.prevKv?.value, {n: 2}, 'a deletion has the value before');
        assert.ok(
          taken.every(({key: at, modRevision}) => at === k && modRevision > 0),
          'each has its key and revision',
        );
      },
    },
    {
      name: 'changes keep their order, however long each value takes to decode',
      async run({kv, key, prefix}) {
        const done: number[] = [];
        let release: () => void = () => undefined;
        const isReleased = new Promise<void>((resolve) => {
          release = resolve;
        });
        /** The first value waits until the second has been decoded. */
        const codec: Codec<Item> = {
          ...items,
          async decode(stored, at) {
            const item = await items.decode(stored, at);
            if (item.n === 1) await isReleased;
            if (item.n === 2) release();
            done.push(item.n);
            return item;
          },
        };
        await using changes = typed(kv, codec).changes({prefix});
        await kv.txn({
          success: [1, 2].map((n) => ({type: 'put', key: key(String(n)), value: JSON.stringify({n})})),
        });
        for (const n of [3, 4, 5]) await kv.store(key('k'), JSON.stringify({n}));
        assert.deepEqual(
          (await take(changes, 5)).map(({value}) => value?.n),
          [1, 2, 3, 4, 5],
          'in the order of the store',
        );
        assert.deepEqual(done, [2, 1, 3, 4, 5], 'the values of one set may overtake each other');
      },
    },
    {
      name: 'several pending calls of next are served in turn; throw ends the iteration',
      async run({kv, key, prefix}) {
        const steps: string[] = [];
        const codec: Codec<Item> = {
          ...items,
          async decode(stored, at) {
            const item = await items.decode(stored, at);
            steps.push(`begin ${item.n}`);
            await nextTurn();
            steps.push(`end ${item.n}`);
            return item;
          },
        };
        const changes = typed(kv, codec).changes({prefix});
        const waiting = [changes.next(), changes.next(), changes.next()];
        for (const n of [1, 2, 3]) await kv.store(key('a'), JSON.stringify({n}));
        const results = await soon(Promise.all(waiting), 'each call gets a set');
        assert.deepEqual(
          results.map(({value}) => value?.events[0]?.value?.n),
          [1, 2, 3],
          'in the order of the calls',
        );
        assert.deepEqual(
          steps,
          ['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3'],
          'one set is decoded before the next',
        );
        const last = changes.next();
        await assert.rejects(async () => changes.throw?.(new Error('enough')), {message: 'enough'});
        assert.equal((await soon(last, 'a call that waits ends')).done, true, 'without a set');
        assert.equal((await changes.next()).done, true, 'and so do later ones');
      },
    },
    {
      name: 'leaving the loop ends it, and so does return, even while a value is decoded that never is',
      async run({kv, key}) {
        const looped = typed(kv, items).changes(key('k'));
        await kv.store(key('k'), '{"n":1}');
        for await (const {events} of looped) {
          assert.deepEqual(events[0]?.value, {n: 1}, 'the loop has the change');
          break;
        }
        assert.equal((await looped.next()).done, true, 'a loop that was left has ended');

        const disposed = typed(kv, items).changes(key('k'));
        await disposed[Symbol.asyncDispose]();
        assert.equal(
          (await soon(disposed.next(), 'it has ended')).done,
          true,
          'so does the end of its block',
        );

        const {codec, called} = hangingCodec();
        const hanging = typed(kv, codec).changes(key('k'));
        const pending = hanging.next();
        await kv.store(key('k'), '{"n":2}');
        await soon(called, 'the codec is called');
        await hanging.return?.();
        assert.equal((await soon(pending, 'what is awaited ends')).done, true, 'ending is no error');
        assert.equal((await hanging.next()).done, true, 'what has ended stays so');
      },
    },
    {
      name: 'the signal and the end of the handle end the iteration while a value is decoded that never is',
      async run({kv, openKvi, key}) {
        const handle = await openKvi();
        const controller = new AbortController();
        const {signal} = controller;
        for (const [code, end] of [
          ['KVI_ABORTED', () => controller.abort('enough')],
          ['KVI_CLOSED', () => handle.close()],
        ] as const) {
          const {codec, called} = hangingCodec();
          const changes = typed(handle, codec).changes(key('k'), code === 'KVI_ABORTED' ? {signal} : {});
          await changes.created;
          const pending = changes.next();
          pending.catch(() => undefined);
          await kv.store(key('k'), '{"n":1}');
          await soon(called, 'the codec is called');
          await end();
          const error = await assertFails(code, () => pending, 'the wait ends');
          if (code === 'KVI_ABORTED') assert.equal(error.cause, 'enough', "the cause is the signal's reason");
          assert.equal((await soon(changes.next(), 'it has ended')).done, true, 'and nothing comes after');
        }
      },
    },
    {
      name: 'a key that is not text ends the changes with KVI_NOT_TEXT, as on every handle of text',
      async run({kv, key, prefix}) {
        const changes = typed(kv, items).changes({prefix});
        await changes.created;
        await kv.store(Buffer.concat([Buffer.from(key('b')), Buffer.from([0xff])]), '{"n":2}');
        await assertFails('KVI_NOT_TEXT', () => changes.next(), 'a key that is no text');
        assert.equal((await changes.next()).done, true, 'it has ended');
      },
    },
    {
      name: 'options are those of Kvi.changes: filters, the first revision, and a resync',
      async run({kv, driver, key, prefix}) {
        const view = typed(kv, items);
        const first = await driver.txn({
          success: [{type: 'put', key: Buffer.from(key('a')), value: Buffer.from('{"n":1}')}],
        });
        await view.store(key('a'), {n: 2});
        await view.delete(key('a'));
        await view.store(key('a'), {n: 3});
        await using past = view.changes({prefix}, {startRevision: first.revision, filters: ['nodelete']});
        assert.deepEqual((await take(past, 3)).map(describe), ['put 1', 'put 2', 'put 3'], 'from then on');
        await driver.compact({revision: first.revision + 3});
        await assertFails(
          'KVI_COMPACTED',
          () => view.changes({prefix}, {startRevision: first.revision}).next(),
          'it is gone',
        );
        await using resynced = view.changes({prefix}, {startRevision: first.revision, onCompacted: 'resync'});
        const {value: set} = await soon(resynced.next(), 'the present state comes');
        assert.equal(set?.resync, true, 'the set says so');
        assert.deepEqual(set?.events.map(describe), ['put 3'], 'with typed values');
      },
    },
    {
      name: 'watch returns the first change after the call, with a typed value or an error',
      async run({kv, key}) {
        const view = typed(kv, items);
        const k = key('k');
        const expected = ['put 1', 'put KVI_INVALID_VALUE', 'delete'];
        const happen = [() => view.store(k, {n: 1}), () => kv.store(k, 'by hand'), () => view.delete(k)];
        for (const [i, change] of happen.entries()) {
          const watch = view.watch(k);
          await change();
          const seen = await soon(watch, 'the change is told');
          assert.equal(describe(seen), expected[i], 'as it happened');
          assert.equal(seen.key, k, 'with its key');
        }
        await assertFails('KVI_TIMEOUT', () => view.watch(k, {timeoutMs: 20}), 'timeoutMs bounds the wait');
      },
    },
  ],
};
