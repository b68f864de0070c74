/**
 * A client process of the battery: puts a mixed load on one handle and records everything it sees.
 *
 * It prints `ready` and starts, and prints `holding` and `free` when it takes and releases a lock. On the first SIGUSR2 it stops
 * writing, takes what is left of the queue and prints `stopped`. On the second it waits until its watch has seen the last key, closes its handle, prints
 * `closed`, and has to exit by itself. On SIGHUP it blocks its event loop.
 */
import type {SessionLostEvent} from 'kvi';
import {subscribe} from 'node:diagnostics_channel';
import {once} from 'node:events';
import {setTimeout as sleep} from 'node:timers/promises';
import {
  type AddJob,
  blockedMs,
  type Client,
  type HeldLock,
  type JobQueue,
  type QueueItem,
} from './clients/client.ts';
import {openEtcd3} from './clients/etcd3.ts';
import {openKvi} from './clients/kvi.ts';
import {now, recorder, type Hold, type Operation, type Outcome, type TakenJob} from './history.ts';
import {
  counterKey,
  electionName,
  type Exclusive,
  fencedKeys,
  firstCount,
  lastKey,
  lockName,
  missedKey,
  nextCount,
  registerKeys,
  registerPrefix,
  tempKey,
} from './keys.ts';
import {random, type Random} from './random.ts';

const [library, index = '0', seed = '0', file = '', endpoints = ''] = process.argv.slice(2);

/** How long the watch may take to deliver the last key after the last fault. */
const lastKeyMs = 15_000;

const registerWorkers = 4;

const history = recorder(file);
const awake = setInterval(() => undefined, 60_000);
const stopping = new AbortController();
const finishing = once(process, 'SIGUSR2').then(() => {
  stopping.abort();
  return once(process, 'SIGUSR2');
});
let writes = 0;
let sawLast = (): void => undefined;
const lastSeen = new Promise<void>((resolve) => {
  sawLast = resolve;
});

/** A value that is written only once in a run. */
function unique(): string {
  return `${index}.${(writes += 1)}`;
}

/** Runs one operation and records how it ended. */
async function operate<R>(
  client: Client,
  operation: Pick<Operation, 'kind' | 'key' | 'test' | 'value'>,
  run: () => Promise<R>,
): Promise<R | undefined> {
  const start = now();
  try {
    const result = await run();
    const outcome: Outcome = result === false ? 'false' : 'ok';
    const found = operation.kind === 'get' && typeof result === 'string' ? {value: result} : {};
    history.record({type: 'operation', ...operation, ...found, start, end: now(), outcome});
    return result;
  } catch (error) {
    const outcome = operation.kind !== 'get' && client.mayHaveBeenApplied(error) ? 'unknown' : 'failed';
    history.record({type: 'operation', ...operation, start, end: now(), outcome, error: describe(error)});
    return undefined;
  }
}

async function useRegisters(client: Client, chance: Random): Promise<void> {
  const known = new Map<string, string | undefined>();
  while (!stopping.signal.aborted) {
    await sleep(chance.between(10, 60));
    const key = chance.pick(registerKeys);
    const test = known.get(key) ?? null;
    const value = unique();
    const what = chance.integer(10);
    if (what < 4) {
      const before = known.get(key);
      const found = await operate(client, {kind: 'get', key}, () => client.get(key));
      known.set(key, found ?? before);
    } else if (what < 5) {
      await operate(client, {kind: 'put', key, value}, () => client.put(key, value));
    } else if (what < 7 && test !== null) {
      await transact(client, key, test, value);
    } else {
      const done = await operate(client, {kind: 'cas', key, test, value}, () => client.cas(key, test, value));
      if (done === true) known.set(key, value);
    }
  }
}

