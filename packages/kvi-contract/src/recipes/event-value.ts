import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {bytes, type Codec, eventValue, json, type Seen, utf8, type ValueWatcher} from 'kvi-core/recipes';
import {breakableClient, missed} from '../kvi/connection.ts';
import {assertFails, soon} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import type {ContractGroup} from '../suite.ts';

/** The next state, soon. */
async function next<V, L>(watcher: ValueWatcher<V, L>, promise: string): Promise<Seen<V> | L> {
  return soon(watcher.get(), promise);
}

/** Reads until the value is there, and asserts that none is older than the one before. */
async function until<V>(watcher: ValueWatcher<V>, value: V | undefined, promise: string): Promise<Seen<V>> {
  for (let last = 0; ;) {
    const seen = await next(watcher, promise);
    assert.ok(seen.modRevision === 0 || seen.modRevision >= last, `${promise}: no state is older`);
    last = seen.modRevision;
    if (seen.value === value) return seen;
  }
}

/** Event values of one key. */
export const eventValues: ContractGroup = {
  name: 'an event value',
  cases: [
    {
      name: 'tells the present state first, an absent key too, then newer ones with their revisions',
      async run({kv, key}) {
        const config = eventValue(kv, key('config'), json<{level: string}>());
        await using watcher = config.watch();
        assert.deepEqual(await next(watcher, 'early use: an absent key is a state'), {
          key: key('config'),
          modRevision: 0,
          value: undefined,
        });
        const revision = await config.set({level: 'info'});
        const first = await next(watcher, 'it is told what was set');
        assert.deepEqual(first, {key: key('config'), modRevision: revision, value: {level: 'info'}});
        await using late = config.watch();
        assert.deepEqual(await next(late, 'a late watcher'), first, 'the present state comes first');
        await config.set({level: 'debug'});
        for (const each of [watcher, late]) {
          const seen = await next(each, 'each watcher is told');
          assert.deepEqual(seen.value, {level: 'debug'});
        }
      },
    },
    {
      name: 'tells an empty value, a deletion and an absent key apart',
      async run({kv, key}) {
        const text = eventValue(kv, key('text'), utf8);
        await text.set('');
        await using watcher = text.watch();
        assert.equal((await next(watcher, 'an empty value is a value')).value, '');
        await text.delete();
        const gone = await next(watcher, 'a deletion is told');
        assert.deepEqual(gone, {key: key('text'), modRevision: 0, value: undefined});
        const revision = await text.set('', {ifModRevision: gone.modRevision});
        assert.deepEqual(await next(watcher, 'the key is there again'), {
          key: key('text'),
          modRevision: revision,
          value: '',
        });
        await text.delete();
        await text.delete();
      },
    },
    {
      name: 'misses no write between its read and its watch',
      async run({kv, open, key}) {
        const driver = await open();
        let isFirst = true;
        const own = createKvi({
          ...driver,
          async range(...args) {
            const response = await driver.range(...args);
            if (isFirst) await kv.store(key('k'), 'written in the gap');
            isFirst = false;
            return response;
          },
        });
        await using watcher = eventValue(own, key('k'), utf8).watch();
        await until(watcher, 'written in the gap', 'it is told what was written in the gap');
        await own.close();
      },
    },
    {
      name: 'after a backlog of 1,000 writes it tells the newest, and never an older one',
      async run({kv, key}) {
        const value = eventValue(kv, key('k'), utf8);
        await using watcher = value.watch();
        await next(watcher, 'the absent key');
        for (let i = 1; i <= 1_000; i += 1) await kv.store(key('k'), String(i));
        await until(watcher, '1000', 'the newest state comes');
        await using fresh = value.watch();
        assert.equal((await next(fresh, 'a new watcher')).value, '1000', 'the newest comes first');
      },
    },
    {
      name: 'a value that does not decode fails one get, which names the key, and the next goes on',
      async run({kv, key}) {
        await kv.store(key('k'), 'no JSON');
        await using watcher = eventValue(kv, key('k'), json<string>()).watch();
        const error = await assertFails('KVI_INVALID_VALUE', () => watcher.get(), 'it does not decode');
        assert.match(error.message, /\bk"/, 'the message names the key');
        await kv.store(key('k'), '"good"');
        assert.equal((await next(watcher, 'the watcher goes on')).value, 'good');
        await kv.bytes.store(Buffer.concat([Buffer.from(key('x')), Buffer.of(0xff)]), Buffer.from('v'));
        await using all = eventValue(kv, {prefix: key('x')}, bytes).watch();
        await assertFails('KVI_NOT_TEXT', () => all.get(), 'a key that is no text');
      },
    },
    {
      name: 'a get that is aborted, while it waits or decodes, loses nothing',
      async run({kv, key}) {
        const value = eventValue(kv, key('k'), utf8);
        await using watcher = value.watch();
        await next(watcher, 'the absent key');
        const controller = new AbortController();
        const waiting = watcher.get({signal: controller.signal});
        const reason = new Error('enough');
        controller.abort(reason);
        const error = await assertFails('KVI_ABORTED', () => waiting, 'the signal ends the get');
        assert.equal(error.cause, reason);
        await assertFails('KVI_ABORTED', () => watcher.get({signal: controller.signal}), 'aborted before');
        await value.set('one');
        assert.equal((await next(watcher, 'the watcher is usable')).value, 'one', 'nothing is lost');

        let decoded: (text: string) => void = () => undefined;
        let called: () => void = () => undefined;
        const isCalled = new Promise<void>((resolve) => (called = resolve));
        const slow: Codec<string> = {
          encode: (text) => Buffer.from(text),
          decode: () =>
            new Promise((resolve) => {
              decoded = resolve;
              called();
            }),
        };
        await using slowly = eventValue(kv, key('k'), slow).watch();
        const enough = new AbortController();
        const aborted = slowly.get({signal: enough.signal});
        await soon(isCalled, 'the codec is called');
        enough.abort();
        await assertFails('KVI_ABORTED', () => aborted, 'the signal ends the get');
        const again = slowly.get();
        await kv.get(key('k'));
        decoded('decoded');
        assert.equal((await soon(again, 'what was not told')).value, 'decoded', 'it is told again');
      },
    },
    {
      name: 'two gets at once on one watcher are refused, and the first goes on',
      async run({kv, key}) {
        const value = eventValue(kv, key('k'), utf8);
        await using watcher = value.watch();
        await next(watcher, 'the absent key');
        const first = watcher.get();
        const error = await assertFails('KVI_INVALID_ARGUMENT', () => watcher.get(), 'one at a time');
        assert.match(error.message, /another get/);
        await value.set('v');
        assert.equal((await soon(first, 'the first goes on')).value, 'v');
      },
    },
    {
      name: 'ends with close, its signal, its loop and its handle, also while a get waits',
      async run({kv, openKvi, key}) {
        const value = eventValue(kv, key('k'), utf8);
        const watcher = value.watch();
        await next(watcher, 'the absent key');
        const waiting = watcher.get();
        await watcher.close();
        await watcher.close();
        await assertFails('KVI_CLOSED', () => waiting, 'closing ends a get');
        await assertFails('KVI_CLOSED', () => watcher.get(), 'a closed watcher');

        const controller = new AbortController();
        const signalled = value.watch({signal: controller.signal});
        await next(signalled, 'the absent key');
        const pending = signalled.get();
        controller.abort();
        await assertFails('KVI_ABORTED', () => pending, 'its signal ends it');
        await assertFails('KVI_ABORTED', () => signalled.get(), 'it stays so');

        await value.set('v');
        const looped = value.watch();
        for await (const {value: seen} of looped) {
          assert.equal(seen, 'v');
          break;
        }
        await assertFails('KVI_CLOSED', () => looped.get(), 'leaving the loop ends it');

        const other = await openKvi();
        const orphan = eventValue(other, key('k'), utf8).watch();
        await next(orphan, 'the value');
        const last = orphan.get();
        await other.close();
        await assertFails('KVI_CLOSED', () => last, 'closing the handle ends it');
        await assertFails('KVI_CLOSED', () => eventValue(other, key('k'), utf8).watch(), 'a closed handle');
      },
    },
    {
      name: 'backlogOnly tells the present state, and ends',
      async run({kv, key}) {
        const value = eventValue(kv, key('k'), utf8);
        const empty = value.watch({backlogOnly: true});
        assert.equal((await next(empty, 'an absent key'))?.value, undefined);
        assert.equal(await next(empty, 'it has been read'), undefined, 'undefined is the end');
        await assertFails('KVI_CLOSED', () => empty.get(), 'after its end it is closed');
        await value.set('v');
        const seen = [];
        for await (const each of value.watch({backlogOnly: true})) seen.push(each.value);
        assert.deepEqual(seen, ['v'], 'a loop ends');
      },
    },
    {
      name: 'a filter skips states, and what it throws is thrown once',
      async run({kv, key}) {
        const value = eventValue(kv, key('k'), utf8);
        await using watcher = value.watch({
          filter(seen) {
            if (seen.value === 'bad') throw new Error('a bad value');
            return seen.value?.startsWith('a') === true;
          },
        });
        const first = watcher.get();
        await value.set('b');
        await value.set('a');
        assert.equal((await soon(first, 'the first that passes')).value, 'a');
        await value.set('bad');
        await assert.rejects(watcher.get(), {message: 'a bad value'});
        await value.set('again');
        assert.equal((await next(watcher, 'the watcher goes on')).value, 'again');
      },
    },
    {
      name: 'a key deleted while its changes are compacted away is told, once',
      async run({kv, driver, open, key}) {
        const {client: own, connection} = await breakableClient({open});
        await kv.store(key('k'), 'before');
        await using watcher = eventValue(own, key('k'), utf8).watch();
        assert.equal((await next(watcher, 'the present value')).value, 'before');
        await own.get(key('k'));
        await missed({kv, driver, key}, connection, () => kv.delete(key('k')));
        const gone = await next(watcher, 'the deletion is told');
        assert.equal(gone.value, undefined);
        await kv.store(key('k'), 'after');
        assert.equal((await next(watcher, 'then what came after')).value, 'after');
      },
    },
    {
      name: 'set and delete change only what ifModRevision says',
      async run({kv, key}) {
        const value = eventValue(kv, key('k'), utf8);
        const first = await value.set('one', {ifModRevision: 0});
        const exists = await assertFails(
          'KVI_CONFLICT',
          () => value.set('x', {ifModRevision: 0}),
          'it exists',
        );
        assert.match(exists.message, /exists; nothing was changed$/);
        const second = await value.set('two', {ifModRevision: first});
        assert.ok(second > first, 'each write has its revision');
        const late = await assertFails(
          'KVI_CONFLICT',
          () => value.set('x', {ifModRevision: first}),
          'too late',
        );
        assert.match(late.message, new RegExp(`not last written at revision ${first};`));
        await assertFails('KVI_CONFLICT', () => value.delete({ifModRevision: first}), 'too late to delete');
        assert.equal(await kv.get(key('k')), 'two', 'nothing was changed');
        await value.delete({ifModRevision: second});
        assert.equal(await kv.get(key('k')), undefined);
        await assertFails('KVI_INVALID_VALUE', () => value.set(wrong(5)), 'the codec refuses it');
        const signal = AbortSignal.abort();
        await assertFails('KVI_ABORTED', () => value.set('x', {signal}), 'an aborted signal');
        assert.equal(await kv.get(key('k')), undefined, 'nothing was written');
      },
    },
    {
      name: 'refuses what is no handle, no keys, no codec and no option',
      async run({kv, key, prefix}) {
        const value = eventValue(kv, key('k'), utf8);
        const calls: Record<string, () => unknown> = {
          'no handle': () => eventValue(wrong({}), key('k'), utf8),
          'no key': () => eventValue(kv, wrong(5), utf8),
          'no codec': () => eventValue(kv, key('k'), wrong(undefined)),
          'half a codec': () => eventValue(kv, key('k'), wrong({encode: utf8.encode})),
          'an unknown option of watch': () => value.watch(wrong({prefix: 'x'})),
          'options that are no object': () => value.watch(wrong(5)),
          'no signal': () => value.watch({signal: wrong(5)}),
          'no filter': () => value.watch({filter: wrong(5)}),
          'no boolean': () => value.watch({backlogOnly: wrong(1)}),
          'an unknown option of get': () => value.watch().get(wrong({timeoutMs: 5})),
          'no revision': () => value.set('v', {ifModRevision: -1}),
          'no whole revision': () => value.delete({ifModRevision: 0.5}),
          'an unknown option of set': () => value.set('v', wrong({ifRevision: 1})),
        };
        await assertRefused({kv, key, prefix}, calls, 'it is refused', {
          'no revision': /^ifModRevision/,
          'no filter': /^filter/,
          'no boolean': /^backlogOnly/,
          'half a codec': /^codec.decode/,
        });
      },
    },
  ],
};

/** Event values of several keys. */
export const eventValuesOfRanges: ContractGroup = {
  name: 'event values of a range',
  cases: [
    {
      name: 'tell each key once in order, then what changes, removed keys too',
      async run({kv, key}) {
        for (const name of ['b', 'a', 'c']) await kv.store(key(`r/${name}`), name);
        await kv.store(key('s'), 'outside');
        await using watcher = eventValue(kv, {prefix: key('r/')}, utf8).watch();
        for (const name of ['a', 'b', 'c']) {
          const {key: of, value} = await next(watcher, 'the backlog');
          assert.deepEqual([of, value], [key(`r/${name}`), name], 'in the order of the keys');
        }
        await kv.store(key('s'), 'still outside');
        await kv.delete(key('r/b'));
        assert.deepEqual(await next(watcher, 'a removed key is told'), {
          key: key('r/b'),
          modRevision: 0,
          value: undefined,
        });
        await kv.store(key('r/d'), 'new');
        assert.equal((await next(watcher, 'a new key')).value, 'new');
      },
    },
    {
      name: 'keep one unread state of each key: the newest',
      async run({kv, key}) {
        await using watcher = eventValue(kv, {prefix: key('r/')}, utf8).watch();
        for (let i = 0; i < 20; i += 1) {
          for (const name of ['a', 'b']) await kv.store(key(`r/${name}`), String(i));
        }
        const last = new Map<string, string | undefined>();
        while (last.get(key('r/a')) !== '19' || last.get(key('r/b')) !== '19') {
          const {key: of, value} = await next(watcher, 'the newest of each comes');
          assert.ok(Number(value) > Number(last.get(of) ?? -1), 'never an older one');
          last.set(of, value);
        }
      },
    },
    {
      name: 'with backlogOnly end when what was there has been read, each in its newest state',
      async run({kv, key}) {
        for (let i = 0; i < 3; i += 1) await kv.store(key(`r/${i}`), 'old');
        const range = {start: key('r/0'), end: key('r/9')};
        const values = eventValue(kv, range, utf8);
        await using watcher = values.watch({backlogOnly: true});
        await next(watcher, 'the first');
        // Read already, not read yet, and new.
        await kv.store(key('r/0'), 'refilled');
        await kv.store(key('r/1'), 'newer');
        await kv.store(key('r/5'), 'new');
        const rest = [];
        for await (const {key: of} of watcher) rest.push(of);
        assert.deepEqual(rest, [key('r/1'), key('r/2')], 'nothing twice, and nothing that came later');
        assert.equal(
          await next(
            eventValue(kv, {prefix: key('none/')}, utf8).watch({backlogOnly: true}),
            'an empty range',
          ),
          undefined,
          'an empty backlog ends at once',
        );
      },
    },
    {
      name: 'after a compaction tell what changed and what vanished, and nothing else',
      async run({kv, driver, open, key}) {
        const {client: own, connection} = await breakableClient({open});
        for (const name of ['a', 'b', 'c']) await kv.store(key(`r/${name}`), name);
        await using watcher = eventValue(own, {prefix: key('r/')}, utf8).watch();
        for (let i = 0; i < 3; i += 1) await next(watcher, 'the backlog');
        await own.get(key('r/a'));
        await missed({kv, driver, key}, connection, async () => {
          await kv.delete(key('r/a'));
          await kv.store(key('r/c'), 'changed');
          await kv.store(key('r/d'), 'came and went');
          await kv.delete(key('r/d'));
        });
        const told = [await next(watcher, 'one'), await next(watcher, 'another')];
        assert.deepEqual(
          told.map(({key: of, value}) => [of, value]),
          [
            [key('r/a'), undefined],
            [key('r/c'), 'changed'],
          ],
        );
        await kv.store(key('r/e'), 'last');
        assert.equal((await next(watcher, 'then what comes')).value, 'last', 'and nothing else in between');
      },
    },
  ],
};
