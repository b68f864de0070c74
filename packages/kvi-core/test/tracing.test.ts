import {AsyncLocalStorage} from 'node:async_hooks';
import {subscribe, unsubscribe} from 'node:diagnostics_channel';
import {describe, expect, it} from '@jest/globals';
import {modelDriver} from 'kvi-contract';
import {createKvi, type OperationContext} from 'kvi-core';

describe('A traced operation', () => {
  it('tells its beginning and its end, with what it is about', async () => {
    await using kv = createKvi(modelDriver());
    const told: unknown[] = [];
    const listen = (context: unknown, name: string | symbol) => {
      const {operation, subject} = context as OperationContext;
      told.push([name, operation, subject]);
    };
    const channels = ['tracing:kvi.store:start', 'tracing:kvi.store:asyncEnd'];
    for (const channel of channels) subscribe(channel, listen);
    await kv.store('k', 'v');
    for (const channel of channels) unsubscribe(channel, listen);
    await kv.store('k', 'w');
    expect(told).toEqual(channels.map((channel) => [channel, 'store', 'k']));
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
