import {describe, expect, it} from '@jest/globals';
import {modelDriver, modelStore} from 'kvi-contract';
import {type Driver, eventBuffer, KviError, type KviErrorCode, type RangeRequest} from 'kvi-core/driver';
import {sessionPool} from '../src/lease/session-pool.ts';
import {
  contend as lock,
  type ContenderContext,
  type Ownership,
  leaveQueue as unlock,
} from '../src/primitives/contender.ts';

const signal = new AbortController().signal;
const request = {value: Buffer.alloc(0), ttlSeconds: 10, signal, wait: true};

const contexts = new WeakMap<Driver, ContenderContext>();

/** The driver with its sessions, the same ones each time. */
function contextOf(driver: Driver): ContenderContext {
  const context = contexts.get(driver) ?? {driver, sessions: sessionPool(driver)};
  contexts.set(driver, context);
  return context;
}

function enter(driver: Driver, name: string, options: typeof request) {
  return lock(contextOf(driver), name, options);
}

function leave(driver: Driver, owner: Ownership) {
  return unlock(driver, owner);
}

function fail(code: KviErrorCode) {
  return Promise.reject(new KviError(code, 'made to fail'));
}

function missing(): never {
  throw new Error('the lock was not had');
}

/** The keys below a lock's name, with their create revisions. */
async function contenders(driver: Driver, name: string) {
  const {kvs} = await driver.range({key: Buffer.from(`${name}/`), rangeEnd: Buffer.from(`${name}0`)});
  return kvs.map(({key, createRevision}) => [Buffer.from(key).toString(), createRevision]);
}

