/** Helpers of the facade's cases. */
import assert from 'node:assert/strict';
import {setTimeout as pause} from 'node:timers/promises';
import type {Change, Changes, ChangeSet, Keys, Kvi} from 'kvi-core';
import {
  type Driver,
  isKviError,
  type KviError,
  type KviErrorCode,
  type LeaseId,
  type RequestOp,
} from 'kvi-core/driver';
import type {CaseContext} from '../suite.ts';

/** How long a promised event may take, in milliseconds. Long, since only a broken promise takes this long. */
const patienceMs = 15_000;

/**
 * Asserts that a call fails with a code.
 *
 * @param promise - the promise, as a sentence
 */
export async function assertFails(
  code: KviErrorCode,
  call: () => unknown,
  promise: string,
): Promise<KviError> {
  let result: unknown;
  try {
    result = await soon(Promise.resolve(call()), promise);
  } catch (error) {
    assert.ok(isKviError(error, code), `${promise}: expected ${code}, got ${String(error)}`);
    assert.notEqual(error.message, '', `${promise}: an error says what was wrong`);
    return error;
  }
  return assert.fail(`${promise}: expected ${code}, but the call succeeded with ${JSON.stringify(result)}`);
}

/** Waits for a promised event, and fails with the broken promise if it does not come. */
export async function soon<T>(coming: Promise<T>, promise: string): Promise<T> {
  const given = new AbortController();
  const late = pause(patienceMs, undefined, {signal: given.signal}).then(() =>
    assert.fail(`${promise}: it did not happen within ${String(patienceMs)} ms`),
  );
  late.catch(() => undefined);
  try {
    return await Promise.race([coming, late]);
  } finally {
    given.abort();
  }
}

/** Polls until `holds` returns true, for what no event announces. */
export async function eventually(holds: () => Promise<boolean>, promise: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `${promise}: it did not happen in ${String(patienceMs)} ms`);
    await pause(5);
  }
}

/** Waits for a signal to abort. */
export async function abortOf(signal: AbortSignal, promise: string): Promise<void> {
  if (signal.aborted) return;
  await soon(new Promise((resolve) => signal.addEventListener('abort', resolve, {once: true})), promise);
}

/** The next `count` changes, from any number of sets. */
export async function takeChanges(changes: Changes, count: number, promise: string): Promise<Change[]> {
  const taken: Change[] = [];
  while (taken.length < count) taken.push(...(await takeSet(changes, promise)).events);
  return taken;
}

/** The next change set. */
export async function takeSet(changes: Changes, promise: string): Promise<ChangeSet> {
  const {value, done} = await soon(changes.next(), promise);
  if (done === true) assert.fail(`${promise}: the changes ended`);
  return value;
}

/** Starts watching, and waits until the watch is created. */
export async function changesFrom(kv: Kvi, ...args: Parameters<Kvi['changes']>): Promise<Changes> {
  const changes = kv.changes(...args);
  await soon(changes.created, 'a watch is in place soon');
  return changes;
}

/** Changes in a short notation, `put a=1`, `delete b`, with keys as the case names them. */
export function describeChanges(changes: readonly Change[], prefix: string): string[] {
  return changes.map(({type, key, value}) =>
    type === 'put' ? `put ${key.slice(prefix.length)}=${value}` : `delete ${key.slice(prefix.length)}`,
  );
}

/** Key-values in a short notation, `a=1`. */
export async function contents(kv: Kvi, {prefix}: Pick<CaseContext, 'prefix'>, keys: Keys = {prefix}) {
  const kvs = await kv.getRange(keys);
  return kvs.map(({key, value}) => `${key.slice(prefix.length)}=${value}`);
}

/** The keys of the case, without its prefix. */
export async function keysOf(kv: Kvi, context: Pick<CaseContext, 'prefix'>): Promise<string[]> {
  const kvs = await kv.getRange({prefix: context.prefix}, {keysOnly: true});
  return kvs.map(({key}) => key.slice(context.prefix.length));
}

/** The lease of a key. */
export async function leaseOf(kv: Kvi, key: string): Promise<LeaseId | undefined> {
  const [found] = await kv.getRange(key);
  return found?.lease;
}

/** Grants a lease, which the case has to revoke. */
export async function grantLease(driver: Driver): Promise<LeaseId> {
  const {id} = await driver.leaseGrant({ttlSeconds: 60});
  return id;
}

/** The TTL of what has to outlive it. Not the smallest: a loaded machine may take a second to send a keepalive. */
export const shortTtlSeconds = 2;

/**
 * Resolves when a lease of {@link shortTtlSeconds} has expired without keepalives, which proves that the time has passed.
 */
export async function untilLeaseExpired(driver: Driver, key: string): Promise<void> {
  const {id} = await driver.leaseGrant({ttlSeconds: shortTtlSeconds});
  const {revision} = await driver.txn({
    success: [{type: 'put', key: Buffer.from(key), value: Buffer.alloc(0), lease: id}],
  });
  const watch = driver.watch({key: Buffer.from(key), startRevision: revision + 1, filters: ['noput']});
  await soon(watch.next(), 'a lease that nobody keeps alive expires');
  await watch.return();
}

/** An operation that puts a key. */
export function put(key: string, value = 'v'): RequestOp<string> {
  return {type: 'put', key, value};
}

/** Stores keys, each with its name in capitals as its value. */
export async function storeAll(
  kv: Kvi,
  {key}: Pick<CaseContext, 'key'>,
  names: readonly string[],
): Promise<void> {
  for (const name of names) await kv.store(key(name), name.toUpperCase());
}

/** The values of key-values, in order. */
export function values(kvs: readonly {value: string}[]): string[] {
  return kvs.map(({value}) => value);
}
