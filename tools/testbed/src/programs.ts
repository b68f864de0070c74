/** What needs no jest around it, for programs of their own. */
export {type Authority, type Certificate, createAuthority} from './certificates.ts';
export {startChild, type Child} from './child.ts';
export {startEtcdCluster, type EtcdCluster, type EtcdClusterOptions} from './cluster.ts';
export {startEtcd} from './etcd.ts';
export {etcdctl, etcdctlWithInput, spawnEtcdctl, type EtcdctlProcess, type EtcdctlResult} from './etcdctl.ts';
export {runGo} from './go.ts';
export {startGrpcProxy, type GrpcProxy} from './grpc-proxy.ts';
export {testKubernetesStorage} from './kubernetes.ts';
export type {Etcd, EtcdOptions} from './node.ts';
export {freePort} from './ports.ts';
export {startProxy, type Direction, type Proxy} from './proxy.ts';
export {runPython} from './python.ts';
export {runNode, type Ended} from './run-node.ts';
export type {Release} from './provision.ts';
export {typescriptArgs} from './typescript.ts';
