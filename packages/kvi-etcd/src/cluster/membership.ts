import {systemClock, type Timer, withDeadline} from 'kvi-core/driver';
import {publish} from '../telemetry/diagnostics.ts';
import {type Endpoint, parseEndpoint, showEndpoint} from './endpoints.ts';
import type {Member as ListedMember} from '../wire/etcd.ts';
import {isReady, type Member, type Members} from './members.ts';

/** Who answers at an endpoint, and what it knows of its cluster. */
export interface Answer {
  clusterId: string;
  memberId: string;
  members: readonly ListedMember[];
}

/** What {@link followMembership} needs. */
export interface MembershipOptions {
  members: Members;
  /** Milliseconds between two looks at the membership. */
  intervalMs: number;
  /** Asks one member for the list of members, one without a leader does not answer. */
  ask: (member: Member) => Promise<Answer>;
  /** Aborts when the handle is closed. */
  closing: AbortSignal;
}

/** How long a new member may take to connect. */
const connectTimeoutMs = 5_000;

/** After a lost connection the membership is looked at after so long: the member may have left the cluster. */
const afterDisconnectMs = 1_000;

/**
 * Follows the membership of the cluster: asks every member that is connected for the list of members, now and then and soon
 * after a connection was lost, and
 * - connects to the addresses that members advertise. Such an address joins the list once it has answered as a member of
 *   the same cluster: what a cluster advertises need not be reachable from here.
 * - lets go of a member that has left the cluster, once another is connected. Who a member is, is known by the id that it
 *   answers with, since it may be reached by another address than it advertises.
 */
export function followMembership({members, intervalMs, ask, closing}: MembershipOptions): void {
  /** The id that answered last at each endpoint. */
  const ids = new Map<Member, string>();
  let timer: Timer | undefined;
  let running = false;
  let lostOne = false;

  function schedule(delayMs: number): void {
    if (closing.aborted) return;
    timer?.cancel();
    timer = systemClock.setTimer(delayMs, () => void run()).unref();
  }

  async function run(): Promise<void> {
    running = true;
    lostOne = false;
    await refresh();
    running = false;
    schedule(lostOne ? afterDisconnectMs : intervalMs);
  }

  async function refresh(): Promise<void> {
    const answers = await askConnected();
    // All who answer have a leader, but one may be a moment behind. Of two lists the longer one is the safer: it keeps a
    // member too long rather than letting go of one too early.
    const [best] = answers.toSorted((a, b) => b.members.length - a.members.length);
    if (best === undefined || closing.aborted) return;
    const listed = new Set(best.members.map(({id}) => id));
    const added = await join(best);
    if (closing.aborted) {
      for (const {connection} of added) connection.close();
      return;
    }
    const mayGo = added.length > 0 || connectedMembers().some((member) => isIn(listed, member));
    const removed = mayGo ? members.list().filter((member) => hasLeft(listed, member)) : [];
    if (added.length === 0 && removed.length === 0) return;
    members.replace(removed, added);
    for (const member of removed) ids.delete(member);
    publish('kvi:etcd:membership', () => ({
      endpoints: members.name,
      added: added.map(({name}) => name),
      removed: removed.map(({name}) => name),
    }));
  }

  async function askConnected(): Promise<Answer[]> {
    const answers = await Promise.all(connectedMembers().map((member) => answerOf(member)));
    return answers.filter((answer) => answer !== undefined);
  }

  function connectedMembers(): Member[] {
    return members.list().filter(isReady);
  }

  async function answerOf(member: Member): Promise<Answer | undefined> {
    try {
      const answer = await ask(member);
      ids.set(member, answer.memberId);
      return answer;
    } catch {
      // It is asked again the next time; calls find out by themselves whether it serves.
      return undefined;
    }
  }

  /** Connects to members that are not reached yet; a learner serves no reads, and who has not started advertises nothing. */
  async function join({clusterId, members: listed}: Answer): Promise<Member[]> {
    const reached = new Set(connectedMembers().map((member) => ids.get(member)));
    const missing = listed.filter(({id, isLearner}) => !isLearner && !reached.has(id));
    const joined = await Promise.all(missing.map((member) => firstToAnswer(member, clusterId)));
    return joined.filter((member) => member !== undefined);
  }

  async function firstToAnswer(
    {id, clientUrls}: ListedMember,
    clusterId: string,
  ): Promise<Member | undefined> {
    for (const endpoint of clientUrls.flatMap(toEndpoint)) {
      // An endpoint of the list that does not answer now need not be connected twice.
      if (members.list().some(({name}) => name === showEndpoint(endpoint))) continue;
      const candidate = members.candidate(endpoint);
      try {
        await withDeadline(systemClock, {timeoutMs: connectTimeoutMs, closing}, (ended) =>
          members.untilReady(candidate, ended),
        );
        const answer = await answerOf(candidate);
        if (answer?.clusterId === clusterId && answer.memberId === id) return candidate;
      } catch {
        // It cannot be reached; the next one may be.
      }
      ids.delete(candidate);
      candidate.connection.close();
    }
    return undefined;
  }

  function isIn(listed: ReadonlySet<string>, member: Member): boolean {
    const id = ids.get(member);
    return id !== undefined && listed.has(id);
  }

  /** Who never answered is not known to have left. */
  function hasLeft(listed: ReadonlySet<string>, member: Member): boolean {
    return ids.has(member) && !isIn(listed, member);
  }

  schedule(0);
  members.onDisconnect(() => {
    if (running) lostOne = true;
    else schedule(afterDisconnectMs);
  });
  closing.addEventListener('abort', () => timer?.cancel(), {once: true});
}

function toEndpoint(url: string): Endpoint[] {
  try {
    return [parseEndpoint(url)];
  } catch {
    // etcd may advertise what is no address of TCP: a unix socket.
    return [];
  }
}
