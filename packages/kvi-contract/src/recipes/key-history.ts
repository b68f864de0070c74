import assert from 'node:assert/strict';
import type {Change, Kvi} from 'kvi-core';
import {keyHistory} from 'kvi-core/recipes';
import {assertFails, soon} from '../kvi/helpers.ts';
import {assertRefused, wrong} from '../kvi/refused.ts';
import type {ContractGroup} from '../suite.ts';

/** The changes in a short notation: `put 1`, `delete`. */
function described(changes: readonly Change[]): string[] {
  return changes.map(({type, value}) => (type === 'put' ? `put ${value}` : type));
}

/** Stores a value. @returns the revision */
async function put(kv: Kvi, key: string, value: string): Promise<number> {
  return (await kv.txn({success: [{type: 'put', key, value}]})).revision;
}

async function historyOf(kv: Kvi, key: string): Promise<Change[]> {
  const changes: Change[] = [];
  const all = async () => {
    for await (const change of keyHistory(kv, key)) changes.push(change);
  };
  await soon(all(), 'a history ends');
  return changes;
}

/** The revisions of a key. */
export const keyHistories: ContractGroup = {
  name: 'the history of a key',
  cases: [
    {
      name: 'has every put and every deletion of the key, and nothing else, with its revision',
      async run({kv, key}) {
        const first = await put(kv, key('a'), '1');
        await kv.store(key('a/b'), 'other');
        await put(kv, key('a'), '2');
        await kv.delete(key('a'));
        const last = await put(kv, key('a'), '3');
        const changes = await historyOf(kv, key('a'));
        assert.deepEqual(described(changes), ['put 1', 'put 2', 'delete', 'put 3']);
        assert.equal(changes[0]?.modRevision, first);
        assert.deepEqual(changes[3], {
          type: 'put',
          key: key('a'),
          value: '3',
          createRevision: last,
          modRevision: last,
          version: 1,
          lease: '0',
        });
      },
    },
    {
      name: 'has the deletion of a key that does not exist now',
      async run({kv, key}) {
        await kv.store(key('a'), '1');
        await kv.delete(key('a'));
        const history = keyHistory(kv, key('a'));
        for (const expected of ['put 1', 'delete']) {
          const {value: change} = await soon(history.next(), `it has ${expected}`);
          assert.ok(change);
          assert.deepEqual(described([change]), [expected]);
        }
        // Not to its end, which some versions of etcd tell late.
        await history.return(undefined);
      },
    },
    {
      name: 'has more than a watch delivers at once',
      async run({kv, key}) {
        const values = Array.from({length: 1_200}, (_, n) => String(n));
        for (const value of values) await kv.store(key('a'), value);
        assert.deepEqual(
          described(await historyOf(kv, key('a'))),
          values.map((value) => `put ${value}`),
        );
      },
    },
    {
      name: 'ends at the revision that the store had when it began, while others write on',
      async run({kv, key}) {
        await kv.store(key('a'), '1');
        const seen: string[] = [];
        for await (const change of keyHistory(kv, key('a'))) {
          seen.push(...described([change]));
          await kv.store(key('a'), 'later');
        }
        assert.deepEqual(seen, ['put 1']);
      },
    },
    {
      name: 'begins with the value that the key had when the store was compacted',
      async run({kv, key}) {
        await kv.store(key('a'), '1');
        const kept = await put(kv, key('a'), '2');
        const compacted = await put(kv, key('b'), '1');
        await kv.store(key('a'), '3');
        await kv.compact(compacted);
        const changes = await historyOf(kv, key('a'));
        assert.deepEqual(described(changes), ['put 2', 'put 3']);
        assert.equal(changes[0]?.modRevision, kept);
        assert.deepEqual(
          described(await historyOf(kv, key('b'))),
          ['put 1'],
          'the revision itself is kept, once',
        );
        await kv.store(key('b'), '2');
        assert.deepEqual(described(await historyOf(kv, key('b'))), ['put 1', 'put 2']);
        const [, unchanged] = await historyOf(kv, key('b'));
        await kv.compact(await put(kv, key('c'), '1'));
        assert.deepEqual(await historyOf(kv, key('b')), [unchanged], 'a key that nobody has changed since');
      },
    },
    {
      name: 'returns what its handle does',
      async run({kv, key}) {
        await kv.bytes.store(key('a'), Buffer.of(0xff));
        const {value: change} = await keyHistory(kv.bytes, key('a')).next();
        assert.deepEqual(change?.value, Uint8Array.of(0xff));
        await assertFails('KVI_NOT_TEXT', () => historyOf(kv, key('a')), 'bytes are no text');
      },
    },
    {
      name: 'ends with the signal, and need not be read to its end',
      async run({kv, key}) {
        await kv.store(key('a'), '1');
        await kv.store(key('a'), '2');
        const controller = new AbortController();
        const history = keyHistory(kv, key('a'), {signal: controller.signal});
        controller.abort();
        await assertFails('KVI_ABORTED', () => history.next(), 'it is aborted');
        for await (const change of keyHistory(kv, key('a'))) {
          assert.equal(change.value, '1');
          break;
        }
      },
    },
    {
      name: 'is refused at once for what is no key, no option or no handle',
      async run(context) {
        const {kv, key} = context;
        const calls = {
          'an empty key': () => keyHistory(kv, ''),
          'a number': () => keyHistory(kv, wrong(7)),
          'an unknown option': () => keyHistory(kv, key('a'), wrong({revision: 1})),
          'no handle': () => keyHistory(wrong({}), key('a')),
        };
        await assertRefused(context, calls, 'it is refused', {
          'a number': /^key must be/,
          'no handle': /handle/,
        });
      },
    },
  ],
};
