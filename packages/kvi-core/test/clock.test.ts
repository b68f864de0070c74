import {describe, expect, it} from '@jest/globals';
import {sleep, systemClock} from 'kvi-core/driver';
import {handClock} from './hand-clock.ts';

/** How many timers keep the process alive. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

describe("The machine's clock", () => {
  it('calls when the time has come, and not after it was cancelled', async () => {
    const calls: string[] = [];
    const begun = systemClock.now();
    const cancelled = systemClock.setTimer(1, () => calls.push('cancelled'));
    cancelled.cancel();
    cancelled.cancel();
    await new Promise<void>((resolve) => systemClock.setTimer(20, resolve));
    expect(systemClock.now() - begun).toBeGreaterThanOrEqual(19);
    expect(calls).toEqual([]);
  });

  it('keeps the process for a timer, unless that is upkeep', () => {
    const before = timers();
    const timer = systemClock.setTimer(60_000, () => undefined);
    expect(timers()).toBe(before + 1);
    expect(timer.unref()).toBe(timer);
    expect(timers()).toBe(before);
    timer.cancel();
  });
});

it('A timer may be a number, as it is in jsdom', () => {
  const {setTimeout: real} = globalThis;
  globalThis.setTimeout = (() => 5) as never;
  try {
    const timer = systemClock.setTimer(60_000, () => undefined);
    expect(timer.unref()).toBe(timer);
  } finally {
    globalThis.setTimeout = real;
  }
});

/** Runs `body` with timers that are not the machine's, as a test may put them there. */
function withFakeTime(body: (setTime: (ms: number) => void, replaceTimers: () => void) => void): void {
  const {setTimeout: real} = globalThis;
  let time = 0;
  const replaceTimers = () => {
    globalThis.setTimeout = ((...args: Parameters<typeof real>) => real(...args)) as typeof real;
  };
  Object.defineProperty(performance, 'now', {value: () => time, configurable: true});
  try {
    replaceTimers();
    body((ms) => (time = ms), replaceTimers);
  } finally {
    globalThis.setTimeout = real;
    Reflect.deleteProperty(performance, 'now');
  }
}

describe("The machine's clock, where a test replaces the timers", () => {
  it('goes on from where it was when their time takes over, begins anew, is another, and ends', () => {
    const begun = systemClock.now();
    let end = 0;
    withFakeTime((setTime, replaceTimers) => {
      const passed = () => systemClock.now() - begun;
      expect(passed()).toBeCloseTo(0);
      setTime(100);
      expect(passed()).toBeCloseTo(100);
      setTime(20);
      expect(passed()).toBeCloseTo(100);
      setTime(70);
      expect(passed()).toBeCloseTo(150);
      replaceTimers();
      setTime(1e9);
      expect(passed()).toBeCloseTo(150);
      setTime(1e9 + 5);
      end = systemClock.now();
      expect(end - begun).toBeCloseTo(155);
    });
    const after = systemClock.now();
    expect(after).toBeCloseTo(end);
    // The other time had gone on a thousand times as far.
    expect(systemClock.now() - after).toBeLessThan(1e6);
  });
});

describe('A sleep', () => {
  it('lasts as long as it is to', async () => {
    const clock = handClock();
    let isOver = false;
    const sleeping = sleep(clock, 100).then(() => (isOver = true));
    await clock.advance(99);
    expect(isOver).toBe(false);
    await clock.advance(1);
    await sleeping;
  });

  it('ends with KVI_ABORTED when its signal aborts, and leaves no timer', async () => {
    const clock = handClock();
    const controller = new AbortController();
    const sleeping = sleep(clock, 100, controller.signal);
    controller.abort('enough');
    await expect(sleeping).rejects.toMatchObject({code: 'KVI_ABORTED', cause: 'enough'});
    expect(clock.pending()).toBe(0);
  });

  it('does not listen to its signal any longer than it lasts', async () => {
    const clock = handClock();
    const controller = new AbortController();
    let removed = 0;
    const {signal} = controller;
    const remove = signal.removeEventListener.bind(signal);
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      removed += 1;
      remove(...args);
    };
    const sleeping = sleep(clock, 100, signal);
    await clock.advance(100);
    await sleeping;
    expect(removed).toBe(1);
  });
});
