export {startEtcdCluster, type EtcdCluster} from './cluster.ts';
export {startEtcd} from './etcd.ts';
export {etcdctl, spawnEtcdctl, type EtcdctlProcess, type EtcdctlResult} from './etcdctl.ts';
export type {Etcd, EtcdOptions} from './node.ts';
export {startProxy, type Direction, type Proxy} from './proxy.ts';
export type {Release} from './provision.ts';
export {runNode, type Ended} from './run-node.ts';
export {describeWithEtcd, sharedEtcdUrl} from './shared-etcd.ts';
export {typescriptArgs} from './typescript.ts';
