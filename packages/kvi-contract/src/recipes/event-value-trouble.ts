import assert from 'node:assert/strict';
import {createKvi, type Kvi} from 'kvi-core';
import {type Driver, KviError} from 'kvi-core/driver';
import {eventValue, utf8} from 'kvi-core/recipes';
import {breakableClient, missed} from '../kvi/connection.ts';
import {assertFails, soon} from '../kvi/helpers.ts';
import type {ContractGroup} from '../suite.ts';
import {endingWatches} from './ending-watches.ts';
import {assertNothingUntil, nextSeen, seenUntil} from './followed-value.ts';

/** A handle on which something happens right after its first read, before any watch. */
function afterFirstRead(driver: Driver, happen: () => Promise<unknown>): Kvi {
  let isFirst = true;
  return createKvi({
    ...driver,
    async range(...args) {
      const response = await driver.range(...args);
      if (isFirst) await happen();
      isFirst = false;
      return response;
    },
  });
}

/** What event values promise where reads, watches and changes fail or are missing. */
export const eventValuesInTrouble: ContractGroup = {
  name: 'an event value in trouble',
  cases: [
    {
      name: 'empty race: a key that is written between the read and the watch is told',
      async run({kv, open, key}) {
        const own = afterFirstRead(await open(), () => kv.store(key('k'), 'in the gap'));
        await using watcher = eventValue(own, key('k'), utf8).watch();
        await seenUntil(watcher, 'in the gap', 'what was written in the gap');
        await own.close();
      },
    },
    {
      name: 'a key that is deleted in the gap between the read and the watch is told',
      async run({kv, open, key}) {
        for (const keys of [key('k'), {prefix: key('k')}]) {
          await kv.store(key('k'), 'there');
          const own = afterFirstRead(await open(), () => kv.delete(key('k')));
          await using watcher = eventValue(own, keys, utf8).watch();
          assert.equal((await nextSeen(watcher, 'the present value')).value, 'there');
          assert.equal((await nextSeen(watcher, 'its deletion')).value, undefined);
          await own.close();
        }
      },
    },
    {
      name: 'compaction: a key that is deleted while its changes are compacted away is told, once',
      async run({kv, driver, open, key}) {
        const {client: own, connection} = await breakableClient({open});
        await kv.store(key('k'), 'before');
        await using watcher = eventValue(own, key('k'), utf8).watch();
        assert.equal((await nextSeen(watcher, 'the present value')).value, 'before');
        await missed({kv, driver, key}, connection, () => kv.delete(key('k')));
        assert.equal((await nextSeen(watcher, 'the deletion is told')).value, undefined);
        const writes = () => kv.store(key('k'), 'after');
        await assertNothingUntil(watcher, 'after', writes, 'then what came after, and nothing in between');
        await own.close();
      },
    },
    {
      name: 'refilled backlog: a get that waits is told what was read anew',
      async run({kv, driver, open, key}) {
        const {client: own, connection} = await breakableClient({open});
        await kv.store(key('k'), 'before');
        await using watcher = eventValue(own, key('k'), utf8).watch();
        await nextSeen(watcher, 'the present value');
        const waiting = watcher.get();
        await missed({kv, driver, key}, connection, () => kv.store(key('k'), 'missed'));
        assert.equal((await soon(waiting, 'what was missed')).value, 'missed', 'nobody has to write again');
        const writes = () => kv.store(key('k'), 'after');
        await assertNothingUntil(watcher, 'after', writes, 'it is told once');
        await own.close();
      },
    },
    {
      name: 'refilled backlog of a range: what changed and what vanished is told, and nothing else',
      async run({kv, driver, open, key}) {
        const {client: own, connection} = await breakableClient({open});
        for (const name of ['a', 'b', 'c']) await kv.store(key(`r/${name}`), name);
        await using watcher = eventValue(own, {prefix: key('r/')}, utf8).watch();
        for (const name of ['a', 'b', 'c'])
          assert.equal((await nextSeen(watcher, 'the backlog')).value, name);
        const first = watcher.get();
        await missed({kv, driver, key}, connection, async () => {
          await kv.delete(key('r/a'));
          await kv.store(key('r/c'), 'changed');
          await kv.store(key('r/d'), 'came and went');
          await kv.delete(key('r/d'));
        });
        const told = [await soon(first, 'one'), await nextSeen(watcher, 'another')];
        assert.deepEqual(
          told.map(({key: of, modRevision, value}) => [of, modRevision > 0, value]),
          [
            [key('r/a'), false, undefined],
            [key('r/c'), true, 'changed'],
          ],
        );
        const writes = () => kv.store(key('r/e'), 'last');
        await assertNothingUntil(watcher, 'last', writes, 'then what comes, and nothing in between');
        await own.close();
      },
    },
    {
      name: 'is slow, and goes on with the newest state',
      async run({kv, open, key}) {
        const {driver, endWatch} = endingWatches(await open());
        const own = createKvi(driver);
        await kv.store(key('k'), 'before');
        await using watcher = eventValue(own, key('k'), utf8).watch();
        await nextSeen(watcher, 'the present value');
        await endWatch(new KviError('KVI_SLOW_CONSUMER', 'too slow', {revision: 1}));
        await kv.store(key('k'), 'after');
        assert.equal((await nextSeen(watcher, 'the newest')).value, 'after');
        await own.close();
      },
    },
    {
      name: 'ends with what ends a watch for good, once what was not read is gone',
      async run({kv, open, key}) {
        const {driver, endWatch} = endingWatches(await open());
        const own = createKvi(driver);
        await kv.store(key('k'), 'before');
        const watcher = eventValue(own, key('k'), utf8).watch();
        await nextSeen(watcher, 'the present value');
        const waiting = watcher.get();
        await endWatch(new KviError('KVI_PERMISSION_DENIED', 'not yours'));
        await assertFails('KVI_PERMISSION_DENIED', () => waiting, 'a get that waits');
        await assertFails('KVI_PERMISSION_DENIED', () => watcher.get(), 'each get from now on');
        const denied = createKvi({
          ...driver,
          range: () => Promise.reject(new KviError('KVI_PERMISSION_DENIED', 'not yours')),
        });
        const never = eventValue(denied, key('k'), utf8).watch();
        await assertFails('KVI_PERMISSION_DENIED', () => never.get(), 'the first read');
        await denied.close();
        await own.close();
      },
    },
  ],
};
