export * from './programs.ts';
export {describeWithEtcd, sharedEtcdUrl} from './shared-etcd.ts';
