import {
  type Bytes,
  type Driver,
  type DriverWatch,
  type Event,
  isKviError,
  type TxnRequest,
} from 'kvi-core/driver';
import type {EtcdDiagnostics} from 'kvi-etcd';
import type {Etcd} from 'kvi-testbed';
import {subscribe, unsubscribe} from 'node:diagnostics_channel';

export function bytes(text: string): Bytes {
  return Buffer.from(text);
}

export function text(value: Bytes): string {
  return Buffer.from(value).toString();
}

export function put(key: string, value = 'v'): TxnRequest<Bytes> {
  return {success: [{type: 'put', key: bytes(key), value: bytes(value)}]};
}

export async function read(driver: Driver, key: string): Promise<string | undefined> {
  const {kvs} = await driver.range({key: bytes(key)});
  return kvs[0] && text(kvs[0].value);
}

/** Takes events until there are so many. */
export async function take(watch: DriverWatch, count: number): Promise<Event<Bytes>[]> {
  const events: Event<Bytes>[] = [];
  while (events.length < count) {
    const result = await watch.next();
    if (result.done === true) throw new Error(`the watch ended after ${String(events.length)} events`);
    events.push(...result.value.events);
  }
  return events;
}

/** The error that a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('expected a failure');
    },
    (error: unknown) => error,
  );
}

/** Repeats what only could not reach the server, as the caller of a driver does. */
export async function untilAvailable<R>(call: () => Promise<R>): Promise<R> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isKviError(error, 'KVI_UNAVAILABLE')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/**
 * Puts a value in the course of an election, in which etcd may lose the answer. A put that is sent twice is applied once,
 * because it compares first; so watches see one event.
 */
export async function putOnce(driver: Driver, key: string, value: string): Promise<void> {
  const request: TxnRequest<Bytes> = {
    compare: [{key: bytes(key), target: 'value', result: '=', value: bytes(value)}],
    failure: [{type: 'put', key: bytes(key), value: bytes(value)}],
  };
  for (;;) {
    try {
      await untilAvailable(() => driver.txn(request));
      return;
    } catch (error) {
      if (!isKviError(error, 'KVI_UNKNOWN_OUTCOME')) throw error;
    }
  }
}

/** Waits for what has no event of its own. */
export async function until(condition: () => boolean, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline)
      throw new Error(`not within ${String(timeoutMs)} ms: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What is published on one channel from now on, until it is disposed of. */
export function recordDiagnostics<Name extends keyof EtcdDiagnostics>(
  name: Name,
): Disposable & {messages: EtcdDiagnostics[Name][]} {
  const messages: EtcdDiagnostics[Name][] = [];
  const record = (message: unknown): void => {
    messages.push(message as EtcdDiagnostics[Name]);
  };
  subscribe(name, record);
  return {
    messages,
    [Symbol.dispose]() {
      unsubscribe(name, record);
    },
  };
}

/** The member that leads. */
export async function leaderOf(nodes: readonly Etcd[]): Promise<Etcd> {
  const leads = await Promise.all(nodes.map((node) => metric(node, 'etcd_server_is_leader')));
  const found = nodes[leads.indexOf(1)];
  if (found === undefined) throw new Error('no member leads');
  return found;
}

/** One number of what a member measures. */
export async function metric({url}: Etcd, name: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(metrics)?.[1]);
}

/** Waits, by etcd's own clock, until a lease of `ttlSeconds` has expired and its key is gone. */
export async function untilLeaseExpired(driver: Driver, key: string, ttlSeconds: number): Promise<void> {
  const {id} = await driver.leaseGrant({ttlSeconds});
  const {revision} = await driver.txn({
    success: [{type: 'put', key: bytes(key), value: bytes(''), lease: id}],
  });
  const watch = driver.watch({key: bytes(key), startRevision: revision + 1, filters: ['noput']});
  await take(watch, 1);
  await watch.return();
}
