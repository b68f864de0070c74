/** One run of the battery on one library: load, faults, a quiet end, and the checker's verdict. */
import type {Release} from 'kvi-testbed/programs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {openArena} from './arena.ts';
import {check, type Report} from './checker/check.ts';
import {startClient, type ClientProcess, type Library} from './client-process.ts';
import {happen, type Fault} from './faults.ts';
import {callAny, encode} from './gateway.ts';
import {readHistory} from './history.ts';
import {lastKey} from './keys.ts';
import {findLeaks} from './leaks.ts';
import {type FaultKind, schedule} from './schedule.ts';
import {watchTruth} from './truth.ts';

export interface BatteryOptions {
  library: Library;
  minutes: number;
  seed: number;
  /** Default: all. */
  kinds?: readonly FaultKind[] | undefined;
  /** The Debian release whose etcd it runs. Default: as for any test. */
  release?: Release | undefined;
}

const clientCount = 3;

/** Runs the battery. However it ends, nothing that it started is left. */
export async function runBattery({library, minutes, seed, kinds, release}: BatteryOptions): Promise<Report> {
  const arena = await openArena(release);
  const folder = await mkdtemp(join(tmpdir(), 'kvi-faults-'));
  const truth = watchTruth(arena.endpoints);
  const clients: ClientProcess[] = [];
  try {
    for (let index = 0; index < clientCount; index += 1) {
      const file = join(folder, `${index}.jsonl`);
      // Each client starts on a different member, so that every member has clients to fail.
      const endpoints = [...arena.proxied.slice(index % 3), ...arena.proxied.slice(0, index % 3)];
      clients.push(await startClient(library, index, seed, file, endpoints));
    }
    const faults: Fault[] = [];
    for (const planned of schedule(seed, minutes, kinds)) {
      faults.push(await happen(planned, {arena, clients, truth}));
    }
    const problems: string[] = [];
    await step(clients, 'stopped', problems);
    await callAny(arena.endpoints, 'kv/put', {key: encode(lastKey), value: encode('last')});
    await step(clients, 'closed', problems);
    const ended = await Promise.all(clients.map((client) => client.end()));
    const stuckClients = ended.filter((exited) => !exited).length;
    const leaks = await findLeaks(arena.endpoints);
    await truth.complete();
    const histories = clients.map(({file, index}) => readHistory(file, index));
    return check({histories, events: truth.events, faults, leaks, stuckClients, problems});
  } finally {
    await Promise.all(clients.map((client) => client.kill()));
    truth.close();
    await arena.close();
    await rm(folder, {recursive: true, force: true});
  }
}

/** Has all clients take a step. A client that fails to is reported as a problem; the others go on. */
async function step(
  clients: readonly ClientProcess[],
  name: 'stopped' | 'closed',
  problems: string[],
): Promise<void> {
  const results = await Promise.allSettled(clients.map((client) => client.step(name)));
  for (const result of results) if (result.status === 'rejected') problems.push(String(result.reason));
}
