import assert from 'node:assert/strict';
import type {ContractGroup} from '../suite.ts';
import {changesFrom, describeChanges, keysOf, takeSet} from './helpers.ts';

/** `delete`. */
export const deletion: ContractGroup = {
  name: 'delete',
  cases: [
    {
      name: 'deleting returns whether anything was deleted; an absent key is not an error',
      async run({kv, key, prefix}) {
        assert.equal(await kv.delete(key('k')), false, 'nothing was there');
        await kv.store(key('k'), 'v');
        assert.equal(await kv.delete(key('k')), true, 'something was there');
        assert.equal(await kv.get(key('k')), undefined, 'it is gone');
        assert.equal(await kv.delete(key('k')), false, 'nothing is there any more');
        assert.equal(await kv.delete({prefix}), false, 'nothing is there under the prefix');
      },
    },
    {
      name: 'a range is deleted half-open, and a prefix whole',
      async run({kv, key, prefix}) {
        for (const name of ['a', 'b', 'c', 'd/1', 'd/2', 'e']) await kv.store(key(name), name);
        assert.equal(await kv.delete({start: key('a'), end: key('c')}), true, 'there were keys in the range');
        assert.deepEqual(await keysOf(kv, {prefix}), ['c', 'd/1', 'd/2', 'e'], 'the end of a range stays');
        await kv.delete({prefix: key('d/')});
        assert.deepEqual(await keysOf(kv, {prefix}), ['c', 'e'], 'a prefix goes whole');
        await kv.delete({start: key('e'), end: key('a')});
        assert.deepEqual(
          await keysOf(kv, {prefix}),
          ['c', 'e'],
          'a range that ends before it starts deletes nothing',
        );
      },
    },
    {
      name: 'many keys are deleted in one revision',
      async run({kv, key, prefix}) {
        for (const name of ['a', 'b', 'c']) await kv.store(key(name), name);
        await using changes = await changesFrom(kv, {prefix});
        await kv.delete({prefix});
        const {events} = await takeSet(changes, 'a deletion is a change');
        assert.deepEqual(
          describeChanges(events, prefix),
          ['delete a', 'delete b', 'delete c'],
          'in one revision, in key order',
        );
      },
    },
    {
      name: 'deleting an absent key changes nothing: no revision, no event',
      async run({kv, key, prefix}) {
        await using changes = await changesFrom(kv, {prefix});
        await kv.delete(key('k'));
        await kv.store(key('k'), 'v');
        const {events} = await takeSet(changes, 'a put is a change');
        assert.deepEqual(describeChanges(events, prefix), ['put k=v'], 'a deletion of nothing is no change');
      },
    },
  ],
};
