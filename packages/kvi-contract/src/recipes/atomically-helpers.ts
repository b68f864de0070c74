import assert from 'node:assert/strict';
import {createKvi} from 'kvi-core';
import type {UnitOfWork} from 'kvi-core/recipes';
import {assertFails} from '../kvi/helpers.ts';
import type {CaseContext} from '../suite.ts';

/** A client, what it asks of its backend, how long it waits, and what happens after each of its commits. */
export async function observed({open}: Pick<CaseContext, 'open'>) {
  const driver = await open();
  const {clock} = driver;
  const calls: string[] = [];
  const delays: number[] = [];
  const afterCommit: (() => Promise<void>)[] = [];
  let skippedMs = 0;
  const client = createKvi({
    ...driver,
    clock: {
      now: () => clock.now() + skippedMs,
      setTimer: (delayMs, callback) => (delays.push(delayMs), clock.setTimer(delayMs, callback)),
    },
    range: (...args) => (calls.push('range'), driver.range(...args)),
    async txn(...args) {
      calls.push('txn');
      const response = await driver.txn(...args);
      await afterCommit.shift()?.();
      return response;
    },
  });
  const skip = (ms: number) => void (skippedMs += ms);
  return {client, calls, delays, afterCommit, skip};
}

/** Asserts that each call of a unit that has ended is refused. */
export async function assertEnded(t: UnitOfWork, key: CaseContext['key']): Promise<void> {
  const calls: Record<string, () => unknown> = {
    get: () => t.get(key('k')),
    getRange: () => t.getRange({prefix: key('')}),
    store: () => t.store(key('k'), 'late'),
    delete: () => t.delete(key('k')),
  };
  for (const [name, call] of Object.entries(calls)) {
    const {message} = await assertFails('KVI_INVALID_ARGUMENT', call, `${name} after the end`);
    assert.match(message, /^the unit of work has ended/);
  }
}
