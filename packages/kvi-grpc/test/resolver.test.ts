import {randomUUID} from 'node:crypto';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {type Client, connectivityState, status} from '@grpc/grpc-js';
import {expect, it} from '@jest/globals';
import {createKvi} from 'kvi-core';
import {register} from 'kvi-core/recipes';
import {Faults, MemStore} from 'kvi-mem';
import {registerKviResolver} from '../src/index.ts';
import {ask, roundRobin, startServer, untilAnswering} from './servers.ts';

/** A handle that registers, and one that the resolver follows the instances on. */
function openStore({faults}: {faults?: Faults} = {}) {
  const store = new MemStore();
  const kv = createKvi(store.driver());
  const followed = createKvi(store.driver({faults}));
  registerKviResolver(followed);
  const watches = () => store.openResources().filter(({type}) => type === 'watch');
  return {
    kv,
    followed,
    watches,
    async [Symbol.asyncDispose]() {
      await kv.close();
      await followed.close();
    },
  };
}

/** Waits until a channel is in a state. */
async function untilState(client: Client, wanted: connectivityState): Promise<void> {
  const channel = client.getChannel();
  for (;;) {
    const present = channel.getConnectivityState(false);
    if (present === wanted) return;
    await new Promise<void>((resolve) => {
      channel.watchConnectivityState(present, Date.now() + 60_000, () => resolve());
    });
  }
}

it('calls go to each instance in turn, and to others as they come and go', async () => {
  await using store = openStore();
  using a = await startServer('a');
  using b = await startServer('b');
  using c = await startServer('c');
  const {kv} = store;
  const first = await register(kv, 'checkout', {addr: a.addr});
  await register(kv, 'checkout', {addr: b.addr});
  await register(kv, 'checkout', {addr: 'no address:x:y'});
  using client = roundRobin('kvi:///checkout');
  await untilAnswering(client, ['a', 'b']);
  await first.close();
  await untilAnswering(client, ['b']);
  await register(kv, 'checkout', {addr: c.addr});
  await untilAnswering(client, ['b', 'c']);
});

it('a call waits for the first instance, and again when all have gone', async () => {
  await using store = openStore();
  using a = await startServer('a');
  using client = roundRobin('kvi:///checkout');
  const waiting = ask(client);
  const entry = await register(store.kv, 'checkout', {addr: a.addr});
  expect(await waiting).toBe('a');
  await entry.close();
  await untilState(client, connectivityState.IDLE);
  const again = ask(client);
  await register(store.kv, 'checkout', {addr: a.addr});
  expect(await again).toBe('a');
});

it('calls go on while the store is away, and an instance that came meanwhile is found afterwards', async () => {
  const faults = new Faults();
  await using store = openStore({faults});
  using a = await startServer('a');
  using b = await startServer('b');
  await register(store.kv, 'checkout', {addr: a.addr});
  using client = roundRobin('kvi:///checkout');
  await untilAnswering(client, ['a']);
  faults.partition();
  await register(store.kv, 'checkout', {addr: b.addr});
  await untilAnswering(client, ['a']);
  faults.heal();
  await untilAnswering(client, ['a', 'b']);
});

it('once the handle is closed, calls go on to the instances that are known, and a new channel says what is wrong', async () => {
  await using store = openStore();
  using a = await startServer('a');
  await register(store.kv, 'checkout', {addr: a.addr});
  using client = roundRobin('kvi:///checkout');
  await untilAnswering(client, ['a']);
  await store.followed.close();
  await untilAnswering(client, ['a']);
  using late = roundRobin('kvi:///checkout');
  await expect(ask(late)).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    details: expect.stringContaining('the handle is closed'),
  });
});

it('it tries again after it was refused', async () => {
  const faults = new Faults();
  const refusal = faults.next('range').fail('KVI_PERMISSION_DENIED');
  await using store = openStore({faults});
  using a = await startServer('a');
  await register(store.kv, 'checkout', {addr: a.addr});
  using client = roundRobin('kvi:///checkout');
  await expect(ask(client)).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    details: expect.stringContaining('permission denied'),
  });
  expect(refusal.hits).toBe(1);
  await untilState(client, connectivityState.READY);
  await untilAnswering(client, ['a']);
});

it('a name that is no target fails the calls', async () => {
  await using _store = openStore();
  using client = roundRobin('kvi:///checkout/');
  await expect(ask(client)).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    details: expect.stringContaining('must not end in a slash'),
  });
});

it('nothing is followed once the channel is idle or closed, and a call follows again', async () => {
  await using store = openStore();
  using a = await startServer('a');
  await register(store.kv, 'checkout', {addr: a.addr});
  const kept = store.watches().length;
  // The shortest time that gRPC allows.
  const client = roundRobin('kvi:///checkout', {'grpc.client_idle_timeout_ms': 1_000});
  await untilAnswering(client, ['a']);
  expect(store.watches()).toHaveLength(kept + 1);
  await untilState(client, connectivityState.IDLE);
  expect(store.watches()).toHaveLength(kept);
  await untilAnswering(client, ['a']);
  expect(store.watches()).toHaveLength(kept + 1);
  client.close();
  expect(store.watches()).toHaveLength(kept);
});

it('an address may be one of IPv6, a name or a Unix socket', async () => {
  await using store = openStore();
  const socket = `unix:${join(tmpdir(), `kvi-grpc-${randomUUID()}.sock`)}`;
  using v6 = await startServer('v6', '[::1]:0');
  using named = await startServer('named');
  using unix = await startServer('unix', socket);
  await register(store.kv, 'checkout', {addr: v6.addr});
  await register(store.kv, 'checkout', {addr: named.addr.replace('127.0.0.1', 'localhost')});
  await register(store.kv, 'checkout', {addr: unix.addr});
  using client = roundRobin('kvi:///checkout');
  await untilAnswering(client, ['named', 'unix', 'v6']);
});

it('with the scheme etcd, targets are those of Go clients; a slash in a name is part of it', async () => {
  await using store = openStore();
  registerKviResolver(store.followed, {scheme: 'etcd'});
  using a = await startServer('a');
  await register(store.kv, '/shop/checkout', {addr: a.addr});
  using client = roundRobin('etcd:////shop/checkout');
  await untilAnswering(client, ['a']);
});

it.each([[''], ['a b'], ['kvi:'], [5 as never]])('the scheme %j is refused', async (scheme) => {
  await using kv = createKvi(new MemStore().driver());
  expect(() => registerKviResolver(kv, {scheme})).toThrow(
    expect.objectContaining({code: 'KVI_INVALID_ARGUMENT'}),
  );
});

it.each([[null], [5], [{schema: 'kvi'}]])('the options %j are refused', async (options) => {
  await using kv = createKvi(new MemStore().driver());
  expect(() => registerKviResolver(kv, options as never)).toThrow(
    expect.objectContaining({code: 'KVI_INVALID_ARGUMENT'}),
  );
});

it.each([[undefined], [null], [{}]])('%j, which is no handle, is refused at once', (kv) => {
  expect(() => registerKviResolver(kv as never)).toThrow(
    expect.objectContaining({code: 'KVI_INVALID_ARGUMENT', message: expect.stringContaining('kv must be')}),
  );
});
