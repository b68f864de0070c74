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
