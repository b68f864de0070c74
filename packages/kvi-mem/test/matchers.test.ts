import {describe, expect, it} from '@jest/globals';
import {createKvi, KviError} from 'kvi-core';
import {Faults, MemStore} from 'kvi-mem';
import 'kvi-mem/jest';

async function storeOf(contents: Record<string, string>): Promise<MemStore> {
  const store = new MemStore();
  await using kv = createKvi(store.driver());
  for (const [key, value] of Object.entries(contents)) await kv.store(key, value);
  return store;
}

/** What a matcher says when it fails, without colours. */
async function failureOf(assertion: Promise<void>): Promise<string> {
  try {
    await assertion;
  } catch (error) {
    // eslint-disable-next-line no-control-regex -- that is what colours are
    return error instanceof Error ? error.message.replaceAll(/\u001b\[\d+m/g, '') : '';
  }
  throw new Error('the assertion holds');
}

describe('The matchers of kvi-mem/jest', () => {
  it('look for a key, and its value, through a handle or in a store', async () => {
    const store = await storeOf({'orders/1': 'paid by card'});
    await using kv = createKvi(store.driver());
    for (const target of [store, kv, kv.bytes]) {
      await expect(target).toHaveKey('orders/1');
      await expect(target).toHaveKey('orders/1', 'paid by card');
      await expect(target).toHaveKey('orders/1', expect.stringContaining('card'));
      await expect(target).not.toHaveKey('orders/1', 'paid');
      await expect(target).not.toHaveKey('orders/2');
      await expect(target).not.toHaveKey('constructor');
    }
  });

  it('look into a store whatever is planned to go wrong for its handles', async () => {
    const store = await storeOf({k: 'v'});
    store.faults = new Faults();
    const fault = store.faults.next().fail('KVI_PERMISSION_DENIED');
    await expect(store).toHaveKey('k', 'v');
    await expect(store).toHoldExactly({k: 'v'});
    expect(fault.hits).toBe(0);
  });

  it('say what is there instead of a key or a value', async () => {
    const store = await storeOf({'orders/1': 'paid'});
    const noKey = await failureOf(expect(store).toHaveKey('orders/2'));
    expect(noKey).toContain('Expected: "orders/2"\nReceived no such key, but: ["orders/1"]');
    const otherValue = await failureOf(expect(store).toHaveKey('orders/1', 'placed'));
    expect(otherValue).toContain('Expected: "orders/1": "placed"\nReceived: "orders/1": "paid"');
    const there = await failureOf(expect(store).not.toHaveKey('orders/1'));
    expect(there).toContain('Expected not: "orders/1"\nReceived: "orders/1": "paid"');
  });

  it('compare all keys, or those with a prefix', async () => {
    const store = await storeOf({'orders/1': 'paid', config: '5'});
    await expect(store).toHoldExactly({'orders/1': 'paid', config: '5'});
    await expect(store).toHoldExactly({'orders/1': expect.any(String)}, {prefix: 'orders/'});
    await expect(store).not.toHoldExactly({'orders/1': 'paid'});
    await expect(new MemStore()).toHoldExactly({});
    const failure = await failureOf(expect(store).toHoldExactly({'orders/1': 'placed'}, {prefix: 'orders/'}));
    expect(failure).toContain('-   "orders/1": "placed",\n+   "orders/1": "paid",');
  });

  it('look at the code with which a call fails', async () => {
    await using kv = createKvi(new MemStore().driver());
    await expect(kv.store('', 'v')).toRejectWithCode('KVI_INVALID_ARGUMENT');
    await expect(kv.store('', 'v')).not.toRejectWithCode('KVI_TIMEOUT');
    await expect(kv.store('k', 'v')).not.toRejectWithCode('KVI_TIMEOUT');
    const failed = Promise.reject(new KviError('KVI_CLOSED', 'it is over'));
    expect(await failureOf(expect(failed).toRejectWithCode('KVI_TIMEOUT'))).toContain(
      'Expected: "KVI_TIMEOUT"\nRejected: "KVI_CLOSED: it is over"',
    );
    expect(await failureOf(expect(kv.get('k')).toRejectWithCode('KVI_TIMEOUT'))).toContain('Resolved: "v"');
  });

  it('find what is open on a store', async () => {
    const store = new MemStore();
    const kv = createKvi(store.driver());
    expect(store).not.toHaveNoLeaks();
    expect(() => expect(store).toHaveNoLeaks()).toThrow(/1 resource is still open:\n\n {2}a handle/);
    await kv.close();
    expect(store).toHaveNoLeaks();
  });

  it.each([
    ['toHaveKey', () => expect('k').toHaveKey('k'), 'a handle of kvi or a MemStore'],
    ['toRejectWithCode', () => expect(5).toRejectWithCode('KVI_TIMEOUT'), 'without await'],
    ['toHaveNoLeaks', () => Promise.resolve().then(() => expect(5).toHaveNoLeaks()), 'a MemStore'],
  ])('refuse what they cannot look at: %s', async (_name, assertion, message) => {
    expect(await failureOf(assertion())).toContain(message);
  });
});
