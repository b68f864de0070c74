import assert from 'node:assert/strict';
import type {CaseContext} from '../suite.ts';
import {assertFails, keysOf} from './helpers.ts';

/** Passes a value of the wrong type, as a JavaScript caller could. */
export const wrong = (value: unknown): never => value as never;

/**
 * Asserts that each call is refused, that nothing was written, and that the handle still works.
 *
 * @param messages - what the messages of some of the calls, by name, have to say
 */
export async function assertRefused(
  {kv, key, prefix}: Pick<CaseContext, 'kv' | 'key' | 'prefix'>,
  calls: Record<string, () => unknown>,
  promise: string,
  messages: Record<string, RegExp> = {},
): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    const {message} = await assertFails('KVI_INVALID_ARGUMENT', call, `${name}: ${promise}`);
    assert.match(message, messages[name] ?? /./, `${name}: the message names what is wrong`);
  }
  assert.deepEqual(await keysOf(kv, {prefix}), [], `${promise}: nothing is written`);
  await kv.store(key('after'), 'v');
  assert.equal(await kv.get(key('after')), 'v', `${promise}: the handle works on`);
  await kv.delete(key('after'));
}
