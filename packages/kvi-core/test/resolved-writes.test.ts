import {subscribe, unsubscribe} from 'node:diagnostics_channel';
import {describe, expect, it} from '@jest/globals';
import {modelDriver} from 'kvi-contract';
import {type Driver, type DriverCallOptions, KviError, type KviErrorCode} from 'kvi-core/driver';
import {keepHoldings} from '../src/primitives/holdings.ts';
import {resolvedWrites} from '../src/primitives/resolved-writes.ts';
import type {TxnRequest} from '../src/etcd/messages.ts';
import type {Bytes} from '../src/etcd/bytes.ts';
import {noRetries} from '../src/policy/retry-policies.ts';
import {defaultLimits} from '../src/etcd/validate.ts';
import {handClock} from './hand-clock.ts';

type Txn = Driver['txn'];

const k = Buffer.from('k');

function put(value: string, lease?: string): TxnRequest<Bytes> {
  const op = {type: 'put', key: k, value: Buffer.from(value)} as const;
  return {success: [lease === undefined ? op : {...op, lease}]};
}

function failure(code: KviErrorCode) {
  return new KviError(code, 'made to fail');
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** What settles may do so now. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Guarded writes on a store whose time a test moves, whose calls may fail, and what was sent to it. */
function setUp() {
  const clock = handClock();
  const own = modelDriver();
  const closing = new AbortController();
  const holdings = keepHoldings();
  const sent: {at: number; options: DriverCallOptions | undefined}[] = [];
  const granted: string[] = [];
  const revoked: {id: string; options: DriverCallOptions | undefined}[] = [];
  /** What becomes of the next transactions; those after them go well. */
  const fates: Txn[] = [];
  const driver: Driver = {
    ...own,
    clock,
    txn(request, options) {
      sent.push({at: clock.now(), options});
      return (fates.shift() ?? own.txn)(request, options);
    },
    async leaseGrant(...args) {
      const lease = await own.leaseGrant(...args);
      granted.push(lease.id);
      return lease;
    },
    leaseRevoke(id, options) {
      revoked.push({id, options});
      return own.leaseRevoke(id, options);
    },
  };
  const guarded = resolvedWrites(driver, defaultLimits, closing.signal, holdings);
  return {
    clock,
    own,
    driver,
    closing,
    holdings,
    sent,
    granted,
    revoked,
    fates,
    guarded,
    write: (
      value: string,
      {timeoutMs = 1000, signal, lease}: {timeoutMs?: number; signal?: AbortSignal; lease?: string} = {},
    ) => guarded.txn(put(value, lease), {timeoutMs, signal, retryPolicy: noRetries}),
    outcomeKeys: async () => {
      const {kvs} = await own.range({
        key: Buffer.from('kvi/outcome/'),
        rangeEnd: Buffer.from('kvi/outcome0'),
      });
      return kvs.map(({key, value}) => `${String(key)}=${String(value)}`);
    },
    value: async () => {
      const {kvs} = await own.range({key: k});
      return kvs[0] && String(kvs[0].value);
    },
    replyLost: async (...args: Parameters<Txn>) => {
      await own.txn(...args);
      throw failure('KVI_UNKNOWN_OUTCOME');
    },
    fails: (code: KviErrorCode) => () => Promise.reject(failure(code)),
  };
}

/** What is published of guarded writes while `body` runs. */
async function published(body: () => Promise<void>): Promise<unknown[]> {
  const events: unknown[] = [];
  const note = (event: unknown) => void events.push(event);
  subscribe('kvi:unknown-outcome', note);
  await body();
  unsubscribe('kvi:unknown-outcome', note);
  return events;
}

describe('The outcome key of a write', () => {
  it('serves one write after the other, and a write beside them has another', async () => {
    const {write, granted, outcomeKeys} = setUp();
    for (const value of ['1', '2', '3']) await write(value);
    const [lease = ''] = granted;
    expect(await outcomeKeys()).toEqual([`kvi/outcome/${lease}/1=applied 1`]);
    await Promise.all([write('4'), write('5')]);
    await write('6');
    expect(await outcomeKeys()).toEqual([
      `kvi/outcome/${lease}/1=applied 1`,
      `kvi/outcome/${lease}/2=applied 1`,
    ]);
    expect(granted).toHaveLength(1);
  });

  it('says that it was put to keep a write from being applied, and serves again', async () => {
    const {write, granted, outcomeKeys, fates, fails} = setUp();
    fates.push(fails('KVI_UNKNOWN_OUTCOME'));
    await expect(write('1')).rejects.toMatchObject({
      code: 'KVI_UNAVAILABLE',
      message: 'the write got no answer; it was not applied, and never will be (made to fail)',
      cause: {code: 'KVI_UNKNOWN_OUTCOME'},
    });
    expect(await outcomeKeys()).toEqual([`kvi/outcome/${granted[0] ?? ''}/1=prevented`]);
    await write('2');
    expect(await outcomeKeys()).toEqual([`kvi/outcome/${granted[0] ?? ''}/1=applied 1`]);
  });

  it('that an operator has deleted keeps one write from being applied, and the next has another', async () => {
    const {write, own, value} = setUp();
    await write('1');
    await own.txn({
      success: [{type: 'deleteRange', key: Buffer.from('kvi/'), rangeEnd: Buffer.from('kvi0')}],
    });
    await expect(write('2')).rejects.toMatchObject({
      code: 'KVI_UNAVAILABLE',
      message: 'the outcome key was deleted before the write; nothing was applied',
    });
    expect(await value()).toBe('1');
    await write('3');
    expect(await value()).toBe('3');
  });

  it('that is gone when it is asked for tells nothing', async () => {
    const {write, own, fates} = setUp();
    fates.push(async (...args) => {
      await own.txn(...args);
      await own.txn({
        success: [{type: 'deleteRange', key: Buffer.from('kvi/'), rangeEnd: Buffer.from('kvi0')}],
      });
      await own.txn({success: [{type: 'put', key: Buffer.from('other'), value: k}]});
      throw failure('KVI_UNKNOWN_OUTCOME');
    });
    fates.push((request, options) =>
      own.txn({...request, compare: [{key: k, target: 'version', result: '=', version: 9}]}, options),
    );
    await expect(write('1')).rejects.toMatchObject({code: 'KVI_UNKNOWN_OUTCOME', message: 'made to fail'});
  });

  it('is had within the time of the call', async () => {
    const {clock, driver, write} = setUp();
    driver.leaseGrant = never;
    const writing = write('1', {timeoutMs: 100});
    const over = expect(writing).rejects.toMatchObject({code: 'KVI_TIMEOUT'});
    await clock.advance(100);
    await over;
  });

  it('is waited for until the caller or the handle ends the call', async () => {
    const {driver, write, closing} = setUp();
    driver.leaseGrant = never;
    const caller = new AbortController();
    const first = expect(write('1', {signal: caller.signal})).rejects.toMatchObject({code: 'KVI_ABORTED'});
    await turn();
    caller.abort();
    await first;
    const second = expect(write('2')).rejects.toBe('closed');
    closing.abort('closed');
    await second;
  });

  it('is asked for anew when its lease could not be had', async () => {
    const {driver, write, value} = setUp();
    const usual = {...driver};
    driver.leaseGrant = () => Promise.reject(failure('KVI_UNAVAILABLE'));
    await expect(write('1')).rejects.toMatchObject({code: 'KVI_UNAVAILABLE', message: 'made to fail'});
    driver.leaseGrant = (...args) => usual.leaseGrant(...args);
    await write('2');
    expect(await value()).toBe('2');
  });
});

describe('The lease of the outcome keys', () => {
  it('is given back when the handle closes, within a second', async () => {
    const {write, holdings, revoked, granted} = setUp();
    await write('1');
    await holdings.giveUp();
    await holdings.giveUp();
    expect(revoked).toEqual([{id: granted[0], options: {timeoutMs: 1_000}}]);
  });

  it('is followed by another as soon as a keepalive learns that it is gone', async () => {
    const {clock, own, write, granted, outcomeKeys} = setUp();
    await write('1');
    await own.leaseRevoke(granted[0] ?? '');
    await clock.advance(20_000);
    await write('2');
    expect(granted).toHaveLength(2);
    expect(await outcomeKeys()).toHaveLength(1);
  });

  it('is followed by one other when several writes learn that it is gone, however late', async () => {
    const {own, driver, write, granted} = setUp();
    await write('0');
    await own.leaseRevoke(granted[0] ?? '');
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    let looks = 0;
    driver.leaseTimeToLive = async (...args) => {
      looks += 1;
      if (looks === 2) await answered;
      return own.leaseTimeToLive(...args);
    };
    const lost = {code: 'KVI_UNAVAILABLE', message: expect.stringContaining('was deleted before')};
    // The first has the guard that went with the lease, and needs no look.
    const [first, second, third] = ['1', '2', '3'].map((value) =>
      expect(write(value)).rejects.toMatchObject(lost),
    );
    await Promise.all([first, second]);
    await write('4');
    answer();
    await third;
    await write('5');
    expect([looks, granted.length]).toEqual([2, 2]);
  });

  it('is not taken for that which the request names', async () => {
    const {own, driver, write, granted} = setUp();
    await expect(write('1', {lease: 'abc'})).rejects.toMatchObject({code: 'KVI_LEASE_NOT_FOUND'});
    const limits: unknown[] = [];
    driver.leaseTimeToLive = ({id}, options) => {
      limits.push([id, options?.timeoutMs]);
      return Promise.reject(failure('KVI_TIMEOUT'));
    };
    await expect(write('2', {lease: 'abc'})).rejects.toMatchObject({
      code: 'KVI_UNAVAILABLE',
      message: 'nothing was applied: the model refuses this txn',
      cause: {code: 'KVI_LEASE_NOT_FOUND'},
    });
    expect(limits).toEqual([[granted[0], 500]]);
    driver.leaseTimeToLive = (...args) => own.leaseTimeToLive(...args);
    await write('3');
    expect(granted).toHaveLength(1);
  });
});

describe('The time of a guarded write', () => {
  it('is halved for the write, and what is left for each question', async () => {
    const {clock, own, driver, write, fates, sent} = setUp();
    const usual = {...driver};
    clock.stall(5_000);
    driver.leaseGrant = (...args) => {
      clock.stall(200);
      return usual.leaseGrant(...args);
    };
    fates.push(async (...args) => {
      await own.txn(...args);
      clock.stall(400);
      throw failure('KVI_UNKNOWN_OUTCOME');
    });
    const {signal} = new AbortController();
    await write('1', {signal});
    expect(sent.map(({options}) => options)).toEqual([
      {timeoutMs: 400, signal, retryPolicy: noRetries},
      {timeoutMs: 200, signal, retryPolicy: noRetries},
    ]);
  });

  it('is never less than a moment', async () => {
    const {clock, own, write, fates, sent} = setUp();
    fates.push(async (...args) => {
      await own.txn(...args);
      clock.stall(4_000);
      throw failure('KVI_UNKNOWN_OUTCOME');
    });
    await write('1');
    expect(sent[1]?.options?.timeoutMs).toBe(1);
  });

  it('that ran out before it was applied leaves time to try again', async () => {
    const {write, fates, fails, outcomeKeys} = setUp();
    fates.push(fails('KVI_TIMEOUT'));
    await expect(write('1')).rejects.toMatchObject({
      code: 'KVI_UNAVAILABLE',
      message: 'nothing was applied: made to fail',
      cause: {code: 'KVI_TIMEOUT'},
    });
    await write('2');
    expect(await outcomeKeys()).toHaveLength(1);
  });

  it('is used for questions, at most a second apart', async () => {
    const {clock, write, fates, fails, sent} = setUp();
    fates.push(...Array.from({length: 2_000}, () => fails('KVI_UNKNOWN_OUTCOME')), fails('KVI_INTERNAL'));
    const over = expect(write('1', {timeoutMs: 120_000})).rejects.toMatchObject({
      code: 'KVI_UNKNOWN_OUTCOME',
    });
    await clock.advance(120_000);
    await over;
    const times = sent.map(({at}) => at);
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(1_001);
    expect(gaps.length).toBeGreaterThan(100);
    expect(gaps.length).toBeLessThan(1_500);
    expect(clock.now() - (times.at(-1) ?? 0)).toBeLessThan(1_001);
  });
});

describe('A question what became of a write', () => {
  it.each(['KVI_UNKNOWN_OUTCOME', 'KVI_UNAVAILABLE', 'KVI_TIMEOUT', 'KVI_RESOURCE_EXHAUSTED'] as const)(
    'is asked again after %s',
    async (code) => {
      const {clock, write, fates, fails, replyLost, sent} = setUp();
      fates.push(replyLost, fails(code));
      const writing = write('1', {timeoutMs: 60_000});
      await clock.advance(2_000);
      expect(await writing).toMatchObject({succeeded: true, responses: [{type: 'put'}]});
      expect(sent).toHaveLength(3);
    },
  );

  it('is not asked again when it was refused', async () => {
    const {clock, write, fates, fails, replyLost, sent} = setUp();
    fates.push(replyLost, fails('KVI_PERMISSION_DENIED'));
    const writing = expect(write('1')).rejects.toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
    await clock.advance(1_000);
    await writing;
    expect(sent).toHaveLength(2);
  });

  it.each(['caller', 'handle'])(
    'is not asked again when the %s has ended the call meanwhile',
    async (who) => {
      const {clock, write, fates, replyLost, closing, sent} = setUp();
      const caller = new AbortController();
      fates.push(replyLost, () => {
        (who === 'caller' ? caller : closing).abort(failure('KVI_CLOSED'));
        return Promise.reject(failure('KVI_UNKNOWN_OUTCOME'));
      });
      const writing = expect(write('1', {signal: caller.signal})).rejects.toMatchObject({
        code: 'KVI_UNKNOWN_OUTCOME',
      });
      await clock.advance(1_000);
      await writing;
      expect(sent).toHaveLength(2);
    },
  );

  it.each(['caller', 'handle'])('is not waited for when the %s ends the call', async (who) => {
    const {clock, write, fates, fails, replyLost, closing} = setUp();
    const caller = new AbortController();
    const {signal} = caller;
    fates.push(replyLost, fails('KVI_UNAVAILABLE'), fails('KVI_UNAVAILABLE'));
    const writing = expect(write('1', {signal})).rejects.toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
    await turn();
    (who === 'caller' ? caller : closing).abort(failure('KVI_CLOSED'));
    await writing;
    expect(clock.now()).toBe(0);
  });

  it('tells what came of it, and how long it took', async () => {
    const {clock, own, write, fates, fails, replyLost} = setUp();
    clock.stall(7_000);
    const slow: Txn = (...args) => {
      clock.stall(50);
      return own.txn(...args);
    };
    const events = await published(async () => {
      fates.push(replyLost, slow);
      await write('1');
      fates.push(fails('KVI_UNKNOWN_OUTCOME'), slow);
      await expect(write('2')).rejects.toMatchObject({code: 'KVI_UNAVAILABLE'});
      fates.push(replyLost, fails('KVI_INTERNAL'));
      await expect(write('3')).rejects.toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
    });
    expect(events).toEqual([
      {outcome: 'applied', tookMs: 50},
      {outcome: 'not-applied', tookMs: 50},
      {outcome: 'unknown', tookMs: 0},
    ]);
  });

  it('says when a write was applied whose response is lost', async () => {
    const {guarded, own, fates, replyLost} = setUp();
    fates.push(replyLost);
    const request: TxnRequest<Bytes> = {success: [{type: 'deleteRange', key: k}]};
    const deleting = guarded.txn(request, {timeoutMs: 1000, retryPolicy: noRetries});
    await expect(deleting).rejects.toMatchObject({
      code: 'KVI_UNKNOWN_OUTCOME',
      message:
        'the write got no answer; it was applied as revision 2, but what it read or deleted is unknown (made to fail)',
      applied: true,
      cause: {message: 'made to fail'},
    });
    expect((await own.range({key: k})).revision).toBe(2);
  });
});
