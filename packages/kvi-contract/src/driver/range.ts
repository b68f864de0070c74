import assert from 'node:assert/strict';
import {nextKey, endOfKeyspace} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {keyspace} from './keyspace.ts';
import {get, write} from './steps.ts';

/** Which keys a range has, and what reading it returns. */
export const range: ContractGroup = {
  name: 'a range',
  cases: [
    {
      name: 'without an end is the single key',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('a', '1'), k.put('aa', '2'), k.put('a\0', '3'));
        for (const rangeEnd of [undefined, new Uint8Array()]) {
          const response = await driver.range({key: k.key('a'), rangeEnd});
          assert.equal(k.kvs(response.kvs), 'a=1', 'an end that is absent or empty means that key alone');
          assert.equal(response.count, 1, 'one key counts as one');
        }
        const none = await driver.range(k.range('b'));
        assert.deepEqual(
          {kvs: none.kvs, more: none.more, count: none.count},
          {kvs: [], more: false, count: 0},
          'a key that does not exist is no error: the answer is empty',
        );
      },
    },
    {
      name: 'with an end is half-open, and in key order',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        for (const name of ['c', 'a', 'd', 'b', 'aa']) await write(driver, k.put(name, ''));
        const {kvs, more, count} = await driver.range(k.range('a', 'd'));
        assert.equal(
          k.names(kvs.map(({key}) => key)),
          'a aa b c',
          'a range starts with its key, ends before its end, and is in key order',
        );
        assert.deepEqual({more, count}, {more: false, count: 4}, 'all of the range was counted and read');
      },
    },
    {
      name: 'whose end is not after its start has no keys',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('a', ''), k.put('b', ''), k.put('c', ''));
        for (const end of ['b', 'a']) {
          const {kvs, more, count} = await driver.range(k.range('b', end));
          assert.deepEqual(
            {kvs, more, count},
            {kvs: [], more: false, count: 0},
            `from b to ${end} there are no keys, which is no error`,
          );
        }
        const {kvs} = await driver.range({key: k.key('a'), rangeEnd: Uint8Array.of(0, 0)});
        assert.deepEqual(kvs, [], 'only a single zero byte runs to the end; two are an end like any other');
      },
    },
    {
      name: 'whose end is a zero byte runs to the last key, and from a zero byte it has all keys',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('a', '1'), k.put('b', '2'), k.put(Uint8Array.of(0xff), '3'));
        const isOwn = ({key}: {key: Uint8Array}) => !k.name(key).startsWith('the foreign key');

        const tail = await driver.range({key: k.key('b'), rangeEnd: endOfKeyspace});
        assert.equal(
          k.kvs(tail.kvs.filter(isOwn)),
          'b=2 "\\xff"=3',
          'a range to "\\0" has every key from its start on',
        );
        const everything = await driver.range({key: Uint8Array.of(0), rangeEnd: endOfKeyspace});
        assert.equal(
          k.kvs(everything.kvs.filter(isOwn)),
          'a=1 b=2 "\\xff"=3',
          'a range from "\\0" to "\\0" has all keys',
        );
        assert.equal(everything.count, everything.kvs.length, 'all keys are counted');
      },
    },
    {
      name: 'orders keys of any bytes by their bytes',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        // Ascending. Decoded as text, some would be equal, and U+10000 would come before U+FFFD.
        const names = [
          Buffer.of(0),
          Buffer.of(0, 0),
          Buffer.of(0, 0xff),
          Buffer.from('a'),
          Buffer.from('a\0'),
          Buffer.from('é'),
          Buffer.from('\ufffd'),
          Buffer.from('\uffff'),
          Buffer.from('\u{10000}'),
          Buffer.of(0xff),
          Buffer.of(0xff, 0),
          Buffer.of(0xff, 0xff),
        ];
        await write(driver, ...names.toReversed().map((name) => k.put(name, name)));
        const hex = (bytes: readonly Uint8Array[]) => bytes.map((item) => Buffer.from(item).toString('hex'));

        const {kvs} = await driver.range(k.all);
        assert.deepEqual(
          hex(kvs.map(({key}) => key)),
          hex(names.map(k.key)),
          'keys are bytes, compared as unsigned ones',
        );
        for (const [i, start] of names.entries()) {
          const {kvs: one} = await driver.range({key: k.key(start), rangeEnd: nextKey(k.key(start))});
          assert.deepEqual(
            hex(one.map(({value}) => value)),
            hex([start]),
            'no key lies between a key and the same with a zero byte behind it',
          );
          for (const [j, end] of names.entries()) {
            const {count} = await driver.range(k.range(start, end, {countOnly: true}));
            assert.equal(count, Math.max(0, j - i), 'the ends of a range are compared as bytes too');
          }
        }
      },
    },
    {
      name: 'returns values of any bytes, even empty ones',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const allBytes = Uint8Array.from({length: 256}, (_, i) => i);
        await write(driver, k.put('bytes', allBytes), k.put('empty', ''));
        const bytes = await get(driver, k.key('bytes'));
        assert.deepEqual(
          Array.from(bytes?.value ?? []),
          Array.from(allBytes),
          'a value is bytes, kept as they are',
        );
        const empty = await get(driver, k.key('empty'));
        assert.equal(empty?.value.length, 0, 'an empty value is not an absent key');
      },
    },
    {
      name: 'is cut by a limit, tells whether there was more, and counts all keys nevertheless',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        await write(driver, k.put('a', '1'), k.put('b', '2'), k.put('c', '3'));
        const expected = [
          {limit: 0, kvs: 'a=1 b=2 c=3', more: false},
          {limit: 1, kvs: 'a=1', more: true},
          {limit: 2, kvs: 'a=1 b=2', more: true},
          {limit: 3, kvs: 'a=1 b=2 c=3', more: false},
          {limit: 4, kvs: 'a=1 b=2 c=3', more: false},
        ];
        for (const {limit, kvs, more} of expected) {
          const response = await driver.range({...k.all, limit});
          assert.deepEqual(
            {kvs: k.kvs(response.kvs), more: response.more, count: response.count},
            {kvs, more, count: 3},
            `limit ${String(limit)} of three keys: at most so many, more if some are left, and a count of all`,
          );
        }
      },
    },
    {
      name: 'omits values with keysOnly, and keys too with countOnly',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const created = await write(driver, k.put('a', '1'), k.put('b', '2'));
        const changed = await write(driver, k.put('a', '3'));

        const keysOnly = await driver.range({...k.all, keysOnly: true});
        assert.deepEqual(
          keysOnly.kvs.map(k.whole),
          [
            `a= create ${String(created)} mod ${String(changed)} version 2 lease 0`,
            `b= create ${String(created)} mod ${String(created)} version 1 lease 0`,
          ],
          'keysOnly leaves out the values and nothing else',
        );
        assert.equal(keysOnly.count, 2, 'keysOnly counts');
        for (const limit of [0, 1]) {
          const {kvs, count, more} = await driver.range({...k.all, limit, countOnly: true});
          assert.deepEqual(
            {kvs, count, more},
            {kvs: [], count: 2, more: false},
            'countOnly counts all and reads none',
          );
        }
      },
    },
    {
      name: 'is narrowed by bounds of mod and create revisions, both included, which its count ignores',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const r1 = await write(driver, k.put('a', '1'));
        const r2 = await write(driver, k.put('b', '2'));
        const r3 = await write(driver, k.put('c', '3'));
        const r4 = await write(driver, k.put('a', '4'));
        const expected = [
          {bounds: {minModRevision: r3}, kvs: 'a=4 c=3'},
          {bounds: {maxModRevision: r3}, kvs: 'b=2 c=3'},
          {bounds: {minCreateRevision: r2}, kvs: 'b=2 c=3'},
          {bounds: {maxCreateRevision: r2}, kvs: 'a=4 b=2'},
          {bounds: {minModRevision: r3, maxModRevision: r3}, kvs: 'c=3'},
          {bounds: {maxCreateRevision: r1, minModRevision: r4}, kvs: 'a=4'},
          {bounds: {minModRevision: r4 + 1}, kvs: ''},
          {
            bounds: {minModRevision: 0, maxModRevision: 0, minCreateRevision: 0, maxCreateRevision: 0},
            kvs: 'a=4 b=2 c=3',
          },
        ];
        for (const {bounds, kvs} of expected) {
          const response = await driver.range({...k.all, ...bounds});
          assert.deepEqual(
            {kvs: k.kvs(response.kvs), more: response.more, count: response.count},
            {kvs, more: false, count: 3},
            `${JSON.stringify(bounds)} leaves out what lies outside, and counts it`,
          );
        }
        const limited = await driver.range({...k.all, minModRevision: r3, limit: 1});
        assert.deepEqual(
          {kvs: k.kvs(limited.kvs), more: limited.more},
          {kvs: 'a=4', more: true},
          'the limit cuts what the bounds have left',
        );
        const narrowed = await driver.range({...k.all, maxModRevision: r2, limit: 1});
        assert.deepEqual(
          {kvs: k.kvs(narrowed.kvs), more: narrowed.more},
          {kvs: 'b=2', more: false},
          'what the bounds leave out is not more',
        );
      },
    },
    {
      name: 'may be larger than the four mebibytes that gRPC accepts by default',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const mebibyte = Buffer.alloc(2 ** 20, 'x');
        const names = ['a', 'b', 'c', 'd', 'e'];
        for (const name of names) await write(driver, k.put(name, mebibyte));
        const {kvs} = await driver.range(k.all);
        assert.deepEqual(
          kvs.map(({key, value}) => `${k.name(key)} ${String(mebibyte.equals(value))}`),
          names.map((name) => `${name} true`),
          'a large answer comes whole',
        );
      },
    },
    {
      name: 'that is read as serializable is a past or the present state',
      async run(context) {
        const {driver} = context;
        const k = keyspace(context);
        const revision = await write(driver, k.put('a', '1'));
        // A lagging member may not have the key yet, but must not return another value.
        const {kvs, count} = await driver.range({...k.range('a'), serializable: true});
        const seen = k.kvs(kvs);
        assert.ok(
          seen === 'a=1' || seen === '',
          `a serializable read is a state of the past or the present: ${seen}`,
        );
        assert.equal(count, kvs.length, 'a serializable read counts what it read');
        assert.ok(
          kvs.every((kv) => kv.modRevision === revision),
          'a serializable read has the metadata',
        );
      },
    },
  ],
};
