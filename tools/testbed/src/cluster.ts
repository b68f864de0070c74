import {planNode, startNode, type Etcd, type EtcdOptions} from './node.ts';
import {retryTakenPorts} from './ports.ts';
import {provisionEtcd} from './provision.ts';

/** A running cluster that belongs to one test. */
export interface EtcdCluster extends AsyncDisposable {
  readonly nodes: readonly Etcd[];
  /** All nodes' endpoints in one URL: `http://127.0.0.1:PORT,127.0.0.1:PORT,...` */
  readonly url: string;
  /** Kills all nodes and removes their data. Safe to repeat. */
  stop(): Promise<void>;
}

/** Starts a cluster on loopback, and resolves when every node of it answers. */
export async function startEtcdCluster(
  size = 3,
  options: Omit<EtcdOptions, 'dataDir'> = {},
): Promise<EtcdCluster> {
  const binary = await provisionEtcd(options.release);
  return retryTakenPorts(async () => {
    const plans = await Promise.all(Array.from({length: size}, planNode));
    const nodes = await Promise.all(plans.map((plan) => startNode(binary, plan, plans, options)));
    const stop = async (): Promise<void> => {
      await Promise.all(nodes.map((node) => node.stop()));
    };
    try {
      await Promise.all(nodes.map((node) => node.untilReady()));
    } catch (error) {
      await stop();
      throw error;
    }
    const url = `http://${nodes.map(({endpoint}) => endpoint).join(',')}`;
    return {nodes, url, stop, [Symbol.asyncDispose]: stop};
  });
}
