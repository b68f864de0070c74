import type {Kvi} from 'kvi';
import {EventEmitter, once} from 'node:events';
import {namespace} from 'kvi/recipes';
import {ownPrefix} from './keys.ts';
import {NightShift} from './night-shift.ts';
import {OrderService} from './order-service.ts';

/**
 * A day of two instances that share a store, told line by line; the same lines on every backend.
 *
 * @param northKv - the handle of the instance "north"
 * @param southKv - that of the instance "south", on the same store
 * @param tell - gets each line
 */
export async function tellStory(northKv: Kvi, southKv: Kvi, tell: (line: string) => void): Promise<void> {
  const [north, south] = [namespace(northKv, ownPrefix), namespace(southKv, ownPrefix)];
  const everything = {prefix: ownPrefix};
  // An earlier run may have been cut off.
  await northKv.delete(everything);
  try {
    await tellDay(north, south, tell);
  } finally {
    await northKv.delete(everything);
  }
}

async function tellDay(northKv: Kvi, southKv: Kvi, tell: (line: string) => void): Promise<void> {
  const heard = new EventEmitter();
  const north = new OrderService(northKv, 'north');
  const south = new OrderService(southKv, 'south', (limit) => heard.emit('limit', limit));
  await north.start();
  await south.start();
  tell(`Instances: ${(await north.instances()).join(', ')}.`);

  await north.changeStock('cups', 4);
  await Promise.all([north.changeStock('teapots', 5), south.changeStock('teapots', 7)]);
  tell(`Both take in teapots at the same time: ${await north.stockOf('teapots')} in stock.`);

  tell(`Order A for 3 teapots: ${await north.place('A', 'teapots', 3)}.`);
  tell(`Order A once more: ${await south.place('A', 'teapots', 3)}.`);
  tell(`Order B for 11 teapots: ${await south.place('B', 'teapots', 11)}.`);

  const limitHeard = once(heard, 'limit');
  await north.setLimit(12);
  const [limit] = (await limitHeard) as [number];
  tell(`North sets the limit. South hears of it: ${limit}.`);
  tell(`Order B again: ${await south.place('B', 'teapots', 11)}.`);

  const audit = south.audit();
  tell(`Audit: ${await next(audit)}.`);
  tell(`Audit: ${await next(audit)}.`);

  tell(`North ships order A: ${await north.ship('A')}.`);
  tell(`Audit: ${await next(audit)}.`);
  tell(`North ships order B: ${await north.ship('B')}.`);
  tell(`Order B is cancelled: ${(await north.cancel('B')) ? 'yes' : 'it was gone'}.`);
  tell(`Audit: ${await next(audit)}.`);
  await audit.return();

  await tellNight(northKv, southKv, tell);
  tell(`A teapot was broken: ${await south.stockOf('teapots')} in stock.`);

  await south.stop();
  tell(`South stops. Instances: ${(await north.instances()).join(', ')}.`);
  await north.stop();
}

async function tellNight(northKv: Kvi, southKv: Kvi, tell: (line: string) => void): Promise<void> {
  const north = new NightShift(northKv);
  const south = new NightShift(southKv);

  const [report] = await Promise.all([
    south.nextReport(),
    north.run(async (signal) => {
      tell('Night. North has the lock.');
      // South's attempt also sees to it that its watch is in place: what a handle writes waits for its watches.
      const southRan = await south.run(() => south.report());
      tell(southRan ? 'South has it too!' : 'South leaves the report to north.');
      await north.report(signal);
    }),
  ]);
  tell(`South reads the report: ${String(report)}.`);

  const counts: string[] = [];
  const countFor = (name: string) => (item: string) => {
    counts.push(name);
    return Promise.resolve(item === 'teapots' ? 8 : 4);
  };
  await Promise.all([north.takeStock(countFor('north')), south.takeStock(countFor('south'))]);
  tell(counts[0] === counts[1] ? 'Both take stock, one after the other.' : 'Both count at the same time!');
}

async function next(audit: AsyncGenerator<string, void>): Promise<string> {
  const {value} = await audit.next();
  return String(value);
}
