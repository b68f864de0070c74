import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {contents, storeAll, values} from './helpers.ts';

/** `getRange`. */
export const getRange: ContractGroup = {
  name: 'getRange',
  cases: [
    {
      name: 'a range is half-open and ascending: its start is in it, its end is not',
      async run({kv, key}) {
        await storeAll(kv, {key}, ['d', 'b', 'c', 'a', 'ab', 'bb']);
        const kvs = await kv.getRange(key('a'), key('c'));
        assert.deepEqual(values(kvs), ['A', 'AB', 'B', 'BB'], 'a range is [start, end), in byte order');
        assert.deepEqual(
          values(await kv.getRange({start: key('a'), end: key('c')})),
          ['A', 'AB', 'B', 'BB'],
          'in either form',
        );
      },
    },
    {
      name: 'without an end, or with an empty one, a range is a single key',
      async run({kv, key}) {
        await storeAll(kv, {key}, ['a', 'aa', 'b']);
        assert.deepEqual(values(await kv.getRange(key('a'))), ['A'], 'no end means the key alone');
        assert.deepEqual(
          values(await kv.getRange(key('a'), undefined)),
          ['A'],
          'an undefined end means the key alone',
        );
        assert.deepEqual(values(await kv.getRange(key('a'), '')), ['A'], 'an empty end means the key alone');
        assert.deepEqual(
          values(await kv.getRange({start: key('a')})),
          ['A'],
          'no end in an object means the key alone',
        );
        assert.deepEqual(await kv.getRange(key('c')), [], 'an absent key gives nothing');
      },
    },
    {
      name: 'an end of "\\0" means every key from the start on',
      async run({kv, key, prefix}) {
        await storeAll(kv, {key}, ['a', 'b', 'c']);
        const fromB = await kv.bytes.getRange(key('b'), '\0');
        const own = fromB
          .map((kv) => Buffer.from(kv.key).toString())
          .filter((name) => name.startsWith(prefix));
        assert.deepEqual(
          own,
          [key('b'), key('c')],
          'an end of "\\0" leaves out what is before the start, and nothing else',
        );
      },
    },
    {
      name: 'a start and an end of "\\0", or an empty prefix, mean all keys',
      async run({kv, key, prefix}) {
        await storeAll(kv, {key}, ['a', 'b']);
        await kv.store(Buffer.concat([Buffer.from(prefix), Buffer.from([0xff, 0xff])]), 'last');
        for (const keys of [{start: '\0', end: '\0'}, {prefix: ''}]) {
          const all = await kv.bytes.getRange(keys);
          const own = all.filter((kv) => Buffer.from(kv.key).toString('latin1').startsWith(prefix));
          assert.equal(own.length, 3, 'all keys are read');
          assert.ok(
            all.every(({key}, i) => i === 0 || Buffer.compare(all[i - 1]?.key ?? key, key) < 0),
            'all keys come in byte order, each once',
          );
        }
      },
    },
    {
      name: 'a range whose end is not after its start has no keys',
      async run({kv, key}) {
        await storeAll(kv, {key}, ['a', 'b']);
        assert.deepEqual(await kv.getRange(key('a'), key('a')), [], '[a, a) has no keys');
        assert.deepEqual(await kv.getRange(key('b'), key('a')), [], '[b, a) has no keys');
      },
    },
    {
      name: 'a prefix means the keys that start with it, whatever its last byte is',
      async run({kv, prefix}) {
        const bytes = (...tail: number[]) => Buffer.concat([Buffer.from(prefix), Buffer.from(tail)]);
        const keys = [
          [0x61],
          [0x61, 0x00],
          [0x61, 0xff],
          [0x61, 0xff, 0x00],
          [0x61, 0xff, 0xff],
          [0x62],
          [0xff],
          [0xff, 0xff],
        ];
        for (const tail of keys) await kv.store(bytes(...tail), tail.join(' '));
        const under = async (...tail: number[]) =>
          values(
            await kv.bytes
              .getRange({prefix: bytes(...tail)})
              .then((kvs) => kvs.map(({value}) => ({value: Buffer.from(value).toString()}))),
          );
        assert.deepEqual(
          await under(0x61),
          ['97', '97 0', '97 255', '97 255 0', '97 255 255'],
          'a prefix is itself and what starts with it',
        );
        assert.deepEqual(
          await under(0x61, 0xff),
          ['97 255', '97 255 0', '97 255 255'],
          'a last byte of 0xFF carries over',
        );
        assert.deepEqual(await under(0xff), ['255', '255 255'], 'a tail of 0xFF only carries over further');
      },
    },
    {
      name: 'a prefix of text ends after its last byte, not after its last character',
      async run({kv, key}) {
        await storeAll(kv, {key}, ['é', 'éa', 'é\uffff', 'ê', 'e']);
        assert.deepEqual(
          values(await kv.getRange({prefix: key('é')})),
          ['É', 'ÉA', 'É\uffff'],
          'é holds what starts with é',
        );
      },
    },
    {
      name: 'limit, keysOnly and sortOrder do what they say',
      async run({kv, key, prefix}) {
        await storeAll(kv, {key}, ['a', 'b', 'c', 'd']);
        assert.deepEqual(
          values(await kv.getRange({prefix}, {limit: 2})),
          ['A', 'B'],
          'a limit gives the first',
        );
        assert.deepEqual(
          values(await kv.getRange({prefix}, {limit: 0})),
          ['A', 'B', 'C', 'D'],
          'a limit of 0 is none',
        );
        assert.deepEqual(
          values(await kv.getRange(key('a'), key('d'), {sortOrder: 'descend', limit: 2})),
          ['C', 'B'],
          'descending, a limit gives the last',
        );
        const [first] = await kv.getRange({prefix}, {keysOnly: true});
        assert.deepEqual([first?.key, first?.value], [key('a'), ''], 'keysOnly leaves the values out');
      },
    },
    {
      name: 'a key-value has its create and mod revision, version and lease',
      async run({kv, key}) {
        await kv.store(key('k'), '1');
        const [first] = await kv.getRange(key('k'));
        await kv.store(key('other'), 'x');
        await kv.store(key('k'), '2');
        const {kvs, revision} = await kv.range(key('k'));
        const created = first?.createRevision ?? NaN;
        assert.deepEqual(
          kvs,
          [
            {
              key: key('k'),
              value: '2',
              createRevision: created,
              modRevision: created + 2,
              version: 2,
              lease: '0',
            },
          ],
          'the creation stays, the last change and the number of puts move on',
        );
        assert.equal(revision, created + 2, 'a read says at which revision the store was');
        await kv.delete(key('k'));
        await kv.store(key('k'), '3');
        const [again] = await kv.getRange(key('k'));
        assert.deepEqual(
          [again?.version, again?.createRevision],
          [1, created + 4],
          'a deletion starts a key anew',
        );
      },
    },
    {
      name: 'a range can be read as it was at a revision',
      async run({kv, key, prefix}) {
        await storeAll(kv, {key}, ['a', 'b']);
        const {revision} = await kv.range({prefix});
        await kv.delete(key('a'));
        await storeAll(kv, {key}, ['c']);
        assert.deepEqual(
          values(await kv.getRange({prefix}, {revision})),
          ['A', 'B'],
          'a past state is read whole',
        );
        assert.deepEqual(await contents(kv, {prefix}), ['b=B', 'c=C'], 'the present one is another');
      },
    },
  ],
};
