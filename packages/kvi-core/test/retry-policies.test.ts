import {describe, expect, it} from '@jest/globals';
import {modelDriver} from 'kvi-contract';
import {
  allOf,
  anyOf,
  createKvi,
  exponentialBackoff,
  type FailedAttempt,
  KviError,
  limitAttempts,
  limitTime,
  noRetries,
  type RetryPolicy,
} from 'kvi-core';
import type {Driver} from 'kvi-core/driver';

const error = new KviError('KVI_UNAVAILABLE', 'made to fail');

/** The waits of a policy that is asked so often, a second after each other. */
function waits(policy: RetryPolicy, times: number): (number | undefined)[] {
  return Array.from({length: times}, (_, i) => policy.next({error, attempt: i + 1, elapsedMs: i * 1000}));
}

describe('a retry policy', () => {
  it('backs off exponentially, within its bounds and with jitter', () => {
    const policy = exponentialBackoff({initialDelayMs: 10, maxDelayMs: 500});
    const taken = waits(policy, 50).map((wait) => wait ?? NaN);
    expect(Math.max(...taken)).toBeLessThanOrEqual(500);
    expect(Math.max(...taken)).toBeGreaterThan(250);
    expect(Math.min(...taken)).toBeGreaterThanOrEqual(5);
    expect(taken[0]).toBeLessThanOrEqual(10);
    expect(waits(policy.clone(), 50)).not.toEqual(taken);
  });

  it('begins anew with each clone', () => {
    const policy = exponentialBackoff({initialDelayMs: 10, maxDelayMs: 10_000});
    waits(policy, 20);
    expect(waits(policy.clone(), 1)[0]).toBeLessThan(50);
    expect(waits(allOf(policy, limitTime(99_000)).clone(), 1)[0]).toBeLessThan(50);
  });

  it.each([
    ['attempts', limitAttempts(3), [0, 0, undefined, undefined]],
    ['time', limitTime(2000), [0, 0, undefined, undefined]],
    ['all of several', allOf(limitAttempts(3), fixed(5), fixed(7)), [7, 7, undefined, undefined]],
    ['any of several', anyOf(limitAttempts(3), limitTime(1000), fixed(7)), [0, 0, 7, 7]],
    ['none', noRetries, [undefined, undefined, undefined, undefined]],
  ] as const)('limits by %s', (_what, policy, expected) => {
    expect(waits(policy.clone(), 4)).toEqual(expected);
  });

  it.each([
    ['attempts', () => limitAttempts(0)],
    ['time', () => limitTime(NaN)],
    ['a delay', () => exponentialBackoff({maxDelayMs: -1})],
  ])('refuses a limit that is none: %s', (_what, make) => {
    expect(make).toThrow(expect.objectContaining({code: 'KVI_INVALID_ARGUMENT'}));
  });
});

describe('a handle with a retry policy', () => {
  function unavailable(code: 'KVI_UNAVAILABLE' | 'KVI_UNKNOWN_OUTCOME' = 'KVI_UNAVAILABLE') {
    let calls = 0;
    const fail = () => {
      calls += 1;
      return Promise.reject(new KviError(code, 'made to fail'));
    };
    const driver: Driver = {...modelDriver(), range: fail, txn: fail};
    return {driver, calls: () => calls};
  }

  it('asks that of the handle, and of a call rather', async () => {
    const {driver, calls} = unavailable();
    await using kv = createKvi(driver, {retryPolicy: limitAttempts(4)});
    await expect(kv.get('k')).rejects.toBeInstanceOf(KviError);
    expect(calls()).toBe(4);
    await expect(kv.store('k', 'v', {retryPolicy: noRetries})).rejects.toBeInstanceOf(KviError);
    expect(calls()).toBe(5);
    await expect(kv.getRange({prefix: 'k'}, {retryPolicy: limitAttempts(2)})).rejects.toBeInstanceOf(
      KviError,
    );
    expect(calls()).toBe(7);
  });

  it('tells it the error and the attempt, and gives each call a fresh one', async () => {
    const seen: FailedAttempt[] = [];
    let clones = 0;
    const policy: RetryPolicy = {
      next: () => {
        throw new Error('the original is not asked');
      },
      clone: () => {
        clones += 1;
        return {...policy, next: (failed) => (seen.push(failed) < 2 ? 0 : undefined)};
      },
    };
    const {driver} = unavailable();
    await using kv = createKvi(driver, {retryPolicy: policy});
    await expect(kv.get('k')).rejects.toBeInstanceOf(KviError);
    expect(seen).toMatchObject([{error: {code: 'KVI_UNAVAILABLE'}, attempt: 1}, {attempt: 2}]);
    await expect(kv.get('k')).rejects.toBeInstanceOf(KviError);
    expect(clones).toBe(2);
  });

  it('never asks it about a write whose outcome is unknown', async () => {
    const {driver, calls} = unavailable('KVI_UNKNOWN_OUTCOME');
    await using kv = createKvi(driver, {retryPolicy: fixed(0)});
    await expect(kv.store('k', 'v')).rejects.toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
    expect(calls()).toBe(1);
  });

  it('ends with the time of the call whatever the policy says, and refuses an answer that is none', async () => {
    await using kv = createKvi(unavailable().driver, {retryPolicy: fixed(10), timeoutMs: 50});
    await expect(kv.get('k')).rejects.toMatchObject({code: 'KVI_UNAVAILABLE'});
    await expect(kv.get('k', {retryPolicy: fixed(-1)})).rejects.toMatchObject({
      code: 'KVI_INVALID_ARGUMENT',
    });
  });

  it('waits no longer when it is closed', async () => {
    const kv = createKvi(unavailable().driver, {retryPolicy: fixed(60_000), timeoutMs: 100_000});
    const reading = kv.get('k');
    reading.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    await kv.close();
    await expect(reading).rejects.toMatchObject({code: 'KVI_CLOSED'});
  });
});

function fixed(waitMs: number): RetryPolicy {
  return {next: () => waitMs, clone: () => fixed(waitMs)};
}
