import {afterEach, describe, expect, it} from '@jest/globals';
import {createKvi, isKviError, type Kvi, noRetries} from 'kvi-core';
import type {Clock, Driver, Timer} from 'kvi-core/driver';
import {type FaultCode, Faults, ManualClock, MemStore, openMem} from 'kvi-mem';
import {bytes, get, nextEvents, put} from './tools.ts';

const clock = new ManualClock();
const opened: (Driver | Kvi)[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((handle) => handle.close()));
});

/** A handle under a plan, and an operator's on the same store, to which nothing happens. */
function open() {
  const faults = new Faults();
  const store = new MemStore({clock});
  const driver = store.driver({faults});
  const operator = store.driver();
  opened.push(driver, operator);
  return {faults, store, driver, operator};
}

function openKvi() {
  const {faults, store, driver, operator} = open();
  const [kv, other] = [createKvi(driver, {retryPolicy: noRetries}), createKvi(operator)];
  opened.unshift(kv, other);
  return {faults, store, kv, other};
}

/** `ok`, or the code of the error. */
async function outcome(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'ok',
    (error: unknown) => {
      if (isKviError(error)) return error.code;
      throw error;
    },
  );
}

describe('a fault for the next calls', () => {
  it('fails a write before it is applied', async () => {
    const {faults, driver, operator} = open();
    faults.next('txn').fail();
    expect(await outcome(put(driver, 'k', 'a'))).toBe('KVI_UNAVAILABLE');
    expect(await get(operator, 'k')).toBeUndefined();
    expect(await outcome(put(driver, 'k', 'a'))).toBe('ok');
  });

  it('fails a write after it is applied, as an unknown outcome that has the broken connection as its cause', async () => {
    const {faults, driver, operator} = open();
    faults.next('txn').failAfterApplying();
    await expect(put(driver, 'k', 'a')).rejects.toMatchObject({
      code: 'KVI_UNKNOWN_OUTCOME',
      message:
        'txn on "k": it was sent, and may have been applied or not; read before writing again (connection lost)',
      cause: {code: 14, details: 'connection lost'},
    });
    expect(await get(operator, 'k')).toBe('a');
  });

  it('says of a read whose answer was lost that it may be tried again', async () => {
    const {faults, driver} = open();
    faults.next('range').failAfterApplying();
    faults.next('range').fail('KVI_UNKNOWN_OUTCOME');
    expect(await outcome(get(driver, 'k'))).toBe('KVI_UNAVAILABLE');
    expect(await outcome(get(driver, 'k'))).toBe('KVI_UNAVAILABLE');
  });

  it.each<FaultCode>([
    'KVI_UNAVAILABLE',
    'KVI_TIMEOUT',
    'KVI_UNKNOWN_OUTCOME',
    'KVI_RESOURCE_EXHAUSTED',
    'KVI_UNAUTHENTICATED',
    'KVI_PERMISSION_DENIED',
  ])('fails with %s and applies nothing', async (code) => {
    const {faults, driver, operator} = open();
    faults.next().fail(code);
    expect(await outcome(put(driver, 'k', 'a'))).toBe(code);
    expect(await get(operator, 'k')).toBeUndefined();
  });

  it('happens to so many calls, and counts them', async () => {
    const {faults, driver} = open();
    const fault = faults.next('txn', 2).fail();
    const outcomes = [];
    for (let i = 0; i < 3; i += 1) outcomes.push(await outcome(put(driver, 'k', 'a')));
    expect(outcomes).toEqual(['KVI_UNAVAILABLE', 'KVI_UNAVAILABLE', 'ok']);
    expect(fault.hits).toBe(2);
  });

  it('is a script when there are several', async () => {
    const {faults, driver} = open();
    faults.every('txn').fail('KVI_PERMISSION_DENIED');
    faults.next('txn').fail();
    faults.next('txn').pass();
    faults.next('txn').failAfterApplying();
    const outcomes = [];
    for (let i = 0; i < 4; i += 1) outcomes.push(await outcome(put(driver, 'k', String(i))));
    expect(outcomes).toEqual(['KVI_UNAVAILABLE', 'ok', 'KVI_UNKNOWN_OUTCOME', 'KVI_PERMISSION_DENIED']);
  });

  it('happens to nothing on another handle, and to a closed one nothing happens', async () => {
    const {faults, driver, operator} = open();
    const fault = faults.every().fail();
    expect(await outcome(put(operator, 'k', 'a'))).toBe('ok');
    await driver.close();
    expect(await outcome(put(driver, 'k', 'a'))).toBe('KVI_CLOSED');
    expect(fault.hits).toBe(0);
  });
});

