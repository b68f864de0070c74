import assert from 'node:assert/strict';
import type {Compare} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {contents, grantLease, put} from './helpers.ts';

/** The compares of `txn`. */
export const compares: ContractGroup = {
  name: 'compares',
  cases: [
    {
      name: 'every compare has to hold, on values, versions, revisions and leases',
      async run({kv, driver, key}) {
        const lease = await grantLease(driver);
        await kv.store(key('k'), '1');
        await kv.store(key('k'), '2', {lease});
        const [k] = await kv.getRange(key('k'));
        const {createRevision = 0, modRevision = 0} = k ?? {};
        const own = {key: key('k')};
        const absent = {key: key('absent')};
        const table: [Compare<string>, boolean][] = [
          [{...own, target: 'value', result: '=', value: '2'}, true],
          [{...own, target: 'value', result: '>', value: '2'}, false],
          [{...own, target: 'version', result: '=', version: 2}, true],
          [{...own, target: 'version', result: '<', version: 2}, false],
          [{...own, target: 'create', result: '=', createRevision}, true],
          [{...own, target: 'create', result: '>', createRevision}, false],
          [{...own, target: 'mod', result: '>', modRevision: createRevision}, true],
          [{...own, target: 'mod', result: '!=', modRevision}, false],
          [{...own, target: 'lease', result: '=', lease}, true],
          [{...own, target: 'lease', result: '=', lease: '0'}, false],
          [{...absent, target: 'value', result: '!=', value: 'x'}, false],
          [{...absent, target: 'version', result: '=', version: 0}, true],
          [{...absent, target: 'create', result: '=', createRevision: 0}, true],
          [{...absent, target: 'create', result: '>', createRevision: 0}, false],
          [{...absent, target: 'mod', result: '<', modRevision: 1}, true],
          [{...absent, target: 'lease', result: '=', lease: '0'}, true],
        ];
        for (const [compare, expected] of table) {
          const {succeeded} = await kv.txn({compare: [compare]});
          assert.equal(
            succeeded,
            expected,
            `the compare ${JSON.stringify(compare)} holds: ${String(expected)}`,
          );
        }
        const all = table.filter(([, holds]) => holds).map(([compare]) => compare);
        assert.equal((await kv.txn({compare: all})).succeeded, true, 'all compares hold');
        const oneFails = [...all, {...own, target: 'version', result: '=', version: 7} as const];
        assert.equal(
          (await kv.txn({compare: oneFails})).succeeded,
          false,
          'one that does not hold is enough',
        );
        await driver.leaseRevoke(lease);
      },
    },
    {
      name: 'a compare of a range has to hold for each of its keys',
      async run({kv, key}) {
        await kv.store(key('a'), '5');
        await kv.store(key('b'), '7');
        const holds = async (compare: Compare<string>) => (await kv.txn({compare: [compare]})).succeeded;
        const range = {key: key('a'), rangeEnd: key('c')};
        assert.equal(
          await holds({...range, target: 'value', result: '>', value: '4'}),
          true,
          'it holds for both',
        );
        assert.equal(
          await holds({...range, target: 'value', result: '>', value: '5'}),
          false,
          'it holds for one only',
        );
        const empty = {key: key('x'), rangeEnd: key('z')};
        assert.equal(
          await holds({...empty, target: 'value', result: '!=', value: 'x'}),
          false,
          'no key has no value',
        );
        assert.equal(
          await holds({...empty, target: 'create', result: '=', createRevision: 0}),
          true,
          'no key was created',
        );
      },
    },
    {
      name: 'all compares, those of nested transactions too, see the state before the transaction',
      async run({kv, key, prefix}) {
        await kv.store(key('k'), 'before');
        await kv.txn({
          success: [
            put(key('k'), 'after'),
            {
              type: 'txn',
              compare: [{key: key('k'), target: 'value', result: '=', value: 'before'}],
              success: [put(key('saw'), 'before')],
              failure: [put(key('saw'), 'after')],
            },
          ],
        });
        assert.deepEqual(
          await contents(kv, {prefix}),
          ['k=after', 'saw=before'],
          'compares come before every operation',
        );
      },
    },
  ],
};
