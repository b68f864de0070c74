/** One run of the battery on one library: load, faults, an end in peace, and what the checker makes of it. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {openArena, type Arena} from './arena.ts';
import {check, type Report} from './checker/check.ts';
import {startClient, type ClientProcess, type Library} from './client-process.ts';
import {ttlSeconds} from './clients/client.ts';
import {happen, type Fault} from './faults.ts';
import {allKeys, callAny, decode, encode} from './gateway.ts';
import {readHistory} from './history.ts';
import {isDataKey, lastKey, lockName, tempPrefix} from './keys.ts';
import {schedule} from './schedule.ts';
import {watchTruth} from './truth.ts';

export interface BatteryOptions {
  library: Library;
  minutes: number;
  seed: number;
}

const clientCount = 3;

/** What the clients left behind when all of them had closed and their leases' time was over. */
export interface Leaks {
  leases: number;
  lockKeys: number;
  tempKeys: number;
  /** Those that the battery does not know, and the library made for itself. */
  otherKeys: number;
  /** Processes that a timer or a socket kept from ending. */
  processes: number;
}

/** Runs the battery. Everything that it started is gone when it is over, however it ends. */
export async function runBattery({library, minutes, seed}: BatteryOptions): Promise<Report> {
  const arena = await openArena();
  const folder = await mkdtemp(join(tmpdir(), 'kvi-faults-'));
  const truth = watchTruth(arena.endpoints);
  const clients: ClientProcess[] = [];
  try {
    for (let index = 0; index < clientCount; index += 1) {
      const file = join(folder, `${index}.jsonl`);
      // Each with another member first, so that every member has clients to fail.
      const endpoints = [...arena.proxied.slice(index % 3), ...arena.proxied.slice(0, index % 3)];
      clients.push(await startClient(library, index, seed, file, endpoints));
    }
    const faults: Fault[] = [];
    for (const planned of schedule(seed, minutes)) {
      faults.push(await happen(planned, {arena, clients, truth}));
    }
    const problems: string[] = [];
    await step(clients, 'stopped', problems);
    await callAny(arena.endpoints, 'kv/put', {key: encode(lastKey), value: encode('last')});
    await step(clients, 'closed', problems);
    const ended = await Promise.all(clients.map((client) => client.end()));
    const leaks = {...(await findLeaks(arena)), processes: ended.filter((itself) => !itself).length};
    await truth.complete();
    const histories = clients.map(({file, index}) => readHistory(file, index));
    return check({histories, events: truth.events, faults, leaks, problems});
  } finally {
    await Promise.all(clients.map((client) => client.kill()));
    truth.close();
    await arena.close();
    await rm(folder, {recursive: true, force: true});
  }
}

/** Has all clients do a step; one that cannot is a problem to report, and the others go on. */
async function step(
  clients: readonly ClientProcess[],
  name: 'stopped' | 'closed',
  problems: string[],
): Promise<void> {
  const results = await Promise.allSettled(clients.map((client) => client.step(name)));
  for (const result of results) if (result.status === 'rejected') problems.push(String(result.reason));
}

/** Waits until nothing is left, at most until every lease that was left alone has ended. */
async function findLeaks({endpoints}: Arena): Promise<Omit<Leaks, 'processes'>> {
  const deadline = performance.now() + (2 * ttlSeconds + 1) * 1_000;
  for (;;) {
    const leases = await callAny<{leases?: unknown[]}>(endpoints, 'lease/leases');
    const {kvs = []} = await callAny<{kvs?: {key: string}[]}>(endpoints, 'kv/range', {
      ...allKeys,
      keys_only: true,
    });
    const keys = kvs.map(({key}) => decode(key)).filter((key) => !isDataKey(key));
    const [lockKeys, tempKeys] = [lockName, tempPrefix].map(
      (prefix) => keys.filter((key) => key.startsWith(prefix)).length,
    );
    const leaks = {
      leases: leases.leases?.length ?? 0,
      lockKeys: lockKeys ?? 0,
      tempKeys: tempKeys ?? 0,
      otherKeys: keys.length - (lockKeys ?? 0) - (tempKeys ?? 0),
    };
    if (Object.values(leaks).every((count) => count === 0) || performance.now() > deadline) return leaks;
    await sleep(200);
  }
}