describe('the calls that are selected', () => {
  it.each([
    ['a key', {key: 'a/1'}, [true, false, false]],
    ['a prefix', {prefix: 'a/'}, [true, true, false]],
    ['bytes', {key: bytes('b')}, [false, false, true]],
    [
      'a predicate',
      {where: ({operation}: {operation: string}) => operation === 'range'},
      [false, false, false],
    ],
    ['an operation', {operation: 'txn'} as const, [true, true, true]],
    ['several operations', {operation: ['range', 'txn']} as const, [true, true, true]],
    ['an operation and a key', {operation: 'range', key: 'b'} as const, [false, false, false]],
  ])('are those of %s', async (_what, selection, fails) => {
    const {faults, driver} = open();
    faults.every(selection).fail();
    const outcomes = [];
    for (const key of ['a/1', 'a/2', 'b']) outcomes.push((await outcome(put(driver, key, 'v'))) !== 'ok');
    expect(outcomes).toEqual(fails);
  });

  it('are also those that read a range with the key, or only compare it', async () => {
    const {faults, driver} = open();
    faults.every({key: 'b'}).fail();
    const range = (from: string, to: string) => driver.range({key: bytes(from), rangeEnd: bytes(to)});
    const compare = {key: bytes('b'), target: 'version', result: '=', version: 0} as const;
    expect(await outcome(range('a', 'c'))).toBe('KVI_UNAVAILABLE');
    expect(await outcome(range('a', '\0'))).toBe('KVI_UNAVAILABLE');
    expect(await outcome(range('a', 'b'))).toBe('ok');
    expect(await outcome(driver.txn({compare: [compare]}))).toBe('KVI_UNAVAILABLE');
    expect(await outcome(driver.leaseLeases())).toBe('ok');
  });

  it('meet no fault any more once it is lifted', async () => {
    const {faults, driver} = open();
    const fault = faults.every().fail();
    expect(await outcome(get(driver, 'k'))).toBe('KVI_UNAVAILABLE');
    fault.lift();
    faults.next().fail();
    faults.partition();
    faults.lift();
    expect(await outcome(get(driver, 'k'))).toBe('ok');
    expect(fault.hits).toBe(1);
  });
});

