import {setTimeout as sleep} from 'node:timers/promises';
import {etcdctl} from './etcdctl.ts';
import {planNode, startNode, type Etcd, type EtcdOptions, type NodePlan} from './node.ts';
import {retryTakenPorts} from './ports.ts';
import {provisionEtcd} from './provision.ts';

/** A running cluster that belongs to one test. */
export interface EtcdCluster extends AsyncDisposable {
  readonly nodes: readonly Etcd[];
  /** All nodes' endpoints in one URL: `http://127.0.0.1:PORT,127.0.0.1:PORT,...` */
  readonly url: string;
  /** Adds a member to the running cluster, and resolves when it answers. */
  add(): Promise<Etcd>;
  /** Removes a member, which then ends by itself, and its data. */
  remove(node: Etcd): Promise<void>;
  /** Kills all nodes and removes their data. Safe to repeat. */
  stop(): Promise<void>;
}

/** How to start a cluster. */
export interface EtcdClusterOptions extends Omit<EtcdOptions, 'dataDir'> {
  /**
   * Puts something between the members: given where a member listens for the others, `HOST:PORT`, returns where they are
   * to reach it. Called for each member in the order of `nodes`, from the start again when a port was taken.
   */
  peerEndpoint?: (endpoint: string, index: number) => Promise<string>;
}

const changeTimeoutMs = 60_000;

/** Starts a cluster on loopback, and resolves when every node of it answers. */
export async function startEtcdCluster(
  size = 3,
  {peerEndpoint, ...options}: EtcdClusterOptions = {},
): Promise<EtcdCluster> {
  const binary = await provisionEtcd(options.release);
  return retryTakenPorts(async () => {
    const plans = await Promise.all(Array.from({length: size}, planNode));
    for (const [index, plan] of plans.entries()) {
      if (peerEndpoint === undefined) break;
      plan.advertisedPeerUrl = `http://${await peerEndpoint(new URL(plan.peerUrl).host, index)}`;
    }
    const running = new Map<Etcd, NodePlan>();
    const stop = async (): Promise<void> => {
      await Promise.all([...running.keys()].map((node) => node.stop()));
    };
    const start = async (
      plan: NodePlan,
      all: readonly NodePlan[],
      more: readonly string[],
    ): Promise<Etcd> => {
      const args = [...(options.args ?? []), ...more];
      const node = await startNode(binary, plan, all, {...options, args});
      running.set(node, plan);
      return node;
    };
    const nodes = await Promise.all(plans.map((plan) => start(plan, plans, [])));
    try {
      await Promise.all(nodes.map((node) => node.untilReady()));
    } catch (error) {
      await stop();
      throw error;
    }
    /** Asks for a change of the membership until it is made: etcd refuses one that follows another too soon. */
    const change = async (...args: string[]): Promise<void> => {
      const endpoints = [...running.keys()].map(({endpoint}) => endpoint).join(',');
      const deadline = performance.now() + changeTimeoutMs;
      for (;;) {
        const {code, stderr} = await etcdctl(endpoints, 'member', ...args);
        if (code === 0) return;
        if (performance.now() > deadline) throw new Error(`etcdctl member ${args.join(' ')}: ${stderr}`);
        await sleep(50);
      }
    };
    return {
      nodes,
      url: `http://${nodes.map(({endpoint}) => endpoint).join(',')}`,
      add: async () => {
        const plan = await planNode();
        await change('add', plan.name, `--peer-urls=${plan.peerUrl}`);
        const node = await start(plan, [...running.values(), plan], ['--initial-cluster-state', 'existing']);
        await node.untilReady();
        return node;
      },
      remove: async (node) => {
        const plan = running.get(node);
        if (plan === undefined) throw new Error(`${node.url} is no member`);
        running.delete(node);
        const list = await etcdctl(
          [...running.keys()].map(({endpoint}) => endpoint).join(','),
          'member',
          'list',
        );
        const id = list.stdout
          .split('\n')
          .find((line) => line.includes(plan.name))
          ?.split(',')[0];
        await change('remove', String(id));
        await node.stop();
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  });
}
