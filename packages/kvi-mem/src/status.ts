import type {StatusResponse} from 'kvi-core/driver';
import type {StoreState} from './store-state.ts';

/** The version of etcd whose behaviour the store has. */
const version = '3.5.30';

/** The store is a cluster of one member, which leads, and never runs out of space. */
const id = '1';

/** What the store says of itself. */
export function status({kv: {revision}, clusterId}: StoreState): StatusResponse {
  return {
    revision,
    clusterId,
    memberId: id,
    leader: id,
    raftTerm: 1,
    version,
    dbSize: 0,
    dbSizeInUse: 0,
    members: [{id, name: 'mem', peerUrls: [], clientUrls: ['mem:'], isLearner: false}],
    alarms: [],
  };
}
