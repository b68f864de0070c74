import type {Bytes, Driver, DriverWatch, Event, RequestOp, TxnResponse, WatchResponse} from 'kvi-core/driver';

export function bytes(text: string): Bytes {
  return Buffer.from(text);
}

export function text(value: Bytes): string {
  return Buffer.from(value).toString();
}

/** Puts a key and tells the revision. */
export async function put(driver: Driver, key: string, value: string, lease?: string): Promise<number> {
  const {revision} = await txnOf(driver, {type: 'put', key: bytes(key), value: bytes(value), lease});
  return revision;
}

export function txnOf(driver: Driver, ...success: RequestOp<Bytes>[]): Promise<TxnResponse<Bytes>> {
  return driver.txn({success});
}

export async function get(driver: Driver, key: string, revision?: number): Promise<string | undefined> {
  const {kvs} = await driver.range({key: bytes(key), revision});
  return kvs[0] && text(kvs[0].value);
}

/**
 * Milliseconds that the processor works on it, which other processes do not add to. How many depends on the machine: compare
 * them with another cost, not with a number.
 */
export async function cost(run: () => void | Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const {user, system} = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** `put k=v@7` or `delete k@7`. */
export function describeEvent({type, kv}: Event<Bytes>): string {
  const what = type === 'put' ? `${text(kv.key)}=${text(kv.value)}` : text(kv.key);
  return `${type} ${what}@${String(kv.modRevision)}`;
}

/** The next response. */
export async function next(watch: DriverWatch): Promise<WatchResponse<Bytes>> {
  const result: IteratorResult<WatchResponse<Bytes>, undefined> = await watch.next();
  if (result.done === true) throw new Error('the watch has ended');
  return result.value;
}

/** The events of the next response. */
export async function nextEvents(watch: DriverWatch): Promise<string[]> {
  const {events} = await next(watch);
  return events.map(describeEvent);
}