describe('a delay', () => {
  it.each([
    ['request', undefined],
    ['response', 'a'],
  ])('of the %s is by the clock of the store', async (which, stored) => {
    const {faults, driver, operator} = open();
    if (which === 'request') faults.next('txn').delayRequest(1000);
    else faults.next('txn').delayResponse(1000);
    let isDone = false;
    const putting = put(driver, 'k', 'a').finally(() => {
      isDone = true;
    });
    await clock.advance(999);
    expect(isDone).toBe(false);
    expect(await get(operator, 'k')).toBe(stored);
    await clock.advance(1);
    await putting;
    expect(await get(operator, 'k')).toBe('a');
  });

  it('that outlasts the timeout leaves the outcome of a write unknown, and a late request is applied all the same', async () => {
    const {faults, driver, operator} = open();
    faults.every().delayRequest(1000);
    const request = {success: [{type: 'put', key: bytes('k'), value: bytes('a')}]} as const;
    const putting = driver.txn(request, {timeoutMs: 100}).catch((error: unknown) => error);
    const reading = outcome(driver.range({key: bytes('k')}, {timeoutMs: 100}));
    await clock.advance(100);
    expect(await putting).toMatchObject({code: 'KVI_UNKNOWN_OUTCOME', cause: {code: 'KVI_TIMEOUT'}});
    expect(await reading).toBe('KVI_TIMEOUT');
    expect(await get(operator, 'k')).toBeUndefined();
    await clock.advance(900);
    expect(await get(operator, 'k')).toBe('a');
  });

  it('of a request ends with the handle, and leaves no timer', async () => {
    const timers = new Set<object>();
    const counting: Clock = {
      now: () => 0,
      setTimer() {
        const timer: Timer = {cancel: () => timers.delete(timer), unref: () => timer};
        timers.add(timer);
        return timer;
      },
    };
    const faults = new Faults();
    const driver = new MemStore({clock: counting}).driver({faults});
    faults.next('txn').delayRequest(60_000);
    const ended = new AbortController();
    const request = {success: [{type: 'put', key: bytes('k'), value: bytes('a')}]} as const;
    const putting = outcome(driver.txn(request, {signal: ended.signal}));
    ended.abort();
    expect(await putting).toBe('KVI_UNKNOWN_OUTCOME');
    expect(timers.size).toBe(1);
    await driver.close();
    expect(timers.size).toBe(0);
  });

  it.each([
    ['its signal', 'KVI_ABORTED'],
    ['closing the handle', 'KVI_CLOSED'],
  ])('ends with %s', async (which, code) => {
    const {faults, driver} = open();
    faults.every().hang();
    const ended = new AbortController();
    const limits = {signal: ended.signal};
    const grant = driver.leaseGrant({ttlSeconds: 5}, limits).catch((error: unknown) => error);
    const reading = outcome(driver.range({key: bytes('k')}, limits));
    if (which === 'its signal') ended.abort();
    else await driver.close();
    expect(await grant).toMatchObject({code: 'KVI_UNKNOWN_OUTCOME', cause: {code}});
    expect(await reading).toBe(code);
  });
});

describe('a handle that is cut off', () => {
  it('hangs until its timeouts, applies nothing, and works again when it is healed', async () => {
    const {faults, kv, other} = openKvi();
    faults.partition();
    const outcomes = Promise.all([
      outcome(kv.store('k', 'a', {timeoutMs: 100})),
      outcome(kv.get('k', {timeoutMs: 100})),
    ]);
    const waiting = kv.store('k', 'b');
    await clock.advance(100);
    expect(await outcomes).toEqual(['KVI_UNKNOWN_OUTCOME', 'KVI_TIMEOUT']);
    expect(await other.get('k')).toBeUndefined();
    faults.heal();
    await waiting;
    expect(await other.get('k')).toBe('b');
  });

  it('fails at once when that is what it is to do', async () => {
    const {faults, kv, other} = openKvi();
    faults.partition({calls: 'fail'});
    expect(await outcome(kv.store('k', 'a'))).toBe('KVI_UNAVAILABLE');
    expect(await outcome(kv.get('k'))).toBe('KVI_UNAVAILABLE');
    expect(await outcome(other.store('k', 'b'))).toBe('ok');
  });

  it('loses its lock before another can have it, and its temporary key until it is back', async () => {
    const {faults, kv, other} = openKvi();
    const lock = await kv.distLock('job', {ttlSeconds: 10});
    await kv.tempKey('here', {ttlSeconds: 10});
    const waiting = other.distLock('job');
    let lostFirst: boolean | undefined;
    const taken = waiting.then((next) => {
      lostFirst = lock.signal.aborted;
      return next;
    });
    await clock.advance(60_000);
    expect(lock.isHeld()).toBe(true);

    faults.partition();
    await clock.advance(10_000);
    expect((await taken).token).toBeGreaterThan(lock.token);
    expect(lostFirst).toBe(true);
    expect(lock.signal.reason).toMatchObject({code: 'KVI_LOCK_LOST'});
    expect(await other.get('here')).toBeUndefined();

    faults.heal();
    await clock.advance(5_000);
    expect(await other.get('here')).toBe('');
  });
});

