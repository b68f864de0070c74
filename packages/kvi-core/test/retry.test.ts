import {describe, expect, it} from '@jest/globals';
import {KviError, type KviErrorCode} from '../src/etcd/errors.ts';
import {retry} from '../src/policy/retry.ts';
import type {RetryPolicy} from '../src/api/retry-policy.ts';
import {exponentialBackoff} from '../src/policy/retry-policies.ts';
import {handClock} from './hand-clock.ts';

const policy = exponentialBackoff();

function failWith(code: KviErrorCode) {
  return Promise.reject(new KviError(code, 'made to fail'));
}

describe('a call that is tried again', () => {
  it('has less time with each attempt, and all of them the time of the call', async () => {
    const clock = handClock();
    const times: number[] = [];
    const result = retry(clock, {timeoutMs: 1000, policy}, ({timeoutMs}) => {
      times.push(timeoutMs);
      return failWith('KVI_UNAVAILABLE');
    });
    result.catch(() => undefined);
    await clock.advance(1000);
    await expect(result).rejects.toMatchObject({code: 'KVI_UNAVAILABLE'});
    expect(times.length).toBeGreaterThan(3);
    expect(times[0]).toBe(1000);
    expect(times.toSorted((a, b) => b - a)).toEqual(times);
    expect(Math.min(...times)).toBeGreaterThan(0);
  });

  it('waits longer and longer, and never in step', async () => {
    const clock = handClock();
    const at: number[] = [];
    retry(clock, {timeoutMs: 60_000, policy}, () => {
      at.push(clock.now());
      return failWith('KVI_UNAVAILABLE');
    }).catch(() => undefined);
    await clock.advance(60_000);
    const waits = at.slice(1).map((time, i) => time - (at[i] ?? 0));
    expect(Math.max(...waits)).toBeLessThanOrEqual(1001);
    expect(at.length).toBeLessThan(300);
  });

  it.each([
    'KVI_UNKNOWN_OUTCOME',
    'KVI_TIMEOUT',
    'KVI_CLOSED',
    'KVI_RESOURCE_EXHAUSTED',
    'KVI_PERMISSION_DENIED',
  ] as const)('is not, after %s', async (code) => {
    let attempts = 0;
    const result = retry(handClock(), {timeoutMs: 1000, policy}, () => {
      attempts += 1;
      return failWith(code);
    });
    await expect(result).rejects.toMatchObject({code});
    expect(attempts).toBe(1);
  });

  it('ends at once when its signal aborts between two attempts', async () => {
    const clock = handClock();
    const controller = new AbortController();
    const result = retry(clock, {timeoutMs: 1000, signal: controller.signal, policy}, () =>
      failWith('KVI_UNAVAILABLE'),
    );
    result.catch(() => undefined);
    await clock.advance(0);
    controller.abort('enough');
    await expect(result).rejects.toMatchObject({code: 'KVI_ABORTED', cause: 'enough'});
    expect(clock.pending()).toBe(0);
  });

  it('is not tried again when the wait would take all the time that is left', async () => {
    for (const [waitMs, expected] of [
      [99, [100, 1]],
      [100, [100]],
    ] as const) {
      const clock = handClock();
      const times: number[] = [];
      const fixed = {next: () => waitMs, clone: () => fixed};
      const result = retry(clock, {timeoutMs: 100, policy: fixed}, ({timeoutMs}) => {
        times.push(timeoutMs);
        return failWith('KVI_UNAVAILABLE');
      });
      result.catch(() => undefined);
      await clock.advance(1_000);
      await expect(result).rejects.toMatchObject({code: 'KVI_UNAVAILABLE'});
      expect(times).toEqual(expected);
    }
  });

  it('tells its policy how often and how long it was tried', async () => {
    const clock = handClock();
    const seen: object[] = [];
    const noting: RetryPolicy = {
      next({attempt, elapsedMs}) {
        seen.push({attempt, elapsedMs});
        return attempt < 3 ? 10 : undefined;
      },
      clone: () => noting,
    };
    const result = retry(clock, {timeoutMs: 100, policy: noting}, () => {
      clock.stall(5);
      return failWith('KVI_UNAVAILABLE');
    });
    result.catch(() => undefined);
    await clock.advance(100);
    await expect(result).rejects.toMatchObject({code: 'KVI_UNAVAILABLE'});
    expect(seen).toEqual([
      {attempt: 1, elapsedMs: 5},
      {attempt: 2, elapsedMs: 20},
      {attempt: 3, elapsedMs: 35},
    ]);
  });
});
