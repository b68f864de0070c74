import assert from 'node:assert/strict';
import type {Kvi} from 'kvi-core';
import type {Input} from 'kvi-core/driver';
import type {CaseContext, ContractGroup} from '../suite.ts';
import {assertFails} from './helpers.ts';
import {assertRefused, wrong} from './refused.ts';

const callback = () => undefined;

/** Every call that takes a key, with this key. */
function callsWithKey(kv: Kvi, {key}: Pick<CaseContext, 'key'>, bad: Input): Record<string, () => unknown> {
  return {
    store: () => kv.store(bad, 'v'),
    get: () => kv.get(bad),
    'getRange, start': () => kv.getRange(bad, key('z')),
    'getRange, {start}': () => kv.getRange({start: bad, end: key('z')}),
    range: () => kv.range({start: bad}),
    delete: () => kv.delete(bad),
    tas: () => kv.tas(bad, 'a', 'b'),
    'tas with null': () => kv.tas(bad, null, 'b'),
    'transaction, key': () => kv.transaction(bad, '=', 'a', key('then'), 'x', key('else'), 'x'),
    'transaction, thenKey': () => kv.transaction(key('k'), '=', 'a', bad, 'x', key('else'), 'x'),
    'transaction, elseKey': () => kv.transaction(key('k'), '=', 'a', key('then'), 'x', bad, 'x'),
    'txn, compare': () => kv.txn({compare: [{key: bad, target: 'version', result: '=', version: 0}]}),
    'txn, put': () =>
      kv.txn({
        success: [
          {type: 'put', key: key('a'), value: 'x'},
          {type: 'put', key: bad, value: 'x'},
        ],
      }),
    'txn, deleteRange': () => kv.txn({failure: [{type: 'deleteRange', key: bad}]}),
    'txn, range': () => kv.txn({failure: [{type: 'range', key: bad}]}),
    'txn, nested': () => kv.txn({success: [{type: 'txn', failure: [{type: 'put', key: bad, value: 'x'}]}]}),
    tempKey: () => kv.tempKey(bad),
    watch: () => kv.watch(bad),
    watchWithCB: () => kv.watchWithCB(bad, 'put', callback),
    changes: () => kv.changes(bad).created,
    'changes, {start}': () => kv.changes({start: bad, end: key('z')}).created,
  };
}

/** Every call that takes a value or a range end, with this one. */
function callsWithValue(kv: Kvi, {key}: Pick<CaseContext, 'key'>, bad: Input): Record<string, () => unknown> {
  return {
    store: () => kv.store(key('k'), bad),
    'tas, test': () => kv.tas(key('k'), bad, 'b'),
    'tas, value': () => kv.tas(key('k'), null, bad),
    'transaction, value': () => kv.transaction(key('k'), '=', bad, key('then'), 'x', key('else'), 'x'),
    'transaction, thenValue': () => kv.transaction(key('k'), '=', 'a', key('then'), bad, key('else'), 'x'),
    'transaction, elseValue': () => kv.transaction(key('k'), '=', 'a', key('then'), 'x', key('else'), bad),
    'txn, put': () => kv.txn({failure: [{type: 'put', key: key('k'), value: bad}]}),
    'txn, compare': () => kv.txn({compare: [{key: key('k'), target: 'value', result: '=', value: bad}]}),
    'getRange, end': () => kv.getRange(key('a'), bad),
    'getRange, {end}': () => kv.getRange({start: key('a'), end: bad}),
    'getRange, {prefix}': () => kv.getRange({prefix: bad}),
    'delete, {end}': () => kv.delete({start: key('a'), end: bad}),
    'changes, {end}': () => kv.changes({start: key('a'), end: bad}).created,
    'changes, {prefix}': () => kv.changes({prefix: bad}).created,
    tempKey: () => kv.tempKey(key('k'), {value: bad}),
    'distLock, value': () => kv.distLock(key('lock'), {value: bad}),
  };
}

