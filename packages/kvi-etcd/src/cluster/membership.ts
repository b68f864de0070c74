import {systemClock, type Timer, withDeadline} from 'kvi-core/driver';
import {publish} from '../telemetry/diagnostics.ts';
import {type Endpoint, parseEndpoint, showEndpoint} from './endpoints.ts';
import type {Member as ListedMember} from 'kvi-wire';
import {isReady, type Member, type Members} from './members.ts';

/** What a member says about itself and its cluster. */
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
  /** Asks a member for the list of members; a member without a leader does not answer. */
  ask: (member: Member) => Promise<Answer>;
  /** Aborts when the handle is closed. */
  closing: AbortSignal;
}

/** How long a new member may take to connect. */
const connectTimeoutMs = 5_000;

/** The delay before asking again after a connection was lost: the member may have left the cluster. */
const afterDisconnectMs = 1_000;

/**
 * Follows the membership of the cluster. Asks every connected member for the list of members, at intervals and soon after
 * a connection was lost, and
 * - connects to the addresses that members advertise. An address is used once it has answered as a member of the same
 *   cluster: advertised addresses need not be reachable from here.
 * - drops a member that has left the cluster once another is connected. Members are identified by the id in their answers,
 *   because a member may be reached at an address that it does not advertise.
 */
export function followMembership({members, intervalMs, ask, closing}: MembershipOptions): void {
  /** The id that last answered at each endpoint. */
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
    // Every member that answers has a leader, but may be a moment behind. The longest list is the safest: it may keep a
    // member too long, but drops none too early.
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
      // It is asked again next time; calls find out by themselves whether it serves.
      return undefined;
    }
  }

  /** Connects to new members. Learners serve no reads, and a member that has not started advertises no address. */
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
      // It is in the list already, even if it does not answer now.
      if (members.list().some(({name}) => name === showEndpoint(endpoint))) continue;
      const candidate = members.candidate(endpoint);
      try {
        await withDeadline(systemClock, {timeoutMs: connectTimeoutMs, closing}, (ended) =>
          members.untilReady(candidate, ended),
        );
        const answer = await answerOf(candidate);
        if (answer?.clusterId === clusterId && answer.memberId === id) return candidate;
      } catch {
        // It cannot be reached; the next address may be.
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

  /** A member that never answered is not known to have left. */
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
    // etcd may also advertise unix sockets.
    return [];
  }
}
