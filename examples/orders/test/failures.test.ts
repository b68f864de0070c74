/** What the service does when its store fails, in milliseconds: see docs/testing.md. */
import {afterEach, beforeEach, describe, expect, it} from '@jest/globals';
import {createKvi, type Kvi, noRetries} from 'kvi';
import {Faults, ManualClock, MemStore} from 'kvi-mem';
import {keys} from '../src/keys.ts';
import {NightShift} from '../src/night-shift.ts';
import {OrderService} from '../src/order-service.ts';

let clock: ManualClock;
let store: MemStore;
/** What goes wrong between the instance "north" and the store. */
let faults: Faults;
let northKv: Kvi;
let southKv: Kvi;
let north: OrderService;
let south: OrderService;

beforeEach(() => {
  clock = new ManualClock();
  store = new MemStore({clock});
  faults = new Faults();
  northKv = createKvi(store.driver({faults}));
  southKv = createKvi(store.driver());
  north = new OrderService(northKv, 'north');
  south = new OrderService(southKv, 'south');
});

afterEach(async () => {
  faults.lift();
  await northKv.close();
  await southKv.close();
});

describe('an order service whose store fails', () => {
  it('places an order once when the answer is lost and the customer tries again', async () => {
    faults.next('txn').failAfterApplying();
    await expect(north.place('A', 'cups', 2)).rejects.toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
    expect(await north.place('A', 'cups', 2)).toBe('repeated');
    expect(store.dump({prefix: keys.orders})).toEqual({
      [`${keys.orders}A`]: '{"item":"cups","quantity":2,"state":"placed"}',
    });
  });

  it('places an order once when the request is lost and the customer tries again', async () => {
    faults.next('txn').fail('KVI_UNKNOWN_OUTCOME');
    await expect(north.place('A', 'cups', 2)).rejects.toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
    expect(await north.place('A', 'cups', 2)).toBe('placed');
  });

  it('does not let a customer notice that the store could not be reached twice', async () => {
    const fault = faults.next('txn', 2).fail();
    const placing = north.place('A', 'cups', 2);
    await clock.advance(1000);
    expect(await placing).toBe('placed');
    expect(fault.hits).toBe(2);
  });

  it('takes from the stock once, and knows it, when the answer is lost', async () => {
    await south.changeStock('cups', 5);
    faults.next({operation: 'txn', prefix: keys.stock}).failAfterApplying();
    expect(await north.changeStock('cups', -2)).toBe(true);
    expect(await south.stockOf('cups')).toBe(3);
  });

  it('takes from the stock once, and knows it, when the request is lost', async () => {
    await south.changeStock('cups', 5);
    faults.next({operation: 'txn', prefix: keys.stock}).fail('KVI_UNKNOWN_OUTCOME');
    const taking = north.changeStock('cups', -2);
    await clock.advance(1000);
    expect(await taking).toBe(true);
    expect(await south.stockOf('cups')).toBe(3);
  });

  it('ships an order once when the answer is lost and another instance tries again', async () => {
    await south.changeStock('cups', 5);
    await south.place('A', 'cups', 2);
    faults.next('txn').failAfterApplying();
    await expect(north.ship('A')).rejects.toMatchObject({code: 'KVI_UNKNOWN_OUTCOME'});
    expect(await south.ship('A')).toBe('shipped');
    expect(await south.stockOf('cups')).toBe(3);
  });

  it('is not counted among the instances while it is cut off, and is again afterwards', async () => {
    await north.start();
    await south.start();
    faults.partition();
    await clock.advance(10_000);
    expect(await south.instances()).toEqual(['south']);
    faults.heal();
    await clock.advance(10_000);
    expect(await south.instances()).toEqual(['north', 'south']);
  });

  it('hears of the limit that was set while its watch was away', async () => {
    await north.start();
    faults.dropWatches();
    await south.setLimit(1);
    await south.setLimit(2);
    faults.heal();
    await clock.advance(0);
    expect(await north.place('A', 'cups', 3)).toBe('over the limit');
    expect(await north.place('A', 'cups', 2)).toBe('placed');
  });

  it('hears of the limit also when that change was compacted away before its watch was back', async () => {
    const heard: number[] = [];
    north = new OrderService(northKv, 'north', (limit) => heard.push(limit));
    await north.start();
    faults.dropWatches();
    await south.setLimit(2);
    await south.place('B', 'cups', 1);
    store.compact();
    faults.heal();
    await clock.advance(1000);
    expect(heard).toEqual([2]);
    expect(await north.place('A', 'cups', 3)).toBe('over the limit');

    await south.setLimit(3);
    await clock.advance(0);
    expect(heard).toEqual([2, 3]);
  });

  it('tells who reads the audit that changes were compacted before they were seen', async () => {
    await south.place('A', 'cups', 1);
    const audit = north.audit();
    expect((await audit.next()).value).toBe('order A of 1 cups is placed');
    const next = audit.next();
    // Once its watch is in place.
    await clock.advance(0);
    faults.dropWatches();
    await south.cancel('A');
    await south.place('B', 'cups', 1);
    store.compact();
    faults.heal();
    await expect(next).rejects.toMatchObject({code: 'KVI_COMPACTED'});
  });

  it('says in time that the store does not answer', async () => {
    faults.partition();
    const placing = north.place('A', 'cups', 1).catch((error: unknown) => error);
    await clock.advance(5000);
    expect(await placing).toMatchObject({code: 'KVI_UNKNOWN_OUTCOME', cause: {code: 'KVI_TIMEOUT'}});
    expect(store.dump({prefix: keys.orders})).toEqual({});
  });

  it('says at once what trying again does not help', async () => {
    faults.every('txn').fail('KVI_RESOURCE_EXHAUSTED');
    await expect(north.place('A', 'cups', 1)).rejects.toMatchObject({code: 'KVI_RESOURCE_EXHAUSTED'});
  });
});

