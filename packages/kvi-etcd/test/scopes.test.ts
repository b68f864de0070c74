import {describe, expect, it} from '@jest/globals';
import {createScopes, type Scopes} from '../src/async/scopes.ts';
import {failure} from './support/util.ts';

function scopes(): Scopes {
  return createScopes(() => undefined);
}

const untilAborted = (ended: AbortSignal) =>
  new Promise<never>((_, reject) => {
    ended.addEventListener('abort', () => reject(ended.reason as Error));
  });

describe('a call', () => {
  it('ends after its timeout, and not before', async () => {
    const start = performance.now();
    const error = await failure(scopes().run({timeoutMs: 30}, untilAborted));
    expect(error).toMatchObject({code: 'KVI_TIMEOUT', message: expect.stringContaining('30 ms')});
    expect(performance.now() - start).toBeGreaterThanOrEqual(30);
  });

  it('leaves those alone that have longer', async () => {
    const all = scopes();
    const [short, long] = [all.run({timeoutMs: 1}, untilAborted), all.run({}, untilAborted)];
    expect(await failure(short)).toMatchObject({code: 'KVI_TIMEOUT'});
    all.close();
    expect(await failure(long)).toMatchObject({code: 'KVI_CLOSED'});
  });

  it('ends with its signal at once, and is not begun when the signal has aborted', async () => {
    const controller = new AbortController();
    const {signal} = controller;
    const call = failure(scopes().run({signal}, untilAborted));
    controller.abort('enough');
    expect(await call).toMatchObject({code: 'KVI_ABORTED', cause: 'enough'});
    expect(await failure(scopes().run({signal}, () => Promise.resolve()))).toMatchObject({
      code: 'KVI_ABORTED',
    });
  });

  it('is not begun on a handle that is closed', async () => {
    const all = scopes();
    all.close();
    expect(await failure(all.run({}, () => Promise.resolve()))).toMatchObject({code: 'KVI_CLOSED'});
  });

  it('hears its alarm once, and goes on', async () => {
    const scope = scopes().enter({});
    let rings = 0;
    await new Promise<void>((resolve) => {
      const ring = () => {
        rings += 1;
        scope.alarm = {at: 0, ring: resolve};
      };
      scope.alarm = {at: 0, ring};
    });
    expect(rings).toBe(1);
    expect(scope.error).toBeUndefined();
    scope.leave();
  });
});
