/** What the cases of typed views share. */
import assert from 'node:assert/strict';
import type {Kvi} from 'kvi-core';
import {type Driver, isKviError} from 'kvi-core/driver';
import {type Codec, json, type TypedKvi} from 'kvi-core/recipes';

/** The value of the cases. */
export interface Item {
  n: number;
  tag?: string;
}

/** Refuses values whose `n` is negative, in either direction. */
export const items: Codec<Item> = {
  encode: (value, key) => json<Item>().encode(checked(value), key),
  decode: async (bytes, key) => checked(await json<Item>().decode(bytes, key)),
};

function checked(item: Item): Item {
  if (item.n < 0) throw new RangeError('n is negative');
  return item;
}

/** A codec that never ends, and tells when it is called. */
export function hangingCodec(): {codec: Codec<Item>; called: Promise<void>} {
  let call: () => void = () => undefined;
  const called = new Promise<void>((resolve) => {
    call = resolve;
  });
  function hang(): Promise<never> {
    call();
    return new Promise(() => undefined);
  }
  return {codec: {encode: hang, decode: hang}, called};
}

/**
 * Every call that uses the codec, on the key `k`, which has to exist.
 *
 * @param kv - the view's handle; it changes the key for `watch`
 */
export function callsOfCodec(
  kv: Kvi,
  view: TypedKvi<Item>,
  k: string,
  options: {signal?: AbortSignal; timeoutMs?: number} = {},
): Record<string, () => Promise<unknown>> {
  return {
    get: () => view.get(k, options),
    getRange: () => view.getRange(k, options),
    store: () => view.store(k, {n: 2}, options),
    'tas, test': () => view.tas(k, {n: 1}, {n: 2}, options),
    'tas, value': () => view.tas(k, null, {n: 2}, options),
    update: () => view.update(k, () => ({n: 2}), options),
    async watch() {
      const change = view.watch(k, options);
      await Promise.allSettled([change, kv.store(k, '{"n":1}')]);
      return change;
    },
  };
}

/** Asserts that an error is about the value of a key. */
export function assertInvalid(error: unknown, key: string, cause: string, promise: string): void {
  assert.ok(isKviError(error, 'KVI_INVALID_VALUE'), `${promise}: ${String(error)}`);
  assert.ok(error.message.includes(JSON.stringify(key)), `${promise}: it names the key: ${error.message}`);
  assert.match(error.message, new RegExp(cause), `${promise}: it says why`);
  assert.ok(error.cause instanceof Error, `${promise}: it has what the codec threw`);
}

/** The driver, and how many requests it was sent. */
export function countingDriver(driver: Driver): {driver: Driver; requests: () => string[]} {
  const requests: string[] = [];
  return {
    driver: {
      ...driver,
      range: (...args) => (requests.push('range'), driver.range(...args)),
      txn: (...args) => (requests.push('txn'), driver.txn(...args)),
    },
    requests: () => requests.splice(0),
  };
}