describe('A contender for a lock', () => {
  it.each([
    ['arrived', true],
    ['was lost', false],
  ])('asks again when its request got no answer, though it %s', async (_, arrived) => {
    const own = modelDriver();
    let sent = 0;
    const driver: Driver = {
      ...own,
      async txn(...args) {
        sent += 1;
        if (sent > 1) return own.txn(...args);
        if (arrived) await own.txn(...args);
        return fail('KVI_UNKNOWN_OUTCOME');
      },
    };
    const held = await enter(driver, 'l', request);
    expect(await contenders(own, 'l')).toEqual([[held?.key, held?.createRevision]]);
    expect(sent).toBe(2);
    expect(await leave(driver, held ?? missing())).toBe(true);
    expect(await contenders(own, 'l')).toEqual([]);
  });

  it('keeps its place when the answer to its request was lost, and another came after it', async () => {
    const store = modelStore();
    const own = modelDriver(store);
    let sent = 0;
    const driver: Driver = {
      ...own,
      async txn(...args) {
        sent += 1;
        const response = await own.txn(...args);
        if (sent > 1) return response;
        await own.txn({success: [{type: 'put', key: Buffer.from('l/later'), value: Buffer.alloc(0)}]});
        return fail('KVI_UNKNOWN_OUTCOME');
      },
    };
    const held = await enter(driver, 'l', {...request, wait: false});
    expect(held?.createRevision).toBe(2);
    await leave(driver, held ?? missing());
  });

  it('does not take the lock when the answer was lost, and another had it before', async () => {
    const own = modelDriver();
    await own.txn({success: [{type: 'put', key: Buffer.from('l/earlier'), value: Buffer.alloc(0)}]});
    let sent = 0;
    const driver: Driver = {
      ...own,
      async txn(...args) {
        sent += 1;
        const response = await own.txn(...args);
        return sent === 1 ? fail('KVI_UNKNOWN_OUTCOME') : response;
      },
    };
    expect(await enter(driver, 'l', {...request, wait: false})).toBeUndefined();
    expect((await contenders(own, 'l')).map(([key]) => key)).toEqual(['l/earlier']);
  });

  it('does not ask again when it was given up meanwhile, nor for anything else that went wrong', async () => {
    for (const code of ['KVI_UNKNOWN_OUTCOME', 'KVI_PERMISSION_DENIED'] as const) {
      const own = modelDriver();
      const enough = new AbortController();
      let sent = 0;
      const driver: Driver = {
        ...own,
        txn() {
          sent += 1;
          if (code === 'KVI_UNKNOWN_OUTCOME') enough.abort();
          return fail(code);
        },
      };
      await expect(enter(driver, 'l', {...request, signal: enough.signal})).rejects.toMatchObject({code});
      expect([sent, await own.leaseLeases()]).toMatchObject([1, {leases: []}]);
    }
  });

  it.each(['KVI_UNAVAILABLE', 'KVI_TIMEOUT'] as const)(
    'queues up again after %s, unless it is to try once',
    async (code) => {
      const own = modelDriver();
      let sent = 0;
      const driver: Driver = {
        ...own,
        txn(...args) {
          sent += 1;
          return sent === 1 ? fail(code) : own.txn(...args);
        },
      };
      await expect(enter(driver, 'l', {...request, wait: false})).rejects.toMatchObject({code});
      sent = 0;
      const held = await enter(driver, 'l', request);
      await leave(driver, held ?? missing());
      expect(sent).toBe(3);
    },
  );

  it('that is to try once says why its place was lost', async () => {
    const driver: Driver = {...modelDriver(), txn: () => fail('KVI_LEASE_NOT_FOUND')};
    await expect(enter(driver, 'l', {...request, wait: false})).rejects.toMatchObject({
      code: 'KVI_UNAVAILABLE',
      message: expect.stringContaining('"l"'),
      cause: {code: 'KVI_LEASE_NOT_FOUND'},
    });
  });

  it('reads keys only, watches deletions only, gives its signal to every request, and a second to what it gives up', async () => {
    const own = modelDriver();
    const ranges: RangeRequest<Uint8Array>[] = [];
    const filters: unknown[] = [];
    const signals: unknown[] = [];
    const givenUp: unknown[] = [];
    const driver: Driver = {
      ...own,
      range(range, options) {
        ranges.push(range);
        signals.push(options?.signal);
        return own.range(range, options);
      },
      txn(txn, options) {
        for (const op of [...(txn.success ?? []), ...(txn.failure ?? [])])
          if (op.type === 'range') ranges.push(op);
        if (options?.timeoutMs === undefined) signals.push(options?.signal);
        else givenUp.push(options.timeoutMs);
        return own.txn(txn, options);
      },
      watch(watch, options) {
        filters.push(watch.filters);
        return own.watch(watch, options);
      },
      leaseRevoke(id, options) {
        givenUp.push(options?.timeoutMs);
        return own.leaseRevoke(id, options);
      },
    };
    const first = await enter(driver, 'l', request);
    expect(await enter(driver, 'l', {...request, wait: false})).toBeUndefined();
    const second = enter(driver, 'l', request);
    while (filters.length === 0) await new Promise(setImmediate);
    await leave(driver, first ?? missing());
    await leave(driver, (await second) ?? missing());
    expect(ranges.length).toBeGreaterThan(4);
    expect(ranges.filter(({keysOnly}) => keysOnly !== true)).toEqual([]);
    expect(filters).toEqual([['noput']]);
    expect(signals).not.toContain(undefined);
    expect(signals).toContain(signal);
    expect(new Set(givenUp)).toEqual(new Set([1_000]));
  });

  it('goes on waiting when a watch tells progress, and looks again when its history was compacted', async () => {
    const own = modelDriver();
    await own.txn({success: [{type: 'put', key: Buffer.from('l/earlier'), value: Buffer.alloc(0)}]});
    let looks = 0;
    const buffers: ReturnType<typeof eventBuffer>[] = [];
    const driver: Driver = {
      ...own,
      txn(request, options) {
        if (request.compare === undefined) looks += 1;
        return own.txn(request, options);
      },
      watch() {
        const buffer = eventBuffer({onEnd: () => undefined});
        buffer.created(1);
        buffers.push(buffer);
        return buffer.watch;
      },
    };
    const waiting = enter(driver, 'l', request);
    while (buffers.length === 0) await new Promise(setImmediate);
    expect(looks).toBe(1);
    buffers[0]?.push({revision: 9, events: []});
    await new Promise(setImmediate);
    expect([looks, buffers.length]).toEqual([1, 1]);
    buffers[0]?.fail(new KviError('KVI_COMPACTED', 'made to fail'));
    while (buffers.length === 1) await new Promise(setImmediate);
    expect(looks).toBe(2);
    await own.txn({success: [{type: 'deleteRange', key: Buffer.from('l/earlier')}]});
    buffers[1]?.fail(new KviError('KVI_COMPACTED', 'made to fail'));
    await leave(driver, (await waiting) ?? missing());
  });

  it('ends with what ended its watch otherwise, and leaves the queue', async () => {
    const own = modelDriver();
    await own.txn({success: [{type: 'put', key: Buffer.from('l/earlier'), value: Buffer.alloc(0)}]});
    const driver: Driver = {
      ...own,
      watch() {
        const buffer = eventBuffer({onEnd: () => undefined});
        buffer.fail(new KviError('KVI_PERMISSION_DENIED', 'made to fail'));
        return buffer.watch;
      },
    };
    const waiting = enter(driver, 'l', request);
    await expect(waiting).rejects.toMatchObject({code: 'KVI_PERMISSION_DENIED'});
    expect((await contenders(own, 'l')).map(([key]) => key)).toEqual(['l/earlier']);
  });
});

describe('A lock that is given up', () => {
  it('was held when only the answer to that is missing', async () => {
    const own = modelDriver();
    const held = await enter(own, 'l', request);
    const driver: Driver = {...own, txn: () => fail('KVI_UNKNOWN_OUTCOME')};
    expect(await leave(driver, held ?? missing())).toBe(true);
    expect(await contenders(own, 'l')).toEqual([]);
  });

  it('was not held when its key was gone', async () => {
    const own = modelDriver();
    const held = (await enter(own, 'l', request)) ?? missing();
    await own.txn({success: [{type: 'deleteRange', key: Buffer.from(held.key)}]});
    expect(await leave(own, held)).toBe(false);
  });
});
