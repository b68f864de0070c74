import {describe, expect, it} from '@jest/globals';
import {retryUntil} from '../src/async/retry-until.ts';
import {abortable} from '../src/async/deadline.ts';
import {handClock} from './hand-clock.ts';

const never = new AbortController().signal;

describe('What is tried until it works', () => {
  it('is tried again whatever went wrong, after two seconds at most', async () => {
    const clock = handClock();
    const at: number[] = [];
    const result = retryUntil(clock, never, () => {
      at.push(clock.now());
      return at.length < 50 ? Promise.reject(new Error('made to fail')) : Promise.resolve('done');
    });
    await clock.advance(200_000);
    expect(await result).toBe('done');
    const waits = at.slice(1).map((time, i) => time - (at[i] ?? 0));
    expect(Math.max(...waits)).toBeLessThan(2_001);
    expect(Math.max(...waits)).toBeGreaterThan(1_000);
    expect(waits[0]).toBeLessThan(100);
  });

  it('fails with what cannot pass, and with the reason when it is given up', async () => {
    const clock = handClock();
    const error = new Error('made to fail');
    await expect(
      retryUntil(
        clock,
        never,
        () => Promise.reject(error),
        () => false,
      ),
    ).rejects.toBe(error);
    const enough = new AbortController();
    const given = retryUntil(clock, enough.signal, () => Promise.reject(error));
    given.catch(() => undefined);
    await clock.advance(0);
    enough.abort();
    await expect(given).rejects.toMatchObject({code: 'KVI_ABORTED'});
    expect(clock.pending()).toBe(0);
  });
});

describe('A wait for a promise or a signal', () => {
  it('does not listen to the signal any longer than it lasts', async () => {
    const {signal} = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    expect(await abortable(Promise.resolve('done'), signal)).toBe('done');
    expect(listeners).toBe(0);
  });

  it('takes the failure of what nobody waits for any more, which would end the process', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listener);
    let fail: (error: Error) => void = () => undefined;
    const promise = new Promise<never>((_, reject) => {
      fail = reject;
    });
    await expect(abortable(promise, AbortSignal.abort('enough'))).rejects.toBe('enough');
    fail(new Error('made to fail'));
    // Node tells of unhandled rejections once the microtasks are done.
    await new Promise(setImmediate);
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
  });
});
