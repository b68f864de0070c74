import {planNode, startNode, type Etcd, type EtcdOptions} from './node.ts';
import {retryTakenPorts} from './ports.ts';
import {provisionEtcd} from './provision.ts';

/** Starts a single etcd on loopback, and resolves when it answers. */
export async function startEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  const binary = await provisionEtcd(options.release);
  return retryTakenPorts(async () => {
    const plan = await planNode();
    const node = await startNode(binary, plan, [plan], options);
    try {
      await node.untilReady();
    } catch (error) {
      await node.stop();
      throw error;
    }
    return node;
  });
}
