/** Where a battery runs: a cluster, and proxies that break the network around and within it. */
import {setTimeout as sleep} from 'node:timers/promises';
import {startEtcdCluster, startProxy, type Etcd, type Proxy, type Release} from 'kvi-testbed/programs';
import {call, callAny} from './gateway.ts';
import {peerNetwork, type PeerNetwork} from './peer-network.ts';

/** A member, and the proxy through which clients reach it. */
export interface Member {
  node: Etcd;
  proxy: Proxy;
}

export interface Arena {
  readonly members: readonly Member[];
  readonly peers: PeerNetwork;
  /** The members' own endpoints, for the harness. */
  readonly endpoints: readonly string[];
  /** The proxies' endpoints, for the clients. */
  readonly proxied: readonly string[];
  /** Resolves with the index of the leader, as soon as there is one. */
  leader(): Promise<number>;
  /** Resolves when every member answers. */
  untilReady(): Promise<void>;
  close(): Promise<void>;
}

interface MemberList {
  members: {ID: string; clientURLs: string[]}[];
}

/** How long the members may take to elect a leader on a working network. */
const leaderMs = 60_000;

/** @param release the Debian release whose etcd it runs. Default: as for any test. */
export async function openArena(release?: Release): Promise<Arena> {
  const peers = peerNetwork();
  const cluster = await startEtcdCluster(3, {
    ...(release && {release}),
    peerEndpoint: (endpoint, index) => peers.endpointFor(endpoint, index),
  });
  const endpoints = cluster.nodes.map(({endpoint}) => endpoint);
  const proxies: Proxy[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await cluster.stop();
    peers.close();
  };
  try {
    const {members} = await callAny<MemberList>(endpoints, 'cluster/member/list');
    const ids = endpoints.map((endpoint) => {
      const found = members.find(({clientURLs}) => clientURLs.includes(`http://${endpoint}`));
      if (found === undefined) throw new Error(`the cluster does not list ${endpoint}`);
      return found.ID;
    });
    peers.know(ids.map((id) => BigInt(id).toString(16)));
    for (const endpoint of endpoints) proxies.push(await startProxy(endpoint));

    return {
      members: cluster.nodes.map((node, index) => ({node, proxy: at(proxies, index)})),
      peers,
      endpoints,
      proxied: proxies.map(({endpoint}) => endpoint),
      async leader() {
        const deadline = performance.now() + leaderMs;
        while (performance.now() < deadline) {
          for (const endpoint of endpoints) {
            const status = await call<{leader?: string}>(endpoint, 'maintenance/status').catch(
              () => undefined,
            );
            const index = ids.indexOf(status?.leader ?? '');
            if (index >= 0) return index;
          }
          await sleep(50);
        }
        throw new Error(`no leader was elected within ${leaderMs} ms`);
      },
      untilReady: async () => {
        await Promise.all(cluster.nodes.map((node) => node.untilReady()));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The item at an index that wraps around. */
export function at<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('no items to choose from');
  return item;
}
