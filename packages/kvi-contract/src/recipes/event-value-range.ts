import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import {bytes, eventValue, json, type Seen, utf8, type ValueWatcher} from 'kvi-core/recipes';
import {assertFails, soon} from '../kvi/helpers.ts';
import type {ContractGroup} from '../suite.ts';
import {countedEvents} from './counted-events.ts';
import {assertNothingUntil, nextSeen} from './followed-value.ts';
import {gatedCodec} from './gated-codec.ts';

/** Key and value of the next states. */
async function take<V>(
  watcher: ValueWatcher<V>,
  count: number,
  promise: string,
): Promise<[string, V | undefined][]> {
  const taken: [string, V | undefined][] = [];
  while (taken.length < count) {
    const {key, value} = await nextSeen(watcher, promise);
    taken.push([key, value]);
  }
  return taken;
}

/** Event values of several keys. */
export const eventValuesOfRanges: ContractGroup = {
  name: 'event values of a range',
  cases: [
    {
      name: 'simple range: tell each key once in order, then what changes',
      async run({kv, key}) {
        for (const name of ['b', 'a', 'c']) await kv.store(key(`r/${name}`), name);
        await kv.store(key('r/b'), 'four');
        await kv.store(key('s'), 'outside');
        await using watcher = eventValue(kv, {prefix: key('r/')}, utf8).watch();
        assert.deepEqual(await take(watcher, 3, 'the backlog'), [
          [key('r/a'), 'a'],
          [key('r/b'), 'four'],
          [key('r/c'), 'c'],
        ]);
        await kv.store(key('s'), 'still outside');
        await kv.store(key('r/a'), 'five');
        await kv.store(key('r/e'), 'six');
        assert.deepEqual(await take(watcher, 2, 'a change, and a new key'), [
          [key('r/a'), 'five'],
          [key('r/e'), 'six'],
        ]);
      },
    },
    {
      name: 'remove range: tell of a removed key, with the revision that creates it anew',
      async run({kv, key}) {
        for (const name of ['a', 'b', 'c']) await kv.store(key(`r/${name}`), name);
        await kv.delete(key('r/c'));
        await using watcher = eventValue(kv, {prefix: key('r/')}, utf8).watch();
        assert.deepEqual(await take(watcher, 2, 'what is there'), [
          [key('r/a'), 'a'],
          [key('r/b'), 'b'],
        ]);
        await kv.delete(key('r/b'));
        const gone = {key: key('r/b'), modRevision: 0, value: undefined};
        assert.deepEqual(await nextSeen(watcher, 'a removed key is told'), gone);
        await kv.store(key('r/b'), 'back');
        assert.equal((await nextSeen(watcher, 'a key that is back')).value, 'back');
        await kv.delete(key('r/b'));
        assert.deepEqual(await nextSeen(watcher, 'removed again'), gone);
      },
    },
    {
      name: 'backlog range: keep one unread state of each key, the newest',
      async run({kv, key}) {
        await using watcher = eventValue(kv, {prefix: key('r/')}, utf8).watch();
        await kv.store(key('r/'), 'first');
        await nextSeen(watcher, 'a key');
        for (let i = 0; i < 100; i += 1) await kv.store(key(i % 2 === 0 ? 'r/a' : 'r/b'), String(i));
        const last = new Map<string, string | undefined>();
        while (last.get(key('r/a')) !== '98' || last.get(key('r/b')) !== '99') {
          const {key: of, value} = await nextSeen(watcher, 'the newest of each comes');
          assert.ok(Number(value) > Number(last.get(of) ?? -1), 'never an older one');
          last.set(of, value);
        }
        await using fresh = eventValue(kv, {start: key('r/a'), end: key('r/c')}, utf8).watch();
        assert.deepEqual(await take(fresh, 2, 'a new watcher'), [
          [key('r/a'), '98'],
          [key('r/b'), '99'],
        ]);
      },
    },
    {
      name: 'keys that come and go unread leave nothing behind',
      async run({kv, open, key}) {
        const {driver, arrived} = countedEvents(await open());
        const own = createKvi(driver);
        await using watcher = eventValue(own, {prefix: key('r/')}, utf8).watch();
        await kv.store(key('r/0'), 'told');
        await nextSeen(watcher, 'a key');
        for (let i = 0; i < 50; i += 1) {
          await kv.store(key(`r/${String(i)}`), 'came');
          await kv.delete(key(`r/${String(i)}`));
        }
        await arrived(100);
        assert.deepEqual(await take(watcher, 1, 'the key that was told'), [[key('r/0'), undefined]]);
        await assertNothingUntil(
          watcher,
          'last',
          () => kv.store(key('r/z'), 'last'),
          'nothing of the others',
        );
        await own.close();
      },
    },
    {
      name: 'a key that is removed while its value is decoded is told, and then its removal',
      async run({kv, open, key}) {
        const {driver, arrived} = countedEvents(await open());
        const own = createKvi(driver);
        await kv.store(key('r/a'), 'there');
        const {codec, called, decode} = gatedCodec();
        const values = eventValue(own, {prefix: key('r/')}, codec);
        await using watcher = values.watch();
        const first = watcher.get();
        await called(1);
        await kv.delete(key('r/a'));
        await arrived(1);
        decode();
        assert.equal((await soon(first, 'the value')).value, 'there');
        assert.deepEqual(await take(watcher, 1, 'its removal'), [[key('r/a'), undefined]]);
        await own.close();
      },
    },
    {
      name: 'backlog only range: end when what was there has been read, each in its newest state',
      async run({kv, open, key}) {
        const {driver, arrived} = countedEvents(await open());
        const own = createKvi(driver);
        for (let i = 0; i < 4; i += 1) await kv.store(key(`r/${String(i)}`), 'old');
        const values = eventValue(own, {start: key('r/0'), end: key('r/9')}, utf8);
        await using watcher = values.watch({backlogOnly: true});
        await nextSeen(watcher, 'the first');
        // Read already, not read yet, gone before it was read, and new.
        await kv.store(key('r/0'), 'refilled');
        await kv.store(key('r/1'), 'newer');
        await kv.delete(key('r/2'));
        await kv.store(key('r/5'), 'new');
        await kv.delete(key('r/0'));
        await arrived(5);
        const rest = [];
        for await (const {key: of, value} of watcher) rest.push([of, value]);
        assert.deepEqual(
          rest,
          [
            [key('r/1'), 'newer'],
            [key('r/3'), 'old'],
          ],
          'nothing twice, nothing that came later, and nothing that is gone',
        );
        const empty = eventValue(own, {prefix: key('none/')}, utf8).watch({backlogOnly: true});
        assert.equal(await nextSeen(empty, 'an empty range'), undefined, 'an empty backlog ends at once');
        await own.close();
      },
    },
    {
      name: 'backlog only range: a get that is aborted while it decodes tells nothing older afterwards',
      async run({kv, open, key}) {
        const {driver, arrived} = countedEvents(await open());
        const own = createKvi(driver);
        for (const name of ['a', 'b']) await kv.store(key(`r/${name}`), 'old');
        const {codec, called, decode} = gatedCodec();
        await using watcher = eventValue(own, {prefix: key('r/')}, codec).watch({backlogOnly: true});
        const controller = new AbortController();
        const aborted = watcher.get({signal: controller.signal});
        await called(1);
        await kv.store(key('r/a'), 'new');
        await arrived(1);
        controller.abort();
        await assertFails('KVI_ABORTED', () => aborted, 'the signal ends the get');
        decode();
        const seen: (Seen<string> | undefined)[] = [];
        for (let i = 0; i < 3; i += 1) seen.push(await nextSeen(watcher, 'the backlog'));
        assert.deepEqual(
          seen.map((each) => each?.value),
          ['new', 'old', undefined],
          'in its newest state, at its place',
        );
        await own.close();
      },
    },
    {
      name: 'with a filter tell what passes, of each key',
      async run({kv, key}) {
        for (const name of ['a', 'b', 'c']) await kv.store(key(`r/${name}`), name);
        const filter = ({value}: Seen<string>) => value !== 'b';
        await using watcher = eventValue(kv, {prefix: key('r/')}, utf8).watch({filter});
        assert.deepEqual(await take(watcher, 2, 'what passes'), [
          [key('r/a'), 'a'],
          [key('r/c'), 'c'],
        ]);
        await kv.delete(key('r/b'));
        assert.deepEqual(await take(watcher, 1, 'a removal passes'), [[key('r/b'), undefined]]);
      },
    },
    {
      name: 'a key that is no text fails one get',
      async run({kv, key}) {
        await kv.bytes.store(Buffer.concat([Buffer.from(key('x')), Buffer.of(0xff)]), Buffer.from('v'));
        await using watcher = eventValue(kv, {prefix: key('x')}, bytes).watch();
        await assertFails('KVI_NOT_TEXT', () => watcher.get(), 'a key that is no text');
        await kv.store(key('xy'), 'text');
        assert.equal((await nextSeen(watcher, 'the next')).key, key('xy'));
      },
    },
    {
      name: 'a loop that fails ends its watcher, and writes have no place on a range',
      async run({kv, key}) {
        await kv.store(key('r/a'), 'no JSON');
        const values = eventValue(kv, {prefix: key('r/')}, json<string>());
        const watcher = values.watch();
        await assertFails(
          'KVI_INVALID_VALUE',
          async () => {
            for await (const seen of watcher) assert.fail(`it told ${String(seen.value)}`);
          },
          'it does not decode',
        );
        await assertFails('KVI_CLOSED', () => watcher.get(), 'the watcher has ended');
        assert.deepEqual(Object.keys(values), ['watch'], 'which key would it write?');
      },
    },
  ],
};