/** Runs a transaction on two keys, and records it as an operation on each. */
async function transact(client: Client, key: string, test: string, value: string): Promise<void> {
  const other = missedKey(key);
  const otherValue = unique();
  const start = now();
  let outcome: Outcome;
  let otherOutcome: Outcome;
  let error: {error?: string} = {};
  try {
    const result = await client.transaction(key, test, value, other, otherValue);
    outcome = result ? 'ok' : 'false';
    otherOutcome = result ? 'false' : 'ok';
  } catch (thrown) {
    outcome = otherOutcome = client.mayHaveBeenApplied(thrown) ? 'unknown' : 'failed';
    error = {error: describe(thrown)};
  }
  const times = {start, end: now(), ...error};
  history.record({type: 'operation', kind: 'cas', key, test, value, outcome, ...times});
  history.record({
    type: 'operation',
    kind: 'put',
    key: other,
    value: otherValue,
    outcome: otherOutcome,
    ...times,
  });
}

/** Counts up with `cas`, as one does with numbers in etcd. */
async function count(client: Client, chance: Random): Promise<void> {
  const key = counterKey;
  while (!stopping.signal.aborted) {
    await sleep(chance.between(20, 100));
    const test = await operate(client, {kind: 'get', key}, () => client.get(key));
    const value = test === undefined ? firstCount(unique()) : nextCount(test, unique());
    await operate(client, {kind: 'cas', key, test: test ?? null, value}, () =>
      client.cas(key, test ?? null, value),
    );
  }
}

/** @param take - waits for the lock, or to lead */
async function takeTurns(
  client: Client,
  what: Exclusive,
  take: () => Promise<HeldLock | undefined>,
  chance: Random,
): Promise<void> {
  while (!stopping.signal.aborted) {
    await sleep(chance.between(10, 100));
    const held = await take().catch(() => undefined);
    if (held === undefined) continue;
    const acquired = now();
    if (what === 'lock') console.log('holding');
    const holdMs = chance.integer(4) === 0 ? chance.between(500, 2_000) : chance.between(20, 200);
    const beliefs = await hold(client, fencedKeys[what], held, acquired + holdMs, chance);
    const knewOfLoss = held.isToldLost() || !held.isHeld();
    if (what === 'lock') console.log('free');
    const wasHeld = await held.release().catch(() => true);
    history.record({
      type: 'hold',
      what,
      ...(held.token !== undefined && {token: held.token}),
      acquired,
      ...beliefs,
      lost: knewOfLoss || !wasHeld,
    });
  }
}

/** Works under a lock, or as the leader, until a moment, or until both `isHeld` and the signal say that it is lost. */
async function hold(
  client: Client,
  fencedKey: string,
  held: HeldLock,
  until: number,
  chance: Random,
): Promise<Pick<Hold, 'lastHeld' | 'lastUntold'>> {
  let lastHeld = 0;
  let lastUntold = 0;
  for (;;) {
    // Taken before we ask: a process that is stopped in between believes nothing meanwhile.
    const asked = now();
    const isToldLost = held.isToldLost();
    const isHeld = held.isHeld();
    if (isHeld) lastHeld = asked;
    if (!isToldLost) lastUntold = asked;
    const isLost = isToldLost && !isHeld;
    if (isLost || asked > until || stopping.signal.aborted) return {lastHeld, lastUntold};
    const {token, guardedPut} = held;
    if (token !== undefined && guardedPut !== undefined && chance.integer(5) === 0) {
      const value = `${token} ${unique()}`;
      await operate(client, {kind: 'put', key: fencedKey, value}, () => guardedPut(fencedKey, value));
    } else {
      await sleep(10);
    }
  }
}

async function produce(client: Client, jobs: JobQueue, chance: Random): Promise<void> {
  while (!stopping.signal.aborted) {
    await sleep(chance.between(20, 150));
    const value = unique();
    const how = {delaySeconds: 2 * Number(chance.integer(10) === 0), isKnownAgain: chance.integer(2) === 0};
    const start = now();
    let outcome = await add(client, jobs, value, how);
    for (let again = 0; again < 3 && how.isKnownAgain && outcome === 'unknown'; again += 1) {
      outcome = await add(client, jobs, value, how, outcome);
    }
    history.record({type: 'added', value, outcome, start, delaySeconds: how.delaySeconds});
  }
}

