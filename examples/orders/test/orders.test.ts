/** How a service that uses kvi is tested: on `mem:`, in milliseconds, with a store for each test. */
import {afterEach, describe, expect, it} from '@jest/globals';
import {type Kvi, open} from 'kvi';
import {EventEmitter, once} from 'node:events';
import {NightShift} from '../src/night-shift.ts';
import {OrderService} from '../src/order-service.ts';

let stores = 0;
const opened: Kvi[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((kv) => kv.close()));
});

/** Two handles on a store of its own. */
async function openTwo(): Promise<[Kvi, Kvi]> {
  stores += 1;
  const url = `mem:orders-${stores}`;
  const kvs: [Kvi, Kvi] = [await open(url), await open(url)];
  opened.push(...kvs);
  return kvs;
}

async function twoInstances(): Promise<[OrderService, OrderService]> {
  const [northKv, southKv] = await openTwo();
  return [new OrderService(northKv, 'north'), new OrderService(southKv, 'south')];
}

async function twoShifts(): Promise<[NightShift, NightShift]> {
  const [northKv, southKv] = await openTwo();
  return [new NightShift(northKv), new NightShift(southKv)];
}

describe('an order service', () => {
  it('knows the instances that live', async () => {
    const [north, south] = await twoInstances();
    await north.start();
    await south.start();
    expect(await north.instances()).toEqual(['north', 'south']);
    await south.stop();
    expect(await north.instances()).toEqual(['north']);
  });

  it('loses no change of the stock when instances make many at the same time', async () => {
    const [north, south] = await twoInstances();
    const changes = Array.from({length: 50}, (_, i) => (i % 2 === 0 ? north : south).changeStock('cups', 1));
    expect(await Promise.all(changes)).not.toContain(false);
    expect(await north.stockOf('cups')).toBe(50);
  });

  it('takes no more from the stock than there is', async () => {
    const [north, south] = await twoInstances();
    await north.changeStock('cups', 3);
    const taken = await Promise.all([north.changeStock('cups', -2), south.changeStock('cups', -2)]);
    expect(taken.sort()).toEqual([false, true]);
    expect(await north.stockOf('cups')).toBe(1);
  });

  it('places an order once, however often and wherever it is sent', async () => {
    const [north, south] = await twoInstances();
    const answers = [
      await north.place('A', 'cups', 1),
      await south.place('A', 'cups', 1),
      await north.place('A', 'cups', 2),
    ];
    expect(answers).toEqual(['placed', 'repeated', 'repeated']);
    expect((await north.audit().next()).value).toBe('order A of 1 cups is placed');
  });

  it('ships an order once, and takes it from the stock once', async () => {
    const [north, south] = await twoInstances();
    await north.changeStock('cups', 3);
    await north.place('A', 'cups', 2);
    expect(await Promise.all([north.ship('A'), south.ship('A')])).toEqual(['shipped', 'shipped']);
    expect(await north.stockOf('cups')).toBe(1);
  });

  it('does not ship what is not in stock, or not ordered', async () => {
    const [north] = await twoInstances();
    await north.place('A', 'cups', 2);
    expect(await north.ship('A')).toBe('out of stock');
    expect(await north.ship('B')).toBe('no such order');
  });

  it('cancels an order', async () => {
    const [north] = await twoInstances();
    await north.place('A', 'cups', 2);
    expect(await north.cancel('A')).toBe(true);
    expect(await north.cancel('A')).toBe(false);
  });

  it('starts with the limit that is configured, and follows it', async () => {
    const [northKv, southKv] = await openTwo();
    const north = new OrderService(northKv, 'north');
    await north.setLimit(1);

    const heard = new EventEmitter();
    const south = new OrderService(southKv, 'south', (limit) => heard.emit('limit', limit));
    await south.start();
    expect(await south.place('A', 'cups', 2)).toBe('over the limit');

    const limitHeard = once(heard, 'limit');
    await north.setLimit(2);
    expect(await limitHeard).toEqual([2]);
    expect(await south.place('A', 'cups', 2)).toBe('placed');
  });

  it('tells each thing that happens to an order, what happened before too', async () => {
    const [north, south] = await twoInstances();
    await north.changeStock('cups', 2);
    await north.place('A', 'cups', 2);
    const audit = south.audit();
    expect((await audit.next()).value).toBe('order A of 2 cups is placed');
    await north.ship('A');
    await north.cancel('A');
    expect((await audit.next()).value).toBe('order A of 2 cups is shipped');
    expect((await audit.next()).value).toBe('order A is cancelled');
    await audit.return();
  });
});

describe('the night shift', () => {
  it('is done by one instance, and by another when that one is done', async () => {
    const [north, south] = await twoShifts();
    let southRan: boolean | undefined;
    const northRan = await north.run(async () => {
      southRan = await south.run(() => Promise.resolve());
    });
    expect([northRan, southRan]).toEqual([true, false]);
    expect(await south.run(() => Promise.resolve())).toBe(true);
  });

  it('gives the lock back when the job fails', async () => {
    const [north, south] = await twoShifts();
    const failed = new Error('no paper');
    await expect(north.run(() => Promise.reject(failed))).rejects.toBe(failed);
    expect(await south.run(() => Promise.resolve())).toBe(true);
  });

  it('writes a report, for which others wait', async () => {
    const [kv] = await openTwo();
    const shop = new OrderService(kv, 'north');
    await shop.changeStock('cups', 3);
    await shop.place('A', 'cups', 1);
    const night = new NightShift(kv);
    const next = night.nextReport();
    await night.report();
    expect(await next).toBe('orders: 1; in stock: 3 cups');
  });

  it('takes stock in one instance at a time', async () => {
    const [northKv, southKv] = await openTwo();
    const shop = new OrderService(northKv, 'north');
    await shop.changeStock('cups', 3);
    await shop.changeStock('teapots', 3);
    const log: string[] = [];
    const takeStock = (kv: Kvi, name: string) =>
      new NightShift(kv).takeStock((item) => {
        log.push(`${name} ${item}`);
        return Promise.resolve(2);
      });
    await Promise.all([takeStock(northKv, 'north'), takeStock(southKv, 'south')]);
    expect(log).toEqual(['north cups', 'north teapots', 'south cups', 'south teapots']);
    expect([await shop.stockOf('cups'), await shop.stockOf('teapots')]).toEqual([2, 2]);
  });
});
