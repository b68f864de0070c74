/** What can be done to a cluster and its clients, and how it is made good again. */
import {setTimeout as sleep} from 'node:timers/promises';
import {at, type Arena, type Member} from './arena.ts';
import type {ClientProcess} from './client-process.ts';
import {call} from './gateway.ts';
import {now} from './history.ts';
import type {FaultKind, PlannedFault} from './schedule.ts';
import type {Truth} from './truth.ts';

/** A fault that happened. */
export interface Fault {
  kind: FaultKind;
  /** Milliseconds on the clock of {@link now}. */
  start: number;
  end: number;
  /** The client that was stopped, if it was one. */
  client?: number;
}

/** What faults happen to. */
export interface Victims {
  arena: Arena;
  clients: readonly ClientProcess[];
  truth: Truth;
}

/** How long to wait for a client that holds a lock. */
const holderMs = 5_000;

/** Lets one fault happen, from its beginning to the moment at which everything works again. */
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
  if (kind === 'stop client') return at(clients, choice);
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
      // What was lost cannot come again: only another connection goes on.
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
    case 'isolate leader':
    case 'isolate follower':
      arena.peers.isolate(target);
      await sleep(lastsMs);
      arena.peers.heal();
      return;
    case 'compact':
      // Watches through this proxy fall behind, and what they miss is gone when they come back.
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
  }
}

async function freeze(members: readonly Member[], lastsMs: number): Promise<void> {
  for (const {proxy} of members) proxy.freeze();
  await sleep(lastsMs);
  for (const {proxy} of members) proxy.thaw();
}

/**
 * Not beyond what the harness itself has seen, or there would be no truth to compare with. All members are asked, for one
 * of them may be gone; those that come second refuse.
 */
async function compact({endpoints}: Arena, {revision}: Truth): Promise<void> {
  await Promise.allSettled(endpoints.map((endpoint) => call(endpoint, 'kv/compaction', {revision})));
}
