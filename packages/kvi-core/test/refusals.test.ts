import {describe, expect, it} from '@jest/globals';
import {modelDriver, modelStore} from 'kvi-contract';
import {
  allOf,
  createKvi,
  exponentialBackoff,
  type Kvi,
  type KviOptions,
  limitAttempts,
  limitTime,
  type RetryPolicy,
} from 'kvi-core';

/** What a caller without types gives. */
function wrong(value: unknown): never {
  return value as never;
}

const store = modelStore();
const kv = createKvi(modelDriver(store));
const txn = (request: unknown) => kv.txn(wrong(request));
const put = (fields: object) => txn({success: [{type: 'put', key: 'k', value: 'v', ...fields}]});
const compare = (fields: object) => txn({compare: [{key: 'k', result: '=', ...fields}]});

describe('A call that is refused says what was wrong with it', () => {
  const calls: [string, () => unknown][] = [
    ['key must be a string', () => kv.get(wrong(5))],
    ['key must be a string or a Uint8Array, not null', () => kv.get(wrong(null))],
    ['value must be a string', () => kv.store('k', wrong(5))],
    ['value must be a string', () => kv.tempKey('k', {value: wrong(5)})],
    ['value must be a string', () => compare({target: 'value', value: 5})],
    ['range end must be a string', () => kv.getRange({start: 'a', end: wrong(5)})],
    ['prefix must be a string', () => kv.getRange({prefix: wrong(5)})],
    ['key is not provided', () => kv.get('')],
    ['not both', () => kv.getRange(wrong({prefix: 'a', start: 'b'}))],
    ['not both', () => kv.getRange(wrong({prefix: 'a'}), 'b')],
    ['keys must be a key', () => kv.getRange(wrong({}))],
    ['keys must be a key', () => kv.getRange(wrong(undefined))],
    ['keys must be a key', () => kv.getRange(wrong(null))],
    ['every key', () => kv.delete({prefix: ''})],
    ['every key', () => kv.delete({prefix: Buffer.alloc(0)})],
    ['a transaction must be an object, not null', () => txn(null)],
    ['a transaction must be an object, not 5', () => txn(5)],
    ['compare must be an array, not {}', () => txn({compare: {}})],
    ['a transaction must be an object, not []', () => txn([])],
    ['unknown field of a transaction "type"', () => txn({type: 'put', key: 'k', value: 'v'})],
    ['unknown field of a put "valu"', () => put({valu: 'x'})],
    ['unknown field of a range "rangEnd"', () => txn({success: [{type: 'range', key: 'k', rangEnd: 'l'}]})],
    [
      'unknown field of a deleteRange "prefix"',
      () => txn({success: [{type: 'deleteRange', key: 'k', prefix: 'l'}]}),
    ],
    ['unknown field of a compare "op"', () => compare({target: 'version', version: 1, op: '='})],
    ['unknown option "timeout"; expected one of timeoutMs', () => kv.get('k', wrong({timeout: 3}))],
    ['unknown option "key"', () => kv.get('k', wrong({key: 'l'}))],
    ['unknown option "rangeEnd"', () => kv.range('k', wrong({rangeEnd: 'l'}))],
    ['unknown option "onUnknownOutcome"', () => kv.get('k', wrong({onUnknownOutcome: 'resolve'}))],
    ['value must be a string or a Uint8Array, not undefined', () => kv.store('k', wrong(undefined))],
    ['test must be a string or a Uint8Array, not undefined', () => kv.tas('k', wrong(undefined), 'x')],
    ['elseValue must be a string', () => kv.transaction('k', '=', 'v', 'k', 'v', 'k', wrong(1))],
    ['prevKv must be true or false, not 1', () => put({prevKv: 1})],
    ['ignoreValue must be true or false, not 1', () => put({value: undefined, ignoreValue: 1})],
    ['ignoreLease must be true or false, not 1', () => put({ignoreLease: 1})],
    ['serializable must be true or false, not "no"', () => kv.get('k', {serializable: wrong('no')})],
    [
      'filters must be an array, not Set(1)',
      () => kv.changes('k', {filters: wrong(new Set(['noput']))}).created,
    ],
    ['sortOrder must be one of ascend, descend, not 1n', () => kv.range('k', {sortOrder: wrong(1n)})],
    [
      'an argument cannot be read: no',
      () =>
        kv.get(
          'k',
          new Proxy(
            {},
            {
              ownKeys: () => {
                throw new Error('no');
              },
            },
          ),
        ),
    ],
    ["a lock's name must be", () => kv.distLock(wrong(1n))],
    ['success must be an array', () => txn({success: 'put'})],
    ['failure must be an array', () => txn({failure: 1})],
    ['each of compare', () => txn({compare: [null]})],
    ['each of success', () => txn({success: [5]})],
    ['each of failure', () => txn({failure: [null]})],
    ['not "get"', () => txn({success: [{type: 'get', key: 'k'}]})],
    ['either a value or ignoreValue', () => put({ignoreValue: true})],
    ['either a value or ignoreValue', () => put({value: undefined})],
    ['either a lease or ignoreLease', () => put({lease: '1', ignoreLease: true})],
    ['a lease id is', () => put({lease: 'x'})],
    ['the operator must be one of =, !=, <, >', () => compare({target: 'value', value: 'v', result: '=='})],
    ["a compare's target", () => compare({target: 'size'})],
    ['version must be', () => compare({target: 'version', version: -1})],
    ['version must be', () => compare({target: 'version'})],
    ['createRevision must be', () => compare({target: 'create', createRevision: 0.5})],
    ['modRevision must be', () => compare({target: 'mod', modRevision: '1'})],
    ['a lease id is', () => compare({target: 'lease', lease: 'X'})],
    ['limit must be', () => kv.range('k', {limit: -1})],
    ['revision must be', () => kv.range('k', {revision: 0.5})],
    ['minModRevision must be', () => kv.range('k', {minModRevision: -1})],
    ['maxModRevision must be', () => kv.range('k', {maxModRevision: -1})],
    ['minCreateRevision must be', () => kv.range('k', {minCreateRevision: -1})],
    ['maxCreateRevision must be', () => kv.range('k', {maxCreateRevision: -1})],
    ['sortOrder must be one of ascend, descend', () => kv.range('k', {sortOrder: wrong('up')})],
    [
      'sortTarget must be one of key, version, create, mod, value',
      () => kv.range('k', {sortTarget: wrong('size')}),
    ],
    ['startRevision must be', () => kv.changes('k', {startRevision: -1}).created],
    ['a filter must be one of noput, nodelete', () => kv.changes('k', {filters: [wrong('put')]}).created],
    [
      'onCompacted must be one of error, resync',
      () => kv.changes('k', {onCompacted: wrong('ignore')}).created,
    ],
    ['the range to watch is empty', () => kv.changes({start: 'b', end: 'a'}).created],
    ['op must be one of put, delete, not "get"', () => kv.watchWithCB('k', wrong('get'), () => undefined)],
    ['callback must be a function', () => kv.watchWithCB('k', 'put', wrong(5))],
    [
      'onError must be a function',
      () => kv.watchWithCB('k', 'put', () => undefined, undefined, {onError: wrong(5)}),
    ],
    ['options must be an object', () => kv.get('k', wrong(5))],
    ['options must be an object', () => kv.get('k', wrong(null))],
    ['signal must be an AbortSignal', () => kv.get('k', {signal: wrong({})})],
    ['timeoutMs must be', () => kv.get('k', {timeoutMs: 0})],
    ['retryPolicy must have', () => kv.get('k', {retryPolicy: wrong({next: () => 0})})],
    ['retryPolicy must have', () => kv.get('k', {retryPolicy: wrong({clone: () => 0})})],
    [
      'onUnknownOutcome must be one of throw, resolve',
      () => kv.store('k', 'v', {onUnknownOutcome: wrong('ask')}),
    ],
    ['ttlSeconds must be', () => kv.tempKey('k', {ttlSeconds: 0})],
    ['ttlSeconds must be', () => kv.distLock('l', {ttlSeconds: 1.5})],
    ['seconds must be', () => kv.distTimedLock(-1, 'l')],
    ["a lock's name", () => kv.distLock('')],
    ["a lock's name", () => kv.distUnlock(wrong(5))],
    ['limit 32 levels', () => txn(nestedTxn(33))],
  ];

  it.each(calls)('%s', async (words, call) => {
    const called = Promise.resolve().then(call);
    await expect(called).rejects.toMatchObject({
      code: 'KVI_INVALID_ARGUMENT',
      message: expect.stringContaining(words),
    });
  });

  it.each<[string, KviOptions]>([
    ['options must be an object', wrong(null)],
    ['timeoutMs must be', {timeoutMs: -1}],
    ['ttlSeconds must be', {ttlSeconds: 0}],
    ["a lock's name", {lockName: ''}],
    ['retryPolicy must have', {retryPolicy: wrong({})}],
    ['onUnknownOutcome must be', {onUnknownOutcome: wrong('ask')}],
    ['maxTxnOps must be', {maxTxnOps: 0}],
    ['maxRequestBytes must be', {maxRequestBytes: 0.5}],
  ])('%s, where a handle is made', (words, options) => {
    expect(() => createKvi(modelDriver(store), options)).toThrow(
      expect.objectContaining({code: 'KVI_INVALID_ARGUMENT', message: expect.stringContaining(words)}),
    );
  });

  it.each<[string, () => RetryPolicy]>([
    ['initialDelayMs must be', () => exponentialBackoff({initialDelayMs: 0})],
    ['maxDelayMs must be', () => exponentialBackoff({maxDelayMs: -1})],
    ['attempts must be', () => limitAttempts(0)],
    ['ms must be', () => limitTime(0)],
  ])('%s, where a policy is made', (words, make) => {
    expect(make).toThrow(
      expect.objectContaining({code: 'KVI_INVALID_ARGUMENT', message: expect.stringContaining(words)}),
    );
  });
});