describe('a watch whose connection is dropped', () => {
  it('gets what happened meanwhile, each once, when it is back', async () => {
    const {faults, driver, operator} = open();
    const watch = driver.watch({key: bytes('k')});
    await watch.created;
    await put(operator, 'k', 'a');
    expect(await nextEvents(watch)).toEqual(['put k=a@2']);
    faults.dropWatches();
    const next = nextEvents(watch);
    await put(operator, 'k', 'b');
    await put(operator, 'k', 'c');
    await put(driver, 'other', 'calls go on');
    faults.heal();
    const events = await next;
    if (events.length < 2) events.push(...(await nextEvents(watch)));
    expect(events).toEqual(['put k=b@3', 'put k=c@4']);
    await put(operator, 'k', 'd');
    expect(await nextEvents(watch)).toEqual(['put k=d@6']);
  });

  it('ends with KVI_COMPACTED when what it missed was compacted', async () => {
    const {faults, store, driver, operator} = open();
    const watch = driver.watch({key: bytes('k')});
    await watch.created;
    faults.dropWatches();
    await put(operator, 'k', 'a');
    await put(operator, 'k', 'b');
    store.compact();
    faults.heal();
    await expect(watch.next()).rejects.toMatchObject({code: 'KVI_COMPACTED', compactRevision: 3});
  });

  it('does not notice a compaction of what it has seen', async () => {
    const {faults, store, driver, operator} = open();
    const watch = driver.watch({key: bytes('k')});
    await put(operator, 'k', 'a');
    expect(await nextEvents(watch)).toEqual(['put k=a@2']);
    faults.dropWatches();
    store.compact();
    store.compact();
    faults.heal();
    await put(operator, 'k', 'b');
    expect(await nextEvents(watch)).toEqual(['put k=b@3']);
  });

  it('is in place only when the connection is back, if it is started without', async () => {
    const {faults, driver, operator} = open();
    faults.dropWatches();
    const watch = driver.watch({key: bytes('k')});
    await put(operator, 'k', 'a');
    faults.heal();
    expect(await watch.created).toBe(3);
    await put(operator, 'k', 'b');
    expect(await nextEvents(watch)).toEqual(['put k=b@3']);
  });

  it.each([true, false])('ends with the handle, started before (%s) or after', async (isBefore) => {
    const {faults, store, driver} = open();
    if (!isBefore) faults.dropWatches();
    const watch = driver.watch({key: bytes('k')});
    if (isBefore) faults.dropWatches();
    const next = outcome(watch.next());
    await driver.close();
    expect(await next).toBe('KVI_CLOSED');
    expect(store.watchCount).toBe(0);
  });

  it.each([true, false])('ends when the store is reset, started before (%s) or after', async (isBefore) => {
    const {faults, store, driver, operator} = open();
    await put(operator, 'k', 'a');
    if (!isBefore) faults.dropWatches();
    const watch = driver.watch({key: bytes('k'), startRevision: 2});
    if (isBefore) faults.dropWatches();
    store.reset();
    await put(operator, 'k', 'of the new history');
    faults.heal();
    await expect(watch.next()).rejects.toMatchObject({code: 'KVI_COMPACTED', compactRevision: 1});
    expect(store.watchCount).toBe(0);
  });

  it('tells of a compacted start only when the connection is back, if it is started without', async () => {
    const {faults, store, driver, operator} = open();
    await put(operator, 'k', 'a');
    await put(operator, 'k', 'b');
    store.compact();
    faults.dropWatches();
    const watch = driver.watch({key: bytes('k'), startRevision: 2});
    const next = outcome(watch.next());
    await clock.advance(1000);
    expect(store.watchCount).toBe(1);
    faults.heal();
    expect(await next).toBe('KVI_COMPACTED');
  });
});