describe('a night shift whose store fails', () => {
  it('stops when the lock is lost, and writes no report', async () => {
    const night = new NightShift(northKv);
    const running = night.run(async (signal) => {
      await faults.loseLeases({prefix: keys.nightLock});
      await clock.advance(0);
      await night.report(signal);
    });
    await expect(running).rejects.toMatchObject({code: 'KVI_LOCK_LOST'});
    expect(await southKv.get(keys.report)).toBeUndefined();
  });

  it('is done by another instance when the one at it is cut off, and stops there', async () => {
    const [night, otherNight] = [new NightShift(northKv), new NightShift(southKv)];
    let isStopped = false;
    const running = night.run(async (signal) => {
      faults.partition();
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, {once: true});
      });
      isStopped = true;
    });
    const ended = expect(running).rejects.toMatchObject({code: 'KVI_LOCK_LOST'});
    const runOther = () => otherNight.run((signal) => otherNight.report(signal));
    await clock.advance(9_999);
    expect(await runOther()).toBe(false);
    await clock.advance(1);
    expect(isStopped).toBe(true);
    expect(await runOther()).toBe(true);
    expect(await southKv.get(keys.report)).toBe('orders: 0; in stock: ');
    // To give up its lock it takes two seconds at most, whatever the store does.
    await clock.advance(2_000);
    await ended;
  });

  it('stops taking stock when the lock is lost, and leaves the rest to who holds it', async () => {
    await south.changeStock('cups', 1);
    await south.changeStock('teapots', 1);
    const counted: string[] = [];
    const taking = new NightShift(northKv).takeStock(async (item) => {
      counted.push(item);
      await faults.loseLeases({prefix: keys.stocktakeLock});
      await clock.advance(0);
      return 7;
    });
    await expect(taking).rejects.toMatchObject({code: 'KVI_LOCK_LOST'});
    expect(counted).toEqual(['cups']);
    expect([await south.stockOf('cups'), await south.stockOf('teapots')]).toEqual([1, 1]);
  });

  it('tries once: a store that cannot be reached is an error, not a lock that another has', async () => {
    northKv = createKvi(store.driver({faults}), {retryPolicy: noRetries});
    faults.partition({calls: 'fail'});
    await expect(new NightShift(northKv).run(() => Promise.resolve())).rejects.toMatchObject({
      code: 'KVI_UNAVAILABLE',
    });
  });
});
