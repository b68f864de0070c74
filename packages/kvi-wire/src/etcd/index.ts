/**
 * etcd's calls and their messages, as far as kvi uses them; one service, one file. Fields have kvi's names, so that most of kvi's
 * messages are sent as they are.
 *
 * @see `api/etcdserverpb/rpc.proto` and `api/mvccpb/kv.proto` in etcd
 */
export * from './auth.ts';
export * from './cluster.ts';
export * from './election.ts';
export type {Header, SentHeader} from './header.ts';
export * from './health.ts';
export * from './kv.ts';
export * from './lease.ts';
export * from './lock.ts';
export * from './maintenance.ts';
export type {DescribedMethod, Method, ServedMethod} from './method.ts';
export * from './reflection.ts';
export * from './watch.ts';
