import {EventEmitter, once} from 'node:events';
import {type Connection, connectTo, type ConnectionOptions} from './connection.ts';
import {publish} from '../telemetry/diagnostics.ts';
import {type Endpoint, showEndpoint} from './endpoints.ts';

/** A member of the cluster, reached at one endpoint. */
export interface Member {
  /** Its endpoint: `http://HOST:PORT`. */
  readonly name: string;
  readonly connection: Connection;
  /** Whether calls may go to it: it is connected, and not known to belong to another cluster. */
  isReady(): boolean;
}

/** How {@link createMembers} finds out to which cluster a member belongs. */
export type ClusterIdOf = (member: Member) => Promise<string>;

/** The members of a cluster, in the order of preference. */
export interface Members {
  /** The endpoints that the handle was opened with, for messages. */
  readonly name: string;
  /** In the order of preference. */
  list(): readonly Member[];
  /** The connected member that is preferred, if there is one. */
  ready(): Member | undefined;
  /** Waits for a connected member. If no member can be connected, any: calling it says why. */
  connected(ended: AbortSignal): Promise<Member>;
  /** Has idle connections connect. */
  connect(): void;
  /** Another member that is connected, if there is one. */
  other(member: Member): Member | undefined;
  /** Moves the member to the end of the list, so that calls try others first. */
  demote(member: Member, reason: string): void;
  /** Makes a member that is not in the list yet; see {@link Members.replace}. */
  candidate(endpoint: Endpoint): Member;
  /** Waits until the member is connected. */
  untilReady(member: Member, signal: AbortSignal): Promise<void>;
  /** Adds candidates, and closes members that were removed once their calls are over. */
  replace(removed: readonly Member[], added: readonly Member[]): void;
  /** Waits until each member is ready, cannot be connected, or belongs to another cluster. */
  settled(signal: AbortSignal): Promise<void>;
  /** The members that belong to another cluster. */
  strangers(): readonly Member[];
  /** Calls back whenever a connection is lost. */
  onDisconnect(callback: () => void): void;
  close(): void;
}

/**
 * Connects to all members, as etcd's own client does, so that if one fails, another is ready at once. A member that fails
 * moves to the end of the list.
 *
 * Of several endpoints, one may belong to another cluster, by mistake. So each is asked before it is used.
 *
 * @param clusterIdOf - fails if the member does not tell; then it is used
 */
export function createMembers(
  endpoints: readonly Endpoint[],
  options: ConnectionOptions,
  clusterIdOf: ClusterIdOf,
): Members {
  const name = endpoints.map(showEndpoint).join(', ');
  /** Emits `change` when the state of a connection changes, and `disconnect` when a connection is lost. */
  const states = new EventEmitter().setMaxListeners(0);
  // A random start spreads clients over the members.
  const first = Math.floor(Math.random() * endpoints.length);
  let members = [...endpoints.slice(first), ...endpoints.slice(0, first)].map(candidate);
  /** The member of the last call, and why the next call should not go to it. */
  let last: {member: Member; reason?: string} | undefined;
  let closed = false;
  const cluster = oneCluster();

  function candidate(endpoint: Endpoint): Member {
    let connected = false;
    const member: Member = {
      name: showEndpoint(endpoint),
      connection: connectTo(endpoint, options, () => {
        const isConnected = member.connection.state === 'ready';
        if (isConnected !== connected) {
          connected = isConnected;
          publish('kvi:etcd:connection', () => ({endpoints: name, member: member.name, connected}));
          if (connected) void identify(member);
          else {
            cluster.forget(member);
            states.emit('disconnect');
          }
        }
        states.emit('change');
      }),
      isReady: () => connected && (endpoints.length === 1 || cluster.has(member)),
    };
    return member;
  }

  async function identify(member: Member): Promise<void> {
    if (endpoints.length === 1) return;
    const id = await clusterIdOf(member).catch(() => undefined);
    if (member.connection.state !== 'ready') return;
    cluster.learn(member, id, endpoints.length);
    if (!cluster.has(member))
      publish('kvi:etcd:other-cluster', () => ({endpoints: name, member: member.name}));
    states.emit('change');
  }

  function ready(): Member | undefined {
    const member = members.find(isReady);
    return member && chosen(member);
  }

  async function connected(ended: AbortSignal): Promise<Member> {
    for (;;) {
      const member = ready();
      if (member !== undefined) return member;
      connect();
      const [any] = members;
      if (any !== undefined && members.every(({connection}) => connection.state === 'failed')) return any;
      await stateChange(ended);
    }
  }

  function connect(): void {
    for (const {connection} of members) connection.connect();
  }

  function chosen(member: Member): Member {
    const before = last;
    if (before?.member === member) return member;
    last = {member};
    // It stays first even if members before it become connected.
    members = [member, ...members.filter((other) => other !== member)];
    if (before !== undefined) {
      const {reason = 'it is not connected'} = before;
      publish('kvi:etcd:failover', () => ({
        endpoints: name,
        from: before.member.name,
        to: member.name,
        reason,
      }));
    }
    return member;
  }

  async function stateChange(signal: AbortSignal): Promise<void> {
    // An attempt to connect does not keep the process alive; a call that waits for one must.
    const hold = setInterval(() => undefined, 2 ** 31 - 1);
    try {
      await once(states, 'change', {signal});
    } finally {
      clearInterval(hold);
    }
  }

  return {
    name,
    list: () => members,
    ready,
    connected,
    connect,
    other: (member) => members.find((other) => other !== member && isReady(other)),
    demote(member, reason) {
      if (!members.includes(member)) return;
      members = [...members.filter((other) => other !== member), member];
      if (last?.member === member) last.reason = reason;
    },
    candidate,
    async untilReady(member, signal) {
      while (!isReady(member)) {
        member.connection.connect();
        await stateChange(signal);
      }
    },
    replace(removed, added) {
      members = [...members.filter((member) => !removed.includes(member)), ...added];
      if (last !== undefined && removed.includes(last.member)) last.reason = 'it left the cluster';
      for (const {connection} of closed ? added : removed) connection.close();
    },
    async settled(signal) {
      const isSettled = (member: Member) =>
        member.isReady() || member.connection.state === 'failed' || cluster.isStranger(member);
      while (!members.every(isSettled)) await stateChange(signal);
    },
    strangers: () => members.filter((member) => cluster.isStranger(member)),
    onDisconnect(callback) {
      states.on('disconnect', callback);
    },
    close() {
      closed = true;
      for (const {connection} of members) connection.close();
    },
  };
}

export function isReady(member: Member): boolean {
  return member.isReady();
}

/** Tells the members of one cluster from members of others. */
function oneCluster() {
  /** What each member told; undefined if it did not. */
  const ids = new Map<Member, string | undefined>();
  let ours: string | undefined;

  function isStranger(member: Member): boolean {
    const id = ids.get(member);
    return id !== undefined && id !== ours;
  }

  return {
    isStranger,
    has: (member: Member) => ids.has(member) && !isStranger(member),
    learn(member: Member, id: string | undefined, count: number) {
      ids.set(member, id);
      ours ??= id;
      // A cluster that was restored from a backup may come back with another id, at all of its members.
      const agreeing = [...ids.values()].filter((other) => other === id).length;
      if (agreeing > count / 2) ours = id;
    },
    forget(member: Member) {
      ids.delete(member);
    },
  };
}
