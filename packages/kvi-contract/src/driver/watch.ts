import assert from 'node:assert/strict';
import {nextKey, endOfKeyspace} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {borrow, times, write} from './steps.ts';
import {watchReader} from './watch-reader.ts';

/** Watches from now on. */
export const watch: ContractGroup = {
  name: 'a watch',
  cases: [
    {
      name: 'tells its first revision once it is created, and misses nothing from then on',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const before = await write(driver, k.put('a', 'before'));
        const changes = driver.watch(k.all);
        assert.equal(
          await changes.created,
          before + 1,
          'a watch begins with the revision after the present one',
        );
        const other = await open();
        const r1 = await write(other, k.put('a', '1'));
        const r2 = await write(driver, k.put('b', '2'));
        assert.deepEqual(
          await watchReader(k, changes).take(2),
          [`@${String(r1)} put a=1`, `@${String(r2)} put b=2`],
          'what any handle writes after created is delivered, and what was before it is not',
        );
      },
    },
    {
      name: 'delivers every change, including the same value again, a burst, and a deletion with its re-creation',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const changes = driver.watch(k.range('a'));
        await changes.created;
        const revisions: number[] = [];
        for (const op of [
          k.put('a', '1'),
          k.put('a', '1'),
          k.put('a', '2'),
          k.put('a', '1'),
          k.deleteRange('a'),
          k.put('a', '1'),
          k.deleteRange('a'),
        ]) {
          revisions.push(await write(driver, op));
        }
        const events = ['put a=1', 'put a=1', 'put a=2', 'put a=1', 'delete a', 'put a=1', 'delete a'];
        assert.deepEqual(
          await watchReader(k, changes).take(7),
          events.map((event, i) => `@${String(revisions[i])} ${event}`),
          'every put and every deletion is an event',
        );
      },
    },
    {
      name: 'delivers no deletion of an absent key',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const changes = driver.watch(k.all);
        await changes.created;
        await write(driver, k.deleteRange('a'));
        await write(driver, k.deleteRange('a', 'z'));
        const end = await write(driver, k.put('end', ''));
        assert.deepEqual(
          await watchReader(k, changes).takeUntil('end'),
          [`@${String(end)} put end=`],
          'nothing was deleted',
        );
      },
    },
    {
      name: 'of a key, a range, a prefix, or up to the last key delivers exactly these keys',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const expected = [
          {keys: k.range('b'), names: ['b']},
          {keys: {key: k.key('b'), rangeEnd: new Uint8Array()}, names: ['b']},
          {keys: k.range('b', 'c'), names: ['b', '"b\\x00"', 'bb', 'bbb']},
          {keys: {key: k.key('b'), rangeEnd: nextKey(k.key('b\0'))}, names: ['b', '"b\\x00"']},
          {keys: k.range('bb', 'bc'), names: ['bb', 'bbb']},
          {keys: {key: k.key('bb'), rangeEnd: endOfKeyspace}, names: ['bb', 'bbb', 'c', '"\\xff"']},
        ];
        const watches = expected.map(({keys}) => driver.watch(keys));
        for (const {created} of watches) await created;
        const put = await write(
          driver,
          ...['a', 'b', 'b\0', 'bb', 'bbb', 'c', Uint8Array.of(0xff)].map((name) => k.put(name, '')),
        );
        const deleted = await write(driver, {type: 'deleteRange', ...k.all});
        for (const [i, changes] of watches.entries()) {
          const names = expected[i]?.names ?? [];
          assert.deepEqual(
            await watchReader(k, changes).take(2 * names.length),
            [
              `@${String(put)} ${names.map((name) => `put ${name}=`).join(', ')}`,
              `@${String(deleted)} ${names.map((name) => `delete ${name}`).join(', ')}`,
            ],
            'a watch sees the keys of its range, and no others',
          );
        }
      },
    },
    {
      name: 'delivers the key-value as the change left it',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await using lease = await borrow(driver);
        const changes = driver.watch(k.all);
        await changes.created;
        const created = await write(driver, k.put('a', '1'));
        const changed = await write(driver, k.put('a', '2', {lease: lease.id}));
        const deleted = await write(driver, k.deleteRange('a'));
        const seen: string[] = [];
        for await (const {events} of changes) {
          for (const {type, kv, prevKv} of events) {
            seen.push(`${type} ${k.whole(kv)}`);
            assert.equal(prevKv, undefined, 'prevKv is given only to who asks');
          }
          if (seen.length >= 3) break;
        }
        assert.deepEqual(
          seen,
          [
            `put a=1 create ${String(created)} mod ${String(created)} version 1 lease 0`,
            `put a=2 create ${String(created)} mod ${String(changed)} version 2 lease ${lease.id}`,
            `delete a= create 0 mod ${String(deleted)} version 0 lease 0`,
          ],
          'an event has the whole key-value; that of a deletion has only key and mod revision',
        );
      },
    },
    {
      name: 'adds the previous key-value on request',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const before = await write(driver, k.put('a', '0'));
        const changes = driver.watch({...k.all, prevKv: true});
        await changes.created;
        await write(driver, k.put('a', '1'));
        await write(driver, k.put('a', '2'), k.put('b', '2'));
        await write(driver, k.deleteRange('a', 'z'));
        await write(driver, k.put('a', '3'));
        const line = (offset: number, text: string) => `@${String(before + offset)} ${text}`;
        assert.deepEqual(
          await watchReader(k, changes).take(6),
          [
            line(1, 'put a=1 was a=0'),
            line(2, 'put a=2 was a=1, put b=2'),
            line(3, 'delete a was a=2, delete b was b=2'),
            line(4, 'put a=3'),
          ],
          'prevKv is the key one revision before, and absent where there was none',
        );
      },
    },
    {
      name: 'omits puts or deletions on request',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const puts = driver.watch({...k.all, filters: ['nodelete']});
        const deletions = driver.watch({...k.all, filters: ['noput']});
        const neither = driver.watch({...k.all, filters: ['noput', 'nodelete']});
        for (const {created} of [puts, deletions, neither]) await created;
        const r1 = await write(driver, k.put('a', '1'));
        const r2 = await write(driver, k.deleteRange('a'), k.put('b', '2'));
        const r3 = await write(driver, k.deleteRange('b'));
        const r4 = await write(driver, k.put('c', '4'));
        assert.deepEqual(
          await watchReader(k, puts).take(3),
          [`@${String(r1)} put a=1`, `@${String(r2)} put b=2`, `@${String(r4)} put c=4`],
          'nodelete leaves the puts',
        );
        assert.deepEqual(
          await watchReader(k, deletions).take(2),
          [`@${String(r2)} delete a`, `@${String(r3)} delete b`],
          'noput leaves the deletions',
        );
        const nothing = neither.next();
        await neither.return();
        assert.equal((await nothing).done, true, 'with both filters nothing is left');
      },
    },
    {
      name: 'delivers a revision whole and in the order of its operations, however large it is',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const changes = driver.watch({...k.all, prevKv: true});
        const reader = watchReader(k, changes);
        await changes.created;

        const mixed = await write(
          driver,
          k.put('z', '1'),
          k.put('y', '2'),
          {type: 'txn', success: [k.put('x', '3')]},
          k.put('a', '4'),
        );
        assert.deepEqual(
          await reader.take(4),
          [`@${String(mixed)} put z=1, put y=2, put x=3, put a=4`],
          'events of one revision come in the order in which they were made',
        );
        const cleared = await write(driver, k.deleteRange('a', 'zz'));
        assert.deepEqual(
          await reader.take(4),
          [`@${String(cleared)} delete a was a=4, delete x was x=3, delete y was y=2, delete z was z=1`],
          'a range is deleted in key order',
        );
        const large = Buffer.alloc(2 ** 20, 'x');
        for (const name of ['1', '2', '3', '4', '5', '6']) {
          const revision = await write(driver, k.put(name, large));
          const [line] = await reader.take(1);
          assert.equal(
            line,
            `@${String(revision)} put ${name}=${large.toString()}`,
            'a large value comes whole',
          );
        }
        const revision = await write(driver, k.deleteRange('1', '7'));
        const events = ['1', '2', '3', '4', '5', '6'].map(
          (name) => `delete ${name} was ${name}=${large.toString()}`,
        );
        const [line] = await reader.take(6);
        assert.ok(
          line === `@${String(revision)} ${events.join(', ')}`,
          'a revision of six mebibytes comes whole',
        );
      },
    },
    {
      name: 'is one of hundreds, each with its own events',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const count = 300;
        const all = Array.from({length: count}, (_, i) => driver.watch(k.range(String(i))));
        for (const {created} of all) await created;
        const revisions = await times(count, (i) => write(driver, k.put(String(i), 'value')));
        for (const [i, changes] of all.entries()) {
          assert.deepEqual(
            await watchReader(k, changes).take(1),
            [`@${String(revisions[i])} put ${String(i)}=value`],
            'each watch sees its key',
          );
        }
      },
    },
    {
      name: 'that nobody reads blocks no other',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const idle = driver.watch(k.all);
        const busy = driver.watch(k.all);
        await Promise.all([idle.created, busy.created]);
        await times(1000, (i) => write(driver, k.put(String(i % 10), String(i))));
        await write(driver, k.put('end', ''));
        const lines = await watchReader(k, busy).takeUntil('end');
        assert.equal(lines.length, 1001, 'the one that is read gets everything');
        assert.deepEqual(await watchReader(k, idle).takeUntil('end'), lines, 'the other finds it later');
      },
    },
  ],
};
