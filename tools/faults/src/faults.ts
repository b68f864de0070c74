/** Inflicts faults on a cluster and its clients, and repairs them. */
import {setTimeout as sleep} from 'node:timers/promises';
import {at, type Arena, type Member} from './arena.ts';
import type {ClientProcess} from './client-process.ts';
import {blockedMs} from './clients/client.ts';
import {call, callAny} from './gateway.ts';
import {now} from './history.ts';
import type {FaultKind, PlannedFault} from './schedule.ts';
import type {Truth} from './truth.ts';

/** A fault that happened. */
export interface Fault {
  kind: FaultKind;
  /** Milliseconds, as {@link now} counts them. */
  start: number;
  end: number;
  /** The client that was stopped or blocked, if one was. */
  client?: number;
}

/** What faults happen to. */
export interface Victims {
  arena: Arena;
  clients: readonly ClientProcess[];
  truth: Truth;
}

/** How long a leader that flickers runs, in milliseconds. */
const flickerMs = 30;

/** How long to wait for a client to hold a lock. */
const holderMs = 5_000;

/** Inflicts one fault, and resolves when everything works again. */
export async function happen(fault: PlannedFault, victims: Victims): Promise<Fault> {
  await sleep(fault.afterMs);
  const client = await chooseClient(fault, victims.clients);
  const target = await chooseMember(fault, victims.arena);
  const start = now();
  await inflict(fault, target, client, victims);
  const end = now();
  await victims.arena.untilReady();
  return {kind: fault.kind, start, end, ...(client && {client: client.index})};
}

async function chooseMember({kind, choice}: PlannedFault, arena: Arena): Promise<number> {
  if (kind.endsWith(' leader')) return arena.leader();
  if (kind.endsWith(' follower')) return ((await arena.leader()) + 1 + (choice % 2)) % arena.members.length;
  return choice % arena.members.length;
}

async function chooseClient(
  {kind, choice}: PlannedFault,
  clients: readonly ClientProcess[],
): Promise<ClientProcess | undefined> {
  if (kind === 'stop client' || kind === 'block event loop') return at(clients, choice);
  if (kind !== 'stop lock holder') return undefined;
  const deadline = now() + holderMs;
  for (;;) {
    const holder = clients.find(({isHolding}) => isHolding);
    if (holder !== undefined) return holder;
    if (now() > deadline) return at(clients, choice);
    await sleep(1);
  }
}

async function inflict(
  {kind, lastsMs, choice}: PlannedFault,
  target: number,
  client: ClientProcess | undefined,
  {arena, truth}: Victims,
): Promise<void> {
  const member = at(arena.members, target);
  const {node, proxy} = member;
  switch (kind) {
    case 'cut one connection':
      proxy.cut();
      return;
    case 'cut all connections':
      for (const each of arena.members) each.proxy.cut();
      return;
    case 'delay':
      proxy.delay(50 + choice * 5);
      await sleep(lastsMs);
      proxy.delay(0);
      return;
    case 'freeze one network':
      return freeze([member], lastsMs);
    case 'freeze all networks':
      return freeze(arena.members, lastsMs);
    case 'swallow requests':
    case 'swallow answers':
      proxy.swallow(kind === 'swallow requests' ? 'toServer' : 'toClient');
      await sleep(lastsMs);
      // A connection with lost bytes cannot go on.
      proxy.cut();
      proxy.swallow();
      return;
    case 'refuse':
      proxy.refuse();
      proxy.cut();
      await sleep(lastsMs);
      await proxy.accept();
      return;
    case 'kill leader':
    case 'kill follower':
      node.signal('SIGKILL');
      await sleep(lastsMs);
      await node.restart();
      return;
    case 'stop leader':
    case 'stop follower':
      node.signal('SIGSTOP');
      await sleep(lastsMs);
      node.signal('SIGCONT');
      return;
    case 'flicker leader':
      // It runs for a moment in between, when another leads by then, and answers what waited for it.
      node.signal('SIGSTOP');
      await sleep(lastsMs / 2);
      node.signal('SIGCONT');
      await sleep(flickerMs);
      node.signal('SIGSTOP');
      await sleep(lastsMs / 2);
      node.signal('SIGCONT');
      return;
    case 'change address':
      // The address leads to another member, as a name does that was changed.
      proxy.redirect(at(arena.members, target + 1).node.endpoint);
      proxy.cut();
      await sleep(lastsMs);
      proxy.redirect(node.endpoint);
      proxy.cut();
      return;
    case 'run out of space':
      // The alarm that etcd raises when its quota is reached.
      await callAny(arena.endpoints, 'maintenance/alarm', {
        action: 'ACTIVATE',
        alarm: 'NOSPACE',
        memberID: '1',
      });
      await sleep(lastsMs);
      await callAny(arena.endpoints, 'maintenance/alarm', {
        action: 'DEACTIVATE',
        alarm: 'NOSPACE',
        memberID: '1',
      });
      return;
    case 'restore snapshot':
      return restoreSnapshot(arena, await arena.leader(), lastsMs);
    case 'isolate leader':
    case 'isolate follower':
      arena.peers.isolate(target);
      await sleep(lastsMs);
      arena.peers.heal();
      return;
    case 'compact':
      // Watches through this proxy fall behind, and what they missed is compacted when they resume.
      proxy.swallow('toClient');
      await sleep(lastsMs);
      await compact(arena, truth);
      proxy.cut();
      proxy.swallow();
      return;
    case 'stop client':
    case 'stop lock holder':
      client?.signal('SIGSTOP');
      await sleep(lastsMs);
      client?.signal('SIGCONT');
      return;
    case 'block event loop':
      client?.signal('SIGHUP');
      await sleep(blockedMs);
      return;
  }
}

async function freeze(members: readonly Member[], lastsMs: number): Promise<void> {
  for (const {proxy} of members) proxy.freeze();
  await sleep(lastsMs);
  for (const {proxy} of members) proxy.thaw();
}

/**
 * Restores the cluster from a snapshot of what it holds, so that nothing that was acknowledged is lost. The snapshot is the
 * leader's, which has everything that was agreed on; without the others, nothing more is.
 */
async function restoreSnapshot({members}: Arena, leader: number, lastsMs: number): Promise<void> {
  for (const {proxy} of members) {
    proxy.refuse();
    proxy.cut();
  }
  const {node} = at(members, leader);
  for (const other of members) if (other.node !== node) other.node.signal('SIGKILL');
  await sleep(lastsMs);
  const snapshot = await node.snapshot();
  node.signal('SIGKILL');
  await Promise.all(members.map((member) => member.node.restartFrom(snapshot)));
  for (const {proxy} of members) await proxy.accept();
}

/**
 * Compacts up to what the harness itself has seen, as the truth must not have gaps. Asks every member, as one may be down; all but
 * the first refuse.
 */
async function compact({endpoints}: Arena, {revision}: Truth): Promise<void> {
  await Promise.allSettled(endpoints.map((endpoint) => call(endpoint, 'kv/compaction', {revision})));
}
