import assert from 'node:assert/strict';
import type {Kvi} from 'kvi-core';
import type {ContractGroup} from '../suite.ts';
import {storeAll, values} from './helpers.ts';

/** What `range` does beyond `getRange`. */
export const range: ContractGroup = {
  name: 'range',
  cases: [
    {
      name: 'range counts the keys, tells whether a limit cut some off, and can omit the keys',
      async run({kv, key, prefix}) {
        await storeAll(kv, {key}, ['a', 'b', 'c']);
        const cut = await kv.range({prefix}, {limit: 2});
        assert.deepEqual(
          [values(cut.kvs), cut.more, cut.count],
          [['A', 'B'], true, 3],
          'more says that keys were cut off',
        );
        const whole = await kv.range({prefix}, {limit: 3});
        assert.deepEqual(
          [whole.kvs.length, whole.more, whole.count],
          [3, false, 3],
          'a limit that cuts nothing off says so',
        );
        const counted = await kv.range({prefix}, {countOnly: true});
        assert.deepEqual([counted.kvs, counted.count], [[], 3], 'countOnly counts');
      },
    },
    {
      name: 'range sorts as requested',
      async run({kv, key, prefix}) {
        await kv.store(key('a'), 'z');
        await kv.store(key('b'), 'y');
        await kv.store(key('c'), 'x');
        await kv.store(key('a'), 'w');
        await kv.store(key('a'), 'w');
        await kv.store(key('b'), 'y');
        const sorted = async (options: Parameters<Kvi['range']>[1]) =>
          (await kv.range({prefix}, options)).kvs.map((found) => found.key.slice(prefix.length)).join('');
        assert.equal(await sorted({sortTarget: 'create', sortOrder: 'descend'}), 'cba', 'by creation');
        assert.equal(await sorted({sortTarget: 'mod', sortOrder: 'ascend'}), 'cab', 'by last change');
        assert.equal(await sorted({sortTarget: 'version', sortOrder: 'ascend'}), 'cba', 'by number of puts');
        assert.equal(await sorted({sortTarget: 'value', sortOrder: 'ascend'}), 'acb', 'by value');
        assert.equal(
          await sorted({sortTarget: 'create', sortOrder: 'descend', limit: 1}),
          'c',
          'a limit cuts after sorting',
        );
      },
    },
    {
      name: 'range omits keys outside the bounds of create and mod revision',
      async run({kv, key, prefix}) {
        await storeAll(kv, {key}, ['a', 'b', 'c']);
        const [a, b, c] = (await kv.getRange({prefix})).map(({modRevision}) => modRevision);
        await kv.store(key('a'), 'changed');
        const found = async (options: Parameters<Kvi['range']>[1]) =>
          (await kv.range({prefix}, options)).kvs.map((kv) => kv.key.slice(prefix.length)).join('');
        assert.equal(await found({maxCreateRevision: b}), 'ab', 'maxCreateRevision is a bound');
        assert.equal(await found({minCreateRevision: b}), 'bc', 'minCreateRevision is a bound');
        assert.equal(await found({minModRevision: (c ?? 0) + 1}), 'a', 'minModRevision is a bound');
        assert.equal(await found({maxModRevision: c, minModRevision: a}), 'bc', 'bounds combine');
      },
    },
  ],
};
