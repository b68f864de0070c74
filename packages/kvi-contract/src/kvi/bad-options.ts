import {createKvi, type KviOptions} from 'kvi-core';
import type {ContractGroup} from '../suite.ts';
import {assertFails} from './helpers.ts';
import {assertRefused, wrong} from './refused.ts';

const callback = () => undefined;

/** Options that are refused before anything is sent. */
export const badOptions: ContractGroup = {
  name: 'bad options',
  cases: [
    {
      name: 'a number that is negative, not whole, or not a number is refused',
      async run({kv, key, prefix}) {
        const lock = key('lock');
        for (const bad of [-1, NaN, Infinity, -Infinity, wrong('1'), wrong(null)]) {
          await assertRefused(
            {kv, key, prefix},
            {
              'store, timeoutMs': () => kv.store(key('k'), 'v', {timeoutMs: bad}),
              'get, timeoutMs': () => kv.get(key('k'), {timeoutMs: bad}),
              'watch, timeoutMs': () => kv.watch(key('k'), {timeoutMs: bad}),
              'watchWithCB, timeoutMs': () =>
                kv.watchWithCB(key('k'), 'put', callback, undefined, {timeoutMs: bad}),
              'tempKey, timeoutMs': () => kv.tempKey(key('k'), {timeoutMs: bad}),
              'tempKey, ttlSeconds': () => kv.tempKey(key('k'), {ttlSeconds: bad}),
              'distLock, ttlSeconds': () => kv.distLock(lock, {ttlSeconds: bad}),
              'distTimedLock, ttlSeconds': () => kv.distTimedLock(0, lock, {ttlSeconds: bad}),
              'distTimedLock, seconds': () => kv.distTimedLock(bad, lock),
              'getRange, limit': () => kv.getRange({prefix}, {limit: bad}),
              'get, revision': () => kv.get(key('k'), {revision: bad}),
              'range, minModRevision': () => kv.range({prefix}, {minModRevision: bad}),
              'changes, startRevision': () => kv.changes({prefix}, {startRevision: bad}).created,
              'txn, version': () =>
                kv.txn({compare: [{key: key('k'), target: 'version', result: '=', version: bad}]}),
            },
            `${String(bad)} is refused`,
          );
        }
        for (const bad of [1.5, 2 ** 53]) {
          await assertRefused(
            {kv, key, prefix},
            {
              'tempKey, ttlSeconds': () => kv.tempKey(key('k'), {ttlSeconds: bad}),
              'distLock, ttlSeconds': () => kv.distLock(lock, {ttlSeconds: bad}),
              'getRange, limit': () => kv.getRange({prefix}, {limit: bad}),
              'changes, startRevision': () => kv.changes({prefix}, {startRevision: bad}).created,
            },
            `${String(bad)} is refused`,
          );
        }
      },
    },
    {
      name: 'a timeout or TTL of 0, or longer than any timer, is refused',
      async run({kv, key, prefix}) {
        for (const bad of [0, 2 ** 31, 1e300]) {
          await assertRefused(
            {kv, key, prefix},
            {
              timeoutMs: () => kv.store(key('k'), 'v', {timeoutMs: bad}),
              'tempKey, ttlSeconds': () => kv.tempKey(key('k'), {ttlSeconds: bad}),
              'distLock, ttlSeconds': () => kv.distLock(key('lock'), {ttlSeconds: bad}),
            },
            `${String(bad)} is refused`,
          );
        }
        await assertRefused(
          {kv, key, prefix},
          {seconds: () => kv.distTimedLock(2 ** 31, key('lock'))},
          'a wait that no timer can run',
        );
      },
    },
    {
      name: 'a lock name that is empty or not text is refused',
      async run({kv, key, prefix}) {
        for (const bad of ['', 5, null, {}, Buffer.from('name'), Symbol('s')]) {
          await assertRefused(
            {kv, key, prefix},
            {
              distLock: () => kv.distLock(wrong(bad)),
              distTimedLock: () => kv.distTimedLock(0, wrong(bad)),
              distUnlock: () => kv.distUnlock(wrong(bad)),
            },
            `${typeof bad} is no lock name`,
          );
        }
      },
    },
    {
      name: 'unknown operations, targets, orders and filters are refused',
      async run({kv, key, prefix}) {
        const k = key('k');
        await assertRefused(
          {kv, key, prefix},
          {
            'an unknown operation': () => kv.txn({success: [wrong({type: 'increment', key: k})]}),
            'an operation without a type': () => kv.txn({failure: [wrong({key: k, value: 'v'})]}),
            'an unknown target': () =>
              kv.txn({compare: [wrong({key: k, target: 'size', result: '=', size: 1})]}),
            'a compare without its operand': () =>
              kv.txn({compare: [wrong({key: k, target: 'version', result: '='})]}),
            'a compare without an operator': () =>
              kv.txn({compare: [wrong({key: k, target: 'version', version: 0})]}),
            'a put without a value': () => kv.txn({success: [{type: 'put', key: k}]}),
            'a put with a value to ignore': () =>
              kv.txn({success: [{type: 'put', key: k, value: 'v', ignoreValue: true}]}),
            'a put with a lease to ignore': () =>
              kv.txn({success: [{type: 'put', key: k, value: 'v', lease: '1', ignoreLease: true}]}),
            'an unknown order': () => kv.getRange({prefix}, {sortOrder: wrong('down')}),
            'an unknown sort target': () => kv.range({prefix}, {sortTarget: wrong('size')}),
            'an unknown filter': () => kv.changes({prefix}, {filters: [wrong('noop')]}).created,
            'an unknown way to go on': () => kv.changes({prefix}, {onCompacted: wrong('ignore')}).created,
            'an unknown kind of change': () => kv.watchWithCB(k, wrong('set'), callback),
            'no kind of change': () => kv.watchWithCB(k, wrong(undefined), callback),
            'no callback': () => kv.watchWithCB(k, 'put', wrong(undefined)),
          },
          'what is unknown is refused',
        );
      },
    },
    {
      name: 'an invalid lease id is refused',
      async run({kv, key, prefix}) {
        for (const bad of [
          '',
          'xyz',
          '0x1',
          '01',
          'AB',
          '8000000000000000',
          '10000000000000000',
          '-1',
          5,
          null,
        ]) {
          await assertRefused(
            {kv, key, prefix},
            {
              store: () => kv.store(key('k'), 'v', {lease: wrong(bad)}),
              compare: () =>
                kv.txn({compare: [{key: key('k'), target: 'lease', result: '=', lease: wrong(bad)}]}),
            },
            `${String(bad)} is no lease id`,
          );
        }
      },
    },
    {
      name: 'invalid options and signals are refused',
      async run({kv, key, prefix}) {
        await assertRefused(
          {kv, key, prefix},
          {
            'get, options': () => kv.get(key('k'), wrong(5)),
            'getRange, a number as end': () => kv.getRange(key('k'), wrong(5)),
            'getRange, null as end': () => kv.getRange(key('k'), wrong(null)),
            'store, signal': () => kv.store(key('k'), 'v', {signal: wrong({})}),
            'get, signal': () => kv.get(key('k'), {signal: wrong('abort')}),
            'distLock, signal': () => kv.distLock(key('lock'), {signal: wrong({aborted: false})}),
            'changes, signal': () => kv.changes({prefix}, {signal: wrong(true)}).created,
          },
          'wrong options are refused',
        );
      },
    },
    {
      name: 'a handle is not created with options out of bounds',
      async run({driver}) {
        const bad: KviOptions[] = [
          {timeoutMs: 0},
          {timeoutMs: NaN},
          {ttlSeconds: 0},
          {ttlSeconds: 1.5},
          {ttlSeconds: 2 ** 31},
          {lockName: ''},
          {lockName: '\ud800'},
          {maxTxnOps: 0},
          {maxRequestBytes: -1},
        ];
        for (const options of bad) {
          await assertFails(
            'KVI_INVALID_ARGUMENT',
            () => createKvi(driver, options),
            `${JSON.stringify(options)} is refused`,
          );
        }
      },
    },
  ],
};
