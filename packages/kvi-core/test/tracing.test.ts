import {AsyncLocalStorage} from 'node:async_hooks';
import {tracingChannel} from 'node:diagnostics_channel';
import {describe, expect, it} from '@jest/globals';
import {modelDriver} from 'kvi-contract';
import {createKvi} from 'kvi-core';

describe('A traced operation', () => {
  it('tells its beginning and its end, with what it is about', async () => {
    await using kv = createKvi(modelDriver());
    const told: unknown[] = [];
    const start = ({operation, subject}: Record<string, unknown>) => told.push(['start', operation, subject]);
    const asyncEnd = ({operation}: Record<string, unknown>) => told.push(['end', operation]);
    const channel = tracingChannel<unknown, Record<string, unknown>>('kvi.store');
    channel.start.subscribe(start as never);
    channel.asyncEnd.subscribe(asyncEnd as never);
    await kv.store('k', 'v');
    channel.start.unsubscribe(start as never);
    channel.asyncEnd.unsubscribe(asyncEnd as never);
    await kv.store('k', 'w');
    expect(told).toEqual([
      ['start', 'store', 'k'],
      ['end', 'store'],
    ]);
  });

  it('runs the callback of a watch in the context of its caller', async () => {
    await using kv = createKvi(modelDriver());
    const context = new AsyncLocalStorage<string>();
    let seen: string | undefined;
    const watch = await context.run('of the caller', () =>
      kv.watchWithCB('k', 'put', () => {
        seen = context.getStore();
        return false;
      }),
    );
    await context.run('of the writer', () => kv.store('k', 'v'));
    await watch.ended;
    expect(seen).toBe('of the caller');
  });
});
