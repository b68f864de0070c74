import {describe, expect, it} from '@jest/globals';
import {ManualClock, MemStore} from 'kvi-mem';
import {Lessor} from '../src/lessor.ts';
import {HandClock} from './hand-clock.ts';
import {bytes, put} from './tools.ts';

function setUp() {
  const clock = new HandClock();
  const store = new MemStore({clock});
  return {clock, store, driver: store.driver()};
}

describe('The timer of the leases', () => {
  it('is one for all, and keepalives set no other', async () => {
    const {clock, driver} = setUp();
    for (const ttlSeconds of [30, 10, 20]) await driver.leaseGrant({ttlSeconds, id: String(ttlSeconds)});
    expect(clock.pending).toBe(1);
    expect(clock.delays.at(-1)).toBe(10_000);
    const before = clock.delays.length;
    for (let i = 0; i < 10; i += 1) await driver.leaseKeepAlive('10');
    expect(clock.delays).toHaveLength(before);
  });

  it('that fires too early ends nothing, and sets the next', async () => {
    const {clock, driver} = setUp();
    await driver.leaseGrant({ttlSeconds: 10, id: 'a'});
    clock.time = 4_000;
    await driver.leaseKeepAlive('a');
    clock.time = 10_000;
    clock.fire();
    expect(clock.delays.at(-1)).toBe(4_000);
    expect(await driver.leaseTimeToLive({id: 'a'})).toMatchObject({ttlSeconds: 4});
  });

  it.each(['revoked', 'reset', 'restored'])('is gone with the last lease when it was %s', async (how) => {
    const {clock, store, driver} = setUp();
    const empty = store.snapshot();
    await driver.leaseGrant({ttlSeconds: 10, id: 'a'});
    expect(clock.pending).toBe(1);
    if (how === 'revoked') await driver.leaseRevoke('a');
    if (how === 'reset') store.reset();
    if (how === 'restored') store.restore(empty);
    expect(clock.pending).toBe(0);
  });

  it('never gets a delay that a timer of Node.js cannot wait', async () => {
    const {clock, driver} = setUp();
    await driver.leaseGrant({ttlSeconds: 9_000_000_000});
    expect(clock.delays).toEqual([2 ** 31 - 1]);
  });
});

describe('A lease', () => {
  it('that is granted as 0 gets an id', async () => {
    const {driver} = setUp();
    const {id} = await driver.leaseGrant({ttlSeconds: 10, id: '0'});
    expect(id).not.toBe('0');
    expect(await driver.leaseLeases()).toMatchObject({leases: [id]});
  });

  it('of a lessor that begins with another one has the time left that it had there', async () => {
    const clock = new ManualClock();
    const options = {minTtlSeconds: 1, deleteKeys: () => undefined};
    const one = new Lessor({...options, clock});
    one.grant({ttlSeconds: 10, id: 'a'});
    await clock.advance(4_000);
    const later = new HandClock();
    later.time = 1_000_000;
    const other = new Lessor({...options, clock: later}, one);
    expect(later.delays).toEqual([6_000]);
    expect(other.timeToLive({id: 'a'})).toMatchObject({ttlSeconds: 6});
    other.grant({ttlSeconds: 10, id: 'b'});
    expect(other.numberOf('b')).toBe(2);
    expect(one.numberOf('b')).toBeUndefined();
  });

  it('shows none of the keys that it gets or loses in a store that shares it', async () => {
    const one = setUp();
    await one.driver.leaseGrant({ttlSeconds: 10, id: 'a'});
    await put(one.driver, 'shared', '', 'a');
    const other = setUp();
    other.store.restore(one.store.snapshot());
    await put(one.driver, 'one', '', 'a');
    await put(other.driver, 'shared', '');
    const keysOf = async ({driver}: typeof one) => (await driver.leaseTimeToLive({id: 'a', keys: true})).keys;
    expect(await keysOf(one)).toEqual([bytes('one'), bytes('shared')]);
    expect(await keysOf(other)).toEqual([]);
  });

  it('is listed with its keys', () => {
    const lessor = new Lessor({clock: new ManualClock(), minTtlSeconds: 1, deleteKeys: () => undefined});
    lessor.grant({ttlSeconds: 10, id: 'a'});
    lessor.move('k', '0', 'a');
    expect(lessor.list()).toEqual([{id: 'a', keys: [bytes('k')]}]);
  });
});
