import {describe, expect, it} from '@jest/globals';
import {modelDriver} from 'kvi-contract';
import {createKvi} from '../src/kvi/create-kvi.ts';
import type {Driver} from '../src/driver/driver.ts';
import {KviError} from '../src/etcd/errors.ts';
import {handClock} from './hand-clock.ts';

const never = () => new Promise<never>(() => undefined);

describe('A handle', () => {
  it('closes within a second, though the backend does not answer at all', async () => {
    const clock = handClock();
    const driver: Driver = {...modelDriver(), clock};
    const kv = createKvi(driver);
    await kv.tempKey('k');
    driver.leaseRevoke = never;
    let isClosed = false;
    const closing = kv.close().then(() => (isClosed = true));
    await clock.advance(999);
    expect(isClosed).toBe(false);
    await clock.advance(1);
    await closing;
  });

  it('waits for a temporary key no longer than the call says', async () => {
    const clock = handClock();
    const driver: Driver = {
      ...modelDriver(),
      clock,
      txn: () => Promise.reject(new KviError('KVI_UNAVAILABLE', 'made to fail')),
    };
    const kv = createKvi(driver, {timeoutMs: 1000});
    const failures: unknown[] = [];
    kv.tempKey('k', {timeoutMs: 300}).catch((error: unknown) => failures.push(error));
    await clock.advance(300);
    expect(failures).toMatchObject([{code: 'KVI_TIMEOUT'}]);
    await kv.close();
  });
});