/** Input that is refused before anything is sent. */
export const badInput: ContractGroup = {
  name: 'bad input',
  cases: [
    {
      name: 'an empty key is refused by every call',
      async run({kv, key, prefix}) {
        await assertRefused({kv, key, prefix}, callsWithKey(kv, {key}, ''), 'a key cannot be empty');
        await assertRefused(
          {kv, key, prefix},
          callsWithKey(kv, {key}, new Uint8Array()),
          'a key cannot be empty bytes',
        );
      },
    },
    {
      name: 'an unpaired surrogate is refused in every key, value, range end and lock name',
      async run({kv, key, prefix}) {
        for (const bad of [key('\ud800'), key('\udc00x')]) {
          const promise = 'an unpaired surrogate has no UTF-8';
          await assertRefused({kv, key, prefix}, callsWithKey(kv, {key}, bad), promise);
          await assertRefused({kv, key, prefix}, callsWithValue(kv, {key}, bad), promise);
          await assertRefused(
            {kv, key, prefix},
            {
              distLock: () => kv.distLock(bad),
              distTimedLock: () => kv.distTimedLock(1, bad),
              distUnlock: () => kv.distUnlock(bad),
            },
            promise,
          );
        }
      },
    },
    {
      name: 'the error names what was wrong',
      async run({kv, key}) {
        const bad = wrong(5);
        const calls: [string, () => unknown][] = [
          ['key', () => kv.store(bad, 'v')],
          ['key', () => kv.get(bad)],
          ['key', () => kv.getRange({start: bad, end: 'z'})],
          ['key', () => kv.tempKey(bad)],
          ['key', () => kv.watch(bad)],
          ['key', () => kv.watchWithCB(bad, 'put', callback)],
          ['value', () => kv.store(key('k'), bad)],
          ['value', () => kv.tempKey(key('k'), {value: bad})],
          ['value', () => kv.distLock(key('k'), {value: bad})],
          ['value', () => kv.txn({compare: [{key: key('k'), target: 'value', result: '=', value: bad}]})],
          ['range end', () => kv.getRange({start: key('k'), end: bad})],
          ['prefix', () => kv.getRange({prefix: bad})],
        ];
        for (const [name, call] of calls) {
          const {message} = await assertFails('KVI_INVALID_ARGUMENT', call, `a ${name} that is a number`);
          assert.ok(message.startsWith(`${name} must be`), `it is the ${name}: ${message}`);
        }
      },
    },
    {
      name: 'keys and values of other types are refused',
      async run({kv, key, prefix}) {
        for (const bad of [
          5,
          null,
          undefined,
          true,
          {},
          [],
          [1, 2],
          Symbol('s'),
          5n,
          new ArrayBuffer(2),
          callback,
        ]) {
          const promise = `a ${bad === null ? 'null' : typeof bad} is neither text nor bytes`;
          await assertRefused({kv, key, prefix}, callsWithKey(kv, {key}, wrong(bad)), promise);
          const values = Object.entries(callsWithValue(kv, {key}, wrong(bad)));
          // These are valid there: tas(key, null, value) creates, and an end or a temporary value may be omitted.
          const optional = [
            'tas, test',
            'getRange, end',
            'getRange, {end}',
            'delete, {end}',
            'changes, {end}',
            'tempKey',
            'distLock, value',
          ];
          const refused = values.filter(
            ([name]) =>
              !((bad === null || bad === undefined) && optional.includes(name)) &&
              !(typeof bad === 'object' && name === 'getRange, end'),
          );
          await assertRefused({kv, key, prefix}, Object.fromEntries(refused), promise);
        }
      },
    },
    {
      name: 'an invalid transaction is refused',
      async run({kv, key, prefix}) {
        const bad = [
          undefined,
          null,
          5,
          {success: [null]},
          {success: 'abc'},
          {compare: [null]},
          {failure: [5]},
        ];
        await assertRefused(
          {kv, key, prefix},
          Object.fromEntries(bad.map((request) => [JSON.stringify(request), () => kv.txn(wrong(request))])),
          'a transaction is an object of arrays of objects',
        );
      },
    },
    {
      name: 'an invalid range is refused',
      async run({kv, key, prefix}) {
        const bad = {
          'an empty object': {},
          'an end without a start': {end: key('z')},
          'a misspelt prefix': {perfix: key('k')},
          'a prefix that was not set': {prefix: undefined},
        };
        for (const [name, keys] of Object.entries(bad)) {
          await assertRefused(
            {kv, key, prefix},
            {
              getRange: () => kv.getRange(wrong(keys)),
              range: () => kv.range(wrong(keys)),
              delete: () => kv.delete(wrong(keys)),
              changes: () => kv.changes(wrong(keys)).created,
            },
            `${name} names no keys`,
          );
        }
        await assertRefused(
          {kv, key, prefix},
          {
            'a prefix and an end': () => kv.getRange(wrong({prefix}), key('z')),
            'a prefix and a start': () => kv.getRange(wrong({prefix, start: key('a')})),
            'a watch of no keys': () => kv.changes({start: key('b'), end: key('a')}).created,
          },
          'what contradicts itself is refused',
        );
        await assertRefused(
          {kv, key, prefix},
          {'delete, {prefix}': () => kv.delete({prefix: ''})},
          'an empty prefix, as of a variable that was not set, deletes nothing',
        );
      },
    },
  ],
};
