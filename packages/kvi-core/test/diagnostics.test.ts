import {subscribe, unsubscribe} from 'node:diagnostics_channel';
import {describe, expect, it} from '@jest/globals';
import {modelDriver} from 'kvi-contract';
import {createKvi, type DiagnosticsEvents, isKviError, KviError, limitAttempts} from 'kvi-core';
import type {Driver} from 'kvi-core/driver';
import {publish} from '../src/telemetry/diagnostics.ts';

/** What comes on a channel while `body` runs. */
async function eventsOn(name: keyof DiagnosticsEvents, body: () => Promise<unknown>): Promise<unknown[]> {
  const events: unknown[] = [];
  const listen = (event: unknown) => events.push(event);
  subscribe(name, listen);
  try {
    await body();
  } finally {
    unsubscribe(name, listen);
  }
  return events;
}

/** A driver whose transactions fail so often before they are tried, or after they were applied. */
function flaky(failures: {before?: number; after?: number}): Driver {
  const driver = modelDriver();
  let {before = 0, after = 0} = failures;
  return {
    ...driver,
    async txn(...args) {
      if (before-- > 0) throw new KviError('KVI_UNAVAILABLE', 'secret-key secret-value');
      const response = await driver.txn(...args);
      if (after-- > 0) throw new KviError('KVI_UNKNOWN_OUTCOME', 'secret-key secret-value');
      return response;
    },
  };
}

describe('diagnostics', () => {
  it('tell of each retry', async () => {
    await using kv = createKvi(flaky({before: 2}), {retryPolicy: limitAttempts(3)});
    const events = await eventsOn('kvi:retry', () => kv.store('secret-key', 'secret-value'));
    expect(events).toEqual([
      {code: 'KVI_UNAVAILABLE', attempt: 1, waitMs: 0},
      {code: 'KVI_UNAVAILABLE', attempt: 2, waitMs: 0},
    ]);
  });

  it('tell what became of a write that got no answer', async () => {
    await using kv = createKvi(flaky({after: 1}), {onUnknownOutcome: 'resolve'});
    const events = await eventsOn('kvi:unknown-outcome', () => kv.store('secret-key', 'secret-value'));
    expect(events).toEqual([{outcome: 'applied', tookMs: expect.any(Number)}]);
  });

  it('tell of a session that was lost, and name neither keys nor values', async () => {
    const driver = modelDriver();
    await using kv = createKvi(driver);
    const lock = await kv.distLock('secret-key', {ttlSeconds: 1});
    const lease = lock.key.split('/').at(-1) ?? '';
    const events = await eventsOn('kvi:session-lost', async () => {
      const told = new Promise((resolve) => {
        subscribe('kvi:session-lost', function once(event) {
          unsubscribe('kvi:session-lost', once);
          resolve(event);
        });
      });
      await driver.leaseRevoke(lease);
      // A watch tells the holder at once; the session learns it from its next keepalive.
      await told;
    });
    expect(events).toEqual([
      {lease, ttlSeconds: expect.any(Number), silentMs: expect.any(Number), reason: 'gone'},
    ]);
    expect(JSON.stringify(events)).not.toContain('secret');
    await lock.release().catch((error: unknown) => {
      expect(isKviError(error, 'KVI_LOCK_LOST')).toBe(true);
    });
  });

  it('build nothing while nobody listens', () => {
    publish('kvi:retry', () => {
      throw new Error('it was built');
    });
  });
});
