import assert from 'node:assert/strict';
import {eventValue, json, utf8} from 'kvi-core/recipes';
import {assertFails, soon} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import {followedValues, nextSeen, seenUntil} from './followed-value.ts';
import {gatedCodec} from './gated-codec.ts';

/** Event values of one key: what they share with those in memory, and what only a store does. */
export const eventValues = followedValues('an event value', ({kv, key}) => eventValue(kv, key('k'), utf8), [
  {
    name: 'tells its key, and what its codec makes of its value',
    async run({kv, key}) {
      const config = eventValue(kv, Buffer.from(key('config')), json<{level: string}>());
      await using watcher = config.watch();
      const absent = {key: key('config'), modRevision: 0, value: undefined};
      assert.deepEqual(await nextSeen(watcher, 'the absent key'), absent);
      const modRevision = await config.set({level: 'info'});
      const set = {key: key('config'), modRevision, value: {level: 'info'}};
      assert.deepEqual(await nextSeen(watcher, 'what was set'), set);
      assert.equal(await kv.get(key('config')), '{"level":"info"}', 'it is stored as the codec says');
      await config.delete();
      assert.deepEqual(await nextSeen(watcher, 'a deletion'), absent);
      assert.equal(await kv.get(key('config')), undefined);
    },
  },
  {
    name: 'backlog: after 1,000 writes it tells the newest, and never an older one',
    async run({kv, key}) {
      const value = eventValue(kv, key('k'), utf8);
      await using watcher = value.watch();
      await nextSeen(watcher, 'the absent key');
      for (let i = 1; i <= 1_000; i += 1) await kv.store(key('k'), String(i));
      await seenUntil(watcher, '1000', 'the newest state comes');
      await using fresh = value.watch();
      assert.equal((await nextSeen(fresh, 'a new watcher')).value, '1000', 'the newest comes first');
    },
  },
  {
    name: 'decoder: what does not decode fails one get, which names the key, and the next goes on',
    async run({kv, key}) {
      const value = eventValue(kv, key('k'), json<number>());
      await kv.store(key('k'), '3');
      await using watcher = value.watch();
      assert.equal((await nextSeen(watcher, 'a value')).value, 3);
      await kv.store(key('k'), 'no JSON');
      const error = await assertFails('KVI_INVALID_VALUE', () => watcher.get(), 'it does not decode');
      assert.match(error.message, /\bk"/, 'the message names the key');
      await kv.store(key('k'), '9');
      assert.equal((await nextSeen(watcher, 'the watcher goes on')).value, 9, 'and fails once only');
      await kv.store(key('k'), '');
      await assertFails('KVI_INVALID_VALUE', () => watcher.get(), 'an empty value is no JSON');
      await kv.delete(key('k'));
      assert.equal((await nextSeen(watcher, 'a deletion is not decoded')).value, undefined);
      await assertFails('KVI_INVALID_VALUE', () => value.set(wrong(() => 5)), 'the codec refuses it');
      assert.equal(await kv.get(key('k')), undefined, 'nothing was written');
    },
  },
  {
    name: 'cancel: a get that is aborted while it decodes loses nothing, and tells nothing older',
    async run({kv, key}) {
      for (const backlogOnly of [true, false]) {
        const {codec, called, decode} = gatedCodec();
        await kv.store(key('k'), 'old');
        await using watcher = eventValue(kv, key('k'), codec).watch({backlogOnly: wrong(backlogOnly)});
        const controller = new AbortController();
        const aborted = watcher.get({signal: controller.signal});
        await called(1);
        controller.abort();
        await assertFails('KVI_ABORTED', () => aborted, 'the signal ends the get');
        const again = watcher.get();
        await called(2);
        decode();
        assert.equal((await soon(again, 'what was not told'))?.value, 'old', 'it is told by the next get');
      }
    },
  },
  {
    name: 'close during get: it ends also while it decodes, with its watcher and with its handle',
    async run({kv, openKvi, key}) {
      await kv.store(key('k'), 'v');
      const other = await openKvi();
      const {codec, called} = gatedCodec();
      const value = eventValue(other, key('k'), codec);
      const controller = new AbortController();
      const closed = value.watch();
      const signalled = value.watch({signal: controller.signal});
      const ends = [
        assertFails('KVI_CLOSED', () => closed.get(), 'closing ends it'),
        assertFails('KVI_ABORTED', () => signalled.get(), 'its signal ends it'),
        assertFails('KVI_CLOSED', () => value.watch().get(), 'closing the handle ends it'),
      ];
      await called(3);
      const unread = value.watch();
      await closed.close();
      controller.abort();
      await other.close();
      await Promise.all(ends);
      await assertFails('KVI_CLOSED', () => unread.get(), 'before its first get, too');
      await assertFails('KVI_CLOSED', () => eventValue(other, key('k'), utf8).watch(), 'a closed handle');
    },
  },
  {
    name: 'refuses what is no handle, no key and no codec',
    async run({kv, key, prefix}) {
      const calls: Record<string, () => unknown> = {
        'no handle': () => eventValue(wrong({}), key('k'), utf8),
        'no key': () => eventValue(kv, wrong(5), utf8),
        'no codec': () => eventValue(kv, key('k'), wrong(undefined)),
        'half a codec': () => eventValue(kv, key('k'), wrong({encode: utf8.encode})),
        'the other half': () => eventValue(kv, key('k'), wrong({decode: utf8.decode})),
      };
      await assertRefused({kv, key, prefix}, calls, 'it is refused', {
        'half a codec': /^codec.decode/,
        'the other half': /^codec.encode/,
      });
    },
  },
]);