/** @param before - how it ended the last time, if it was added before: a call that fails leaves it as it was */
async function add(
  client: Client,
  jobs: JobQueue,
  value: string,
  how: AddJob,
  before: Outcome = 'failed',
): Promise<Outcome> {
  try {
    if (await jobs.add(value, how)) return 'ok';
    return before === 'unknown' ? before : 'false';
  } catch (error) {
    return client.mayHaveBeenApplied(error) ? 'unknown' : before;
  }
}

/** Works on jobs until it is to stop, and none is left. */
async function consume(client: Client, jobs: JobQueue, chance: Random): Promise<void> {
  for (;;) {
    const items = await jobs.take(chance.pick([1, 1, 3])).catch(() => sleep(20, []));
    await Promise.all(items.map((item) => workOn(client, item, chance)));
    if (items.length > 0) continue;
    if (stopping.signal.aborted && (await jobs.depth().catch(() => 1)) === 0) return;
  }
}

async function workOn(client: Client, item: QueueItem, chance: Random): Promise<void> {
  const taken = now();
  const until = taken + (chance.integer(10) === 0 ? chance.between(500, 3_000) : chance.between(5, 60));
  let lastUntold = 0;
  for (;;) {
    // Taken before we ask: a process that is stopped in between believes nothing meanwhile.
    const asked = now();
    if (!item.isToldLost()) lastUntold = asked;
    if (asked > until) break;
    await sleep(5);
  }
  const outcome = await endItem(client, item, chance.integer(12));
  history.record({type: 'job', value: item.value, token: item.token, taken, lastUntold, outcome});
}

async function endItem(client: Client, item: QueueItem, how: number): Promise<TakenJob['outcome']> {
  try {
    if (how < 2) return (await item.putBack(how)) ? 'put back' : 'lost';
    return (await item.ack()) ? 'acked' : 'lost';
  } catch (error) {
    await item.putBack(0).catch(() => undefined);
    return client.mayHaveBeenApplied(error) ? 'unknown' : 'failed';
  }
}

function watch(client: Client): void {
  client.watch(registerPrefix, {
    started: (from) => history.record({type: 'watchStarted', from}),
    changed: (key, value, revision) => {
      history.record({type: 'watched', key, ...(value !== undefined && {value}), revision});
      if (key === lastKey) sawLast();
    },
    failed: (error) => history.record({type: 'watchEnded', error: describe(error)}),
  });
}

function describe(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? `${String(error.code)}: ` : '';
  return `${code}${String(error)}`;
}

subscribe('kvi:session-lost', (message) => {
  const {lease, ttlSeconds, silentMs, reason} = message as SessionLostEvent;
  if (reason === 'gone' && silentMs < ttlSeconds * 1_000)
    history.record({type: 'leaseEnded', lease, silentMs});
});
const client = await (library === 'kvi' ? openKvi : openEtcd3)(endpoints.split(','), Number(index));
const chance = random(Number(seed) * 1_000 + Number(index));
const {lead, jobs} = client;
await client.tempKey(tempKey(index));
watch(client);
process.on('SIGHUP', () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockedMs);
});
console.log('ready');
await Promise.all([
  ...Array.from({length: registerWorkers}, () => useRegisters(client, random(chance.integer(2 ** 32)))),
  count(client, random(chance.integer(2 ** 32))),
  takeTurns(client, 'lock', () => client.lock(lockName), random(chance.integer(2 ** 32))),
  jobs && produce(client, jobs, random(chance.integer(2 ** 32))),
  jobs && consume(client, jobs, random(chance.integer(2 ** 32))),
  jobs && consume(client, jobs, random(chance.integer(2 ** 32))),
  lead && takeTurns(client, 'leadership', () => lead(electionName), random(chance.integer(2 ** 32))),
]);
console.log('stopped');
await finishing;
await Promise.race([lastSeen, sleep(lastKeyMs, undefined, {ref: false})]);
clearInterval(awake);
await client.close();
history.record({type: 'closed', at: now()});
history.flush();
console.log('closed');