describe('What is at a bound is taken', () => {
  const maxTimerMs = 2 ** 31 - 1;

  it.each<[string, (kvi: Kvi) => Promise<unknown>]>([
    ['a timeout as long as a timer can run', (kvi) => kvi.get('k', {timeoutMs: maxTimerMs})],
    ['the longest TTL', (kvi) => kvi.tempKey('t', {ttlSeconds: Math.floor(maxTimerMs / 1000)})],
    ['the shortest TTL', (kvi) => kvi.tempKey('u', {ttlSeconds: 1})],
    ['the longest wait for a lock', (kvi) => kvi.distTimedLock(maxTimerMs / 1000, 'l')],
    ['32 levels of transactions', (kvi) => kvi.txn(nestedTxn(32))],
    ['a policy of several', (kvi) => kvi.get('k', {retryPolicy: allOf(limitAttempts(1), limitTime(1))})],
  ])('%s', async (_, call) => {
    await using kvi = createKvi(modelDriver(store));
    await call(kvi);
  });

  it.each<[string, (kvi: Kvi) => Promise<unknown>]>([
    ['a timeout', (kvi) => kvi.get('k', {timeoutMs: maxTimerMs + 1})],
    ['a TTL', (kvi) => kvi.tempKey('t', {ttlSeconds: Math.floor(maxTimerMs / 1000) + 1})],
    ['a wait for a lock', (kvi) => kvi.distTimedLock(maxTimerMs / 1000 + 1, 'l')],
  ])('and not what is behind it: %s', async (_, call) => {
    await expect(call(kv)).rejects.toMatchObject({code: 'KVI_INVALID_ARGUMENT'});
  });
});

/** So many transactions, one in the other. */
function nestedTxn(depth: number): {success: {type: 'txn'}[]} {
  return {success: depth === 1 ? [] : [{type: 'txn', ...nestedTxn(depth - 1)}]};
}