describe('leases that are lost', () => {
  it('take their keys with them, and the holder of a lock is told at once', async () => {
    const {faults, kv, other} = openKvi();
    const lock = await kv.distLock('job');
    const kept = await other.distLock('job of another');
    const aborted = new Promise((resolve) => {
      lock.signal.addEventListener('abort', resolve, {once: true});
    });
    await faults.loseLeases();
    await aborted;
    expect(lock.isHeld()).toBe(false);
    expect(await outcome(kv.distUnlock('job'))).toBe('KVI_LOCK_LOST');
    expect(kept.isHeld()).toBe(true);
  });

  it('are those that hold a key, or have an id, if that is said', async () => {
    const {faults, driver, operator} = open();
    const ids = [];
    for (const key of ['a/1', 'a/2', 'b', 'c']) {
      const {id} = await driver.leaseGrant({ttlSeconds: 60});
      await put(driver, key, 'v', id);
      ids.push(id);
    }
    await faults.loseLeases({prefix: 'a/'});
    expect([await get(operator, 'a/1'), await get(operator, 'a/2')]).toEqual([undefined, undefined]);
    await faults.loseLeases({key: 'b'});
    expect(await operator.leaseLeases()).toMatchObject({leases: [ids[3]]});
    await faults.loseLeases({id: ids[3]});
    expect(await operator.leaseLeases()).toMatchObject({leases: []});
  });

  it('let a temporary key come back', async () => {
    const {faults, kv, other} = openKvi();
    const here = await kv.tempKey('here', {value: 'a'});
    await faults.loseLeases({key: 'here'});
    expect(await other.get('here')).toBeUndefined();
    await clock.advance(1000);
    expect(await other.get('here')).toBe('a');
    expect(here.signal.aborted).toBe(false);
  });
});

describe('the plan of a store', () => {
  it('is that of the handles that are opened after it without one of their own, until the store is reset', async () => {
    const store = MemStore.named('the plan of a store');
    const before = await openMem('mem:the plan of a store'.replaceAll(' ', '%20'));
    const faults = (store.faults = new Faults());
    const under = await openMem('mem:', {store, retryPolicy: noRetries});
    const own = await openMem('mem:', {store, faults: new Faults()});
    opened.push(before, under, own);
    faults.every().fail();
    const outcomes = () => Promise.all([before, under, own].map((kv) => outcome(kv.get('k'))));
    expect(await outcomes()).toEqual(['ok', 'KVI_UNAVAILABLE', 'ok']);
    store.reset();
    expect(store.faults).toBeUndefined();
    expect(await outcomes()).toEqual(['ok', 'ok', 'ok']);
  });
});

describe('a plan that means nothing', () => {
  const faults = new Faults();
  it.each<[string, () => unknown]>([
    // @ts-expect-error There is no such operation.
    ['an operation that there is not', () => faults.next('put')],
    // @ts-expect-error There is no such operation.
    ['one among several', () => faults.every({operation: ['txn', 'put']})],
    // @ts-expect-error There is no such field.
    ['a misspelt selection', () => faults.next({keys: 'a'})],
    ['a key and a prefix', () => faults.next({key: 'a', prefix: 'a'})],
    ['no call', () => faults.next('txn', 0)],
    // @ts-expect-error There is no such code.
    ['a code that no cluster gives', () => faults.next().fail('KVI_CLOSED')],
    ['a negative delay', () => faults.next().delayRequest(-1)],
    ['no delay', () => faults.next().delayResponse(NaN)],
    // @ts-expect-error There is no such mode.
    ['a partition of another kind', () => faults.partition({calls: 'drop'})],
    // @ts-expect-error It must be a Faults.
    ['what is no plan', () => new MemStore().driver({faults: {}})],
  ])('is refused: %s', (_what, plan) => {
    let code: unknown;
    try {
      plan();
    } catch (error) {
      code = isKviError(error) && error.code;
    }
    expect(code).toBe('KVI_INVALID_ARGUMENT');
  });
});
