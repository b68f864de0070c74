import {describe, expect, it} from '@jest/globals';
import {ManualClock} from 'kvi-mem';

describe('A manual clock', () => {
  it('stands still until it is advanced', async () => {
    const clock = new ManualClock();
    expect(clock.now()).toBe(0);
    await clock.advance(1500);
    expect(clock.now()).toBe(1500);
  });

  it('fires timers in the order of their time, each at its own', async () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    const set = (name: string, delayMs: number) =>
      clock.setTimer(delayMs, () => fired.push(`${name} at ${String(clock.now())}`));
    set('late', 300);
    set('first', 100);
    set('second', 100);
    set('never', 301);
    await clock.advance(300);
    expect(fired).toEqual(['first at 100', 'second at 100', 'late at 300']);
  });

  it('counts in whole milliseconds, so that what ends after a TTL ends for its holder too', async () => {
    const clock = new ManualClock();
    // A keepalive is sent after each third of the TTL; with fractions, 0.4 % of the sums below would not come out.
    for (let sent = 0; sent < 1_000; sent += 1) {
      let sentAt = NaN;
      clock.setTimer(1_000 / 3, () => (sentAt = clock.now()));
      await clock.advance(334);
      let left = NaN;
      clock.setTimer(1_000, () => (left = 1_000 - (clock.now() - sentAt)));
      await clock.advance(1_000);
      expect(left).toBe(0);
    }
  });

  it('fires any number of timers for the same time in the order in which they were set', async () => {
    const clock = new ManualClock();
    const fired: number[] = [];
    const order = Array.from({length: 200}, (_, i) => i);
    const timers = order.map((i) => clock.setTimer(i % 2 === 0 ? 5 : 6, () => fired.push(i)));
    for (const [i, timer] of timers.entries()) if (i % 3 === 0) timer.cancel();
    await clock.advance(6);
    const left = order.filter((i) => i % 3 !== 0);
    expect(fired).toEqual([...left.filter((i) => i % 2 === 0), ...left.filter((i) => i % 2 === 1)]);
  });

  it('fires a timer that another one sets, when it comes due on the way', async () => {
    const clock = new ManualClock();
    const ticks: number[] = [];
    const tick = () => {
      ticks.push(clock.now());
      clock.setTimer(10, tick).unref();
    };
    tick();
    await clock.advance(35);
    expect(ticks).toEqual([0, 10, 20, 30]);
  });

  it('does not fire a timer that was cancelled', async () => {
    const clock = new ManualClock();
    let fired = false;
    const timer = clock.setTimer(10, () => (fired = true));
    timer.cancel();
    timer.cancel();
    await clock.advance(20);
    expect(fired).toBe(false);
  });

  it('lets the program finish what one timer started before it fires the next', async () => {
    const clock = new ManualClock();
    const log: string[] = [];
    clock.setTimer(1, () => {
      void Promise.resolve()
        .then(() => undefined)
        .then(() => log.push('continuation'));
    });
    clock.setTimer(2, () => log.push('next timer'));
    await clock.advance(2);
    expect(log).toEqual(['continuation', 'next timer']);
  });
});
