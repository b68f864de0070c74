import {memberList} from 'kvi-wire';
import {type Route, unary} from '../grpc/route.ts';
import type {ServiceContext} from '../store/context.ts';
import {unimplementedRoutes} from './unimplemented.ts';

const cannotChange = 'the server is a cluster of one member, which stays as it is';

/** The server is a cluster of one, at the address that its client dialled: clients go to the members' addresses. */
export function clusterService({identity, url}: ServiceContext): Route[] {
  return [
    unary(memberList, (_, {authority}) => {
      const {memberId} = identity.status;
      const {clusterId, raftTerm} = identity.header(0);
      const here = url();
      const address = here.startsWith('unix:')
        ? here
        : `${here.slice(0, here.indexOf('://'))}://${authority}`;
      return {
        header: {clusterId, memberId, raftTerm},
        members: [{id: memberId, name: 'kvi', peerUrls: [address], clientUrls: [address]}],
      };
    }),
    ...unimplementedRoutes('etcdserverpb.Cluster', {
      MemberAdd: cannotChange,
      MemberRemove: cannotChange,
      MemberUpdate: cannotChange,
      MemberPromote: cannotChange,
    }),
  ];
}
