import {describe, expect, it} from '@jest/globals';
import {isAbortSignal, lookBeforeTelling, onAbort} from '../src/async/abort.ts';

describe('A listener of a signal', () => {
  it('is called once when the signal aborts, and at once if it has', () => {
    let calls = 0;
    const controller = new AbortController();
    onAbort(controller.signal, () => (calls += 1));
    expect(calls).toBe(0);
    controller.abort();
    controller.signal.dispatchEvent(new Event('abort'));
    expect(calls).toBe(1);
    onAbort(controller.signal, () => (calls += 1))();
    expect(calls).toBe(2);
  });

  it('is not called any more when it has stopped listening', () => {
    let calls = 0;
    const controller = new AbortController();
    const stop = onAbort(controller.signal, () => (calls += 1));
    stop();
    stop();
    controller.abort();
    expect(calls).toBe(0);
  });

  it('is never called where there is no signal', () => {
    let calls = 0;
    onAbort(undefined, () => (calls += 1))();
    expect(calls).toBe(0);
  });

  it('may be one of very many, without a warning of a leak', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    const {signal} = new AbortController();
    for (let i = 0; i < 50; i += 1) onAbort(signal, () => undefined);
    // Node warns on the next tick.
    await new Promise(setImmediate);
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});

describe('What is taken for a signal', () => {
  const like = {aborted: false, addEventListener: () => undefined, removeEventListener: () => undefined};

  it.each([new AbortController().signal, like])('is what does what a signal does', (signal) => {
    expect(isAbortSignal(signal)).toBe(true);
  });

  it.each([
    undefined,
    null,
    'signal',
    {},
    new AbortController(),
    {...like, aborted: 'no'},
    {...like, addEventListener: true},
    {...like, removeEventListener: true},
    {addEventListener: like.addEventListener, removeEventListener: like.removeEventListener},
    {aborted: false, removeEventListener: like.removeEventListener},
    {aborted: false, addEventListener: like.addEventListener},
  ])('is not %p', (value) => {
    expect(isAbortSignal(value)).toBe(false);
  });
});

describe('A signal that is looked at before it is told', () => {
  it('is up to date whoever asks, and however', () => {
    for (const ask of [
      (signal: AbortSignal) => signal.aborted,
      (signal: AbortSignal) => {
        try {
          signal.throwIfAborted();
          return false;
        } catch (reason) {
          return reason === 'lost';
        }
      },
    ]) {
      let isLost = false;
      const controller = new AbortController();
      lookBeforeTelling(controller.signal, () => {
        if (isLost) controller.abort('lost');
      });
      expect(ask(controller.signal)).toBe(false);
      isLost = true;
      expect(ask(controller.signal)).toBe(true);
      expect(controller.signal.reason).toBe('lost');
    }
  });
});
