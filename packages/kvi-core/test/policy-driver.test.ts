import {describe, expect, it} from '@jest/globals';
import {modelDriver} from 'kvi-contract';
import {type Driver, type DriverCallOptions, eventBuffer, KviError} from 'kvi-core/driver';
import {withPolicy} from '../src/policy/policy-driver.ts';
import {exponentialBackoff, limitAttempts, noRetries} from '../src/policy/retry-policies.ts';
import {handClock} from './hand-clock.ts';

const write = {success: [{type: 'put', key: Buffer.from('k'), value: Buffer.from('v')}]} as const;

/** A port whose watches are in place when the test says so, and what its driver was asked to write. */
function underTest() {
  const clock = handClock();
  const own = modelDriver();
  const watch = eventBuffer({onEnd: () => undefined});
  const writes: (DriverCallOptions | undefined)[] = [];
  const driver: Driver = {
    ...own,
    clock,
    watch: () => watch.watch,
    txn: (request, options) => {
      writes.push(options);
      return own.txn(request);
    },
  };
  const defaults = {timeoutMs: 1000, retryPolicy: exponentialBackoff()};
  return {clock, watch, writes, ported: withPolicy(driver, defaults), own};
}

const anyKey = {key: Buffer.from('k')};

describe('A write through the port', () => {
  it('is sent at once while no watch is on its way', async () => {
    const {ported, writes} = underTest();
    const writing = ported.txn(write);
    expect(writes).toMatchObject([{timeoutMs: 1000}]);
    await writing;
  });

  it('waits for the watches that were asked for before it, and has the time that is left', async () => {
    const {ported, writes, clock, watch} = underTest();
    await clock.advance(10_000);
    ported.watch(anyKey);
    const {signal} = new AbortController();
    const writing = ported.txn(write, {signal});
    await clock.advance(400);
    expect(writes).toEqual([]);
    watch.created(1);
    await writing;
    expect(writes).toEqual([{timeoutMs: 600, signal}]);
  });

  it('is sent at once again when the watches are in place', async () => {
    const {ported, writes, clock, watch} = underTest();
    ported.watch(anyKey);
    watch.created(1);
    await clock.advance(0);
    const writing = ported.txn(write);
    expect(writes).toHaveLength(1);
    await writing;
  });

  it('is not sent when the watches are not in place in time, and says so', async () => {
    const {ported, writes, clock} = underTest();
    ported.watch(anyKey);
    const writing = ported.txn(write, {timeoutMs: 700});
    const outcome = expect(writing).rejects.toMatchObject({
      code: 'KVI_TIMEOUT',
      message: expect.stringMatching(/timed out waiting for pending watches.*not sent/),
      cause: {code: 'KVI_TIMEOUT'},
    });
    await clock.advance(700);
    await outcome;
    expect(writes).toEqual([]);
  });

  it('that waits for watches ends when its signal aborts', async () => {
    const {ported, writes} = underTest();
    ported.watch(anyKey);
    const controller = new AbortController();
    const writing = ported.txn(write, {signal: controller.signal});
    controller.abort('enough');
    await expect(writing).rejects.toMatchObject({code: 'KVI_ABORTED', cause: 'enough'});
    expect(writes).toEqual([]);
  });

  it('that waits for watches ends when the port closes', async () => {
    const {ported, writes} = underTest();
    ported.watch(anyKey);
    const outcome = expect(ported.txn(write)).rejects.toMatchObject({code: 'KVI_CLOSED'});
    await ported.close();
    await outcome;
    expect(writes).toEqual([]);
  });
});

describe('The port', () => {
  it('passes compactions and the leases on to the driver', async () => {
    const {ported, own} = underTest();
    await ported.txn(write);
    const {id} = await ported.leaseGrant({ttlSeconds: 10});
    expect(await ported.leaseLeases()).toMatchObject({leases: [id]});
    await ported.leaseRevoke(id);
    expect(await ported.leaseLeases()).toMatchObject({leases: []});
    const {revision} = await ported.txn(write);
    await ported.compact({revision});
    await expect(own.compact({revision})).rejects.toMatchObject({code: 'KVI_COMPACTED'});
  });
});

describe('A revocation whose outcome is unknown', () => {
  const unknown = new KviError('KVI_UNKNOWN_OUTCOME', 'made to fail');

  /** The answers of a driver to revocations, in turn, and how many it gave. */
  function revoking(answers: readonly (KviError | undefined)[], retryPolicy = limitAttempts(5)) {
    let calls = 0;
    const driver: Driver = {
      ...modelDriver(),
      leaseRevoke() {
        const error = answers[calls];
        calls += 1;
        return error === undefined ? Promise.resolve({revision: 1}) : Promise.reject(error);
      },
    };
    return {ported: withPolicy(driver, {timeoutMs: 1000, retryPolicy}), calls: () => calls};
  }

  const gone = new KviError('KVI_LEASE_NOT_FOUND', 'made to fail');

  it.each([
    ['succeeds', undefined],
    ['finds the lease gone', gone],
  ])('is repeated until it %s', async (_, last) => {
    const {ported, calls} = revoking([unknown, unknown, last]);
    await ported.leaseRevoke('1');
    expect(calls()).toBe(3);
  });

  it('is not repeated where nothing is', async () => {
    const {ported, calls} = revoking([unknown], noRetries);
    await expect(ported.leaseRevoke('1')).rejects.toBe(unknown);
    expect(calls()).toBe(1);
  });

  it('differs from one of a lease that was gone before', async () => {
    const unavailable = new KviError('KVI_UNAVAILABLE', 'made to fail');
    const {ported} = revoking([unavailable, gone]);
    await expect(ported.leaseRevoke('1')).rejects.toBe(gone);
  });
});
